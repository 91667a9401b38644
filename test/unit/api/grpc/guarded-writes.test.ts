import { expect, test } from "vitest";
import type {
  CreateZnodeResponse,
  DeleteZnodeResponse,
  SetZnodeResponse,
} from "../../../../src/api/grpc/gen/muster/coordination/v1/coordination_service.ts";
import type { MultiPart, Operation } from "../../../../src/api/grpc/gen/muster/coordination/v1/session.ts";
import { CreateMode } from "../../../../src/api/grpc/gen/muster/coordination/v1/znode.ts";
import { outcome, type Request, startDoor } from "./door-fixture.ts";

type Body = NonNullable<Operation["operation"]>;
type Part = NonNullable<MultiPart["operation"]>;

/** What a product has, and what is anybody's. */
const guarded = "/muster/registry/shop:db";
const free = "/muster/election/shop:db";
const data = new Uint8Array(0);

const create = (path: string) => ({ path, data, mode: CreateMode.UNSPECIFIED, ttlMs: 0, ifAbsent: false });
const parts = (path: string): Part[] => [
  { $case: "create", value: create(path) },
  { $case: "create", value: { ...create(path), mode: CreateMode.EPHEMERAL_SEQUENTIAL, ifAbsent: true } },
  { $case: "set", value: { path, data } },
  { $case: "delete", value: { path } },
  { $case: "setAcl", value: { path, acl: { entries: [] } } },
];
const multi = (...operations: Part[]): Body => ({
  $case: "multi",
  value: { parts: operations.map((operation) => ({ operation })) },
});
const writes = (path: string): Body[] => [...(parts(path) as Body[]), { $case: "deleteTree", value: { path } }];

function operations(...bodies: Body[]): Request {
  const list = bodies.map((operation, i) => ({ number: i + 1, minZxid: 0, linearizable: false, operation }));
  return { $case: "operations", value: { answeredBelow: 1, operations: list } };
}

test("products.md 6: every write of a guarded subtree on a session is GUARDED_PATH, in its place", async () => {
  const { port, stream } = await startDoor();
  port.data.set(guarded, Buffer.from("{}"));
  const client = await stream().open();
  const bad = [...writes(guarded), ...parts(guarded).map((part) => multi(parts(free)[0] as Part, part))];
  const get: Body = { $case: "get", value: { path: guarded } };
  client.send(operations(...writes(free), ...bad, get, multi({ $case: "check", value: { path: guarded } })));
  const results = [];
  const count = writes(free).length + bad.length + 2;
  while (results.length < count) results.push(...(await client.next("results")).results);
  expect(results.map(({ number }) => number)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  const refused = results.filter(({ failure }) => failure?.reason === "GUARDED_PATH");
  expect(refused.map(({ number }) => number)).toEqual(bad.map((_, i) => writes(free).length + i + 1));
  expect(refused[0]?.failure).toMatchObject({ status: 7, message: expect.stringContaining("only a product writes") });
  expect(results.at(-2)?.data).toEqual(Buffer.from("{}"));
  expect(port.last.of("submit")).toHaveLength(writes(free).length + 1);
});

test("products.md 6: so is every one in a call", async () => {
  const { client, port } = await startDoor();
  const endings = [
    await outcome<CreateZnodeResponse>((done) => client.createZnode({ create: create(guarded) }, done)),
    await outcome<SetZnodeResponse>((done) => client.setZnode({ set: { path: guarded, data } }, done)),
    await outcome<DeleteZnodeResponse>((done) => client.deleteZnode({ path: guarded, recursive: false }, done)),
    await outcome<DeleteZnodeResponse>((done) => client.deleteZnode({ path: guarded, recursive: true }, done)),
    await outcome<DeleteZnodeResponse>((done) => client.deleteZnode({ path: "/muster", recursive: true }, done)),
  ];
  for (const { ending } of endings) expect(ending).toMatchObject({ code: 7, reason: "GUARDED_PATH" });
  expect(port.connections).toEqual([]);
  const { response } = await outcome<CreateZnodeResponse>((done) => client.createZnode({ create: create(free) }, done));
  expect(response?.path).toBe(free);
});
