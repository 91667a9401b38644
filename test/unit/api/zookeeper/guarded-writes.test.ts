import { expect, test } from "vitest";
import type { Request } from "../../../conformance/differential/request.ts";
import type { ScriptedCoordination } from "../scripted-coordination.ts";
import { startDoor } from "./door-fixture.ts";

const acl = [{ perms: 31, scheme: "world", id: "anyone" }];
const NO_AUTH = -102;
const ROLLED_BACK = -2;
/** What a product has, and what is anybody's. */
const guarded = "/muster/config/shop:db";
const free = "/muster/lock/shop:db";

const create = (path: string, flags = 0): Request => ({ op: "create", path, data: "x", acl, flags });
const writes = (path: string): Request[] => [
  ...[0, 1, 2, 3].map((flags) => create(path, flags)),
  { op: "create2", path, data: "x", acl, flags: 0 },
  { op: "createContainer", path, data: "x", acl, flags: 4 },
  { op: "createTtl", path, data: "x", acl, flags: 5, ttl: 1_000 },
  { op: "createTtl", path, data: "x", acl, flags: 6, ttl: 1_000 },
  { op: "setData", path, data: "x", version: -1 },
  { op: "delete", path, version: -1 },
];
const setAcl = (path: string): Request => ({ op: "setAcl", path, acl, version: -1 });

const submitted = (port: ScriptedCoordination) => port.last.of("submit").length;

test("products.md 6: every write of a guarded subtree is NoAuth, and asks nothing of the port", async () => {
  const { session, port } = await startDoor();
  const requests = [...writes(guarded), setAcl(guarded)];
  const outcomes = await (await session()).ask(...requests).outcomes(requests.length);
  expect(outcomes.map(([, error]) => error)).toEqual(requests.map(() => NO_AUTH));
  expect(submitted(port)).toBe(0);
});

test("products.md 6: reads of a guarded subtree and writes of recipes are as anywhere", async () => {
  const { session, port } = await startDoor();
  port.data.set(guarded, Buffer.from("{}"));
  const one = await session();
  const { error } = await one.ask({ op: "getData", path: guarded, watch: true }).reply();
  expect(error).toBe(0);
  const set: Request = { op: "setData", path: free, data: "y", version: -1 };
  const requests = [create(free), set, create("/muster")];
  const outcomes = await one.ask(...requests).outcomes(requests.length);
  expect(outcomes.map(([, each]) => each)).toEqual([0, 0, 0]);
  expect(submitted(port)).toBe(3);
});

test("products.md 6: super writes there", async () => {
  // What `printf %s root:secret | openssl dgst -sha1 -binary | openssl base64` prints.
  const { session, port } = await startDoor({ auth: { superDigest: "root:J1scEM42CKaLPP5+ElgpgGsuONg=" } });
  const one = await session();
  one.ask({ op: "auth", scheme: "digest", credential: "root:secret" }, create(guarded));
  expect((await one.outcomes(2)).map(([, error]) => error)).toEqual([0, 0]);
  const operations = [create(guarded)];
  expect((await one.ask({ op: "multi", operations }).reply()).error).toBe(0);
  expect(submitted(port)).toBe(2);
});

test("products.md 6: a multi with such a part fails as ZooKeeper's do, whatever the part is", async () => {
  const { session, port } = await startDoor();
  const one = await session();
  for (const bad of writes(guarded)) {
    const operations: Request[] = [create(free), { op: "check", path: free, version: 1 }, bad, create(free)];
    const { error, body } = await one.ask({ op: "multi", operations }).reply();
    expect(error).toBe(0);
    const parts = operations.map(() => [body.int(), body.boolean(), body.int(), body.int()]);
    expect(parts).toEqual([0, 0, NO_AUTH, ROLLED_BACK].map((code) => [-1, false, code, code]));
    expect([body.int(), body.boolean(), body.int(), body.left]).toEqual([-1, true, -1, 0]);
  }
  const look: Request = { op: "check", path: guarded, version: 1 };
  await one.ask({ op: "multi", operations: [look, create(free)] }).reply();
  expect(submitted(port)).toBe(1);
});

test("a refused write is answered in its place, and the numbers of the others have no gap", async () => {
  const { session, port, until } = await startDoor();
  port.autoAnswer = false;
  const one = await session();
  const multi: Request = { op: "multi", operations: [create(guarded)] };
  one.ask(create(free), create(guarded), multi, create(free), create(guarded));
  await until(() => submitted(port) === 2);
  port.last.answer({ kind: "create", path: free });
  port.last.answer({ kind: "create", path: free });
  port.last.turnEnd();
  expect(await one.outcomes(5)).toEqual([
    [1, 0],
    [2, NO_AUTH],
    [3, 0],
    [4, 0],
    [5, NO_AUTH],
  ]);
  const [first, second] = port.last.of("submit");
  expect((second?.number ?? 0) - (first?.number ?? 0)).toBe(1);
});
