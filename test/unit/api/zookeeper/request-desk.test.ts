import { describe, expect, test } from "vitest";
import { createMode } from "../../../../src/core/tree/operation.ts";
import { emptyStat } from "../../../../src/core/tree/stat.ts";
import type { JuteReader } from "../../../conformance/differential/jute.ts";
import type { Request } from "../../../conformance/differential/request.ts";
import type { Asked, ScriptedCoordination } from "../scripted-coordination.ts";
import { startDoor } from "./door-fixture.ts";

const PLAIN = { minZxid: 0, linearizable: false };
const open = [{ perms: 31, scheme: "world", id: "anyone" }];
const stat = { ...emptyStat(), czxid: 11, version: 12, pzxid: 13 };
const whole = { kind: "list", limit: 0, cursor: new Uint8Array(0), whole: true };

/** What the port was asked last. */
function last(port: ScriptedCoordination): Asked | undefined {
  return port.last.asked.at(-1);
}

/** czxid, version and pzxid. */
function readStat(body: JuteReader): number[] {
  const [czxid] = [Number(body.long()), body.long(), body.long(), body.long()];
  const [version] = [body.int(), body.int(), body.int(), body.long(), body.int(), body.int()];
  return [czxid, version, Number(body.long())];
}

const STAT = [11, 12, 13];
const strings = (body: JuteReader) => body.vector(() => body.string());

type Row = [
  Request,
  object,
  Parameters<ScriptedCoordination["last"]["answer"]>[0],
  (body: JuteReader) => unknown,
  unknown,
];
const create = { kind: "create", path: "/a", data: Uint8Array.of(0x78) };
const base = { path: "/a", data: "x", acl: open };
const created = { kind: "create", path: "/a7", stat } as const;
const createdBody = (body: JuteReader) => [body.string(), readStat(body)];

const rows: Row[] = [
  [{ op: "create", ...base, flags: 2 }, { ...create, mode: 2 }, created, (body) => body.string(), "/a7"],
  [{ op: "create2", ...base, flags: 0 }, { ...create, mode: 0 }, created, createdBody, ["/a7", STAT]],
  [{ op: "createContainer", ...base, flags: 4 }, { ...create, mode: 4 }, created, createdBody, ["/a7", STAT]],
  [
    { op: "createTtl", ...base, flags: 5, ttl: 99 },
    { ...create, mode: createMode.PERSISTENT_WITH_TTL, ttlMs: 99 },
    created,
    createdBody,
    ["/a7", STAT],
  ],
  [{ op: "delete", path: "/a", version: 3 }, { kind: "delete", path: "/a", version: 3 }, {}, () => "", ""],
  [
    { op: "setData", path: "/a", data: "y", version: 3 },
    { kind: "set", path: "/a", data: Uint8Array.of(0x79), version: 3 },
    { kind: "stat", stat },
    readStat,
    STAT,
  ],
  [
    { op: "setAcl", path: "/a", acl: [{ perms: 1, scheme: "ip", id: "::1" }], version: 3 },
    { kind: "set-acl", path: "/a", acl: [{ permissions: 1, scheme: "ip", id: "::1" }], version: 3 },
    { kind: "stat", stat },
    readStat,
    STAT,
  ],
  [{ op: "exists", path: "/a", watch: false }, { kind: "exists", path: "/a" }, { kind: "stat", stat }, readStat, STAT],
  [
    { op: "getData", path: "/a", watch: false },
    { kind: "get", path: "/a" },
    { kind: "get", stat, data: Uint8Array.of(7) },
    (body) => [[...(body.buffer() ?? [])], readStat(body)],
    [[7], STAT],
  ],
  [
    { op: "getChildren", path: "/a", watch: false },
    { ...whole, path: "/a" },
    { kind: "list", names: ["x", "y"], stat },
    strings,
    ["x", "y"],
  ],
  [
    { op: "getChildren2", path: "/a", watch: false },
    { ...whole, path: "/a" },
    { kind: "list", names: ["x"], stat },
    (body) => [strings(body), readStat(body)],
    [["x"], STAT],
  ],
  [
    { op: "getAcl", path: "/a" },
    { kind: "get-acl", path: "/a" },
    { kind: "acl", acl: [{ permissions: 1, scheme: "ip", id: "::1" }], stat },
    (body) => [body.vector(() => [body.int(), body.string(), body.string()]), readStat(body)],
    [[[1, "ip", "::1"]], STAT],
  ],
  [
    { op: "getAllChildrenNumber", path: "/a" },
    { kind: "count", path: "/a" },
    { kind: "count", count: 5 },
    (body) => body.int(),
    5,
  ],
  [
    { op: "getEphemerals", path: "/a" },
    { kind: "ephemerals", path: "/" },
    { kind: "ephemerals", names: ["/b", "/a", "/ab", "/a/c"] },
    // As text: where the prefix ends is nothing to it.
    strings,
    ["/a", "/ab", "/a/c"],
  ],
  [
    {
      op: "multiRead",
      operations: [
        { op: "getData", path: "/a", watch: true },
        { op: "getChildren", path: "/b", watch: false },
      ],
    },
    {
      kind: "multi-read",
      operations: [
        { kind: "get", path: "/a" },
        { ...whole, path: "/b" },
      ],
    },
    { kind: "multi-read", parts: [] },
    (body) => [body.int(), body.boolean(), body.int()],
    [-1, true, -1],
  ],
];

test.each(rows.map((row): [string, Row] => [row[0].op, row]))(
  "reference 1.1: %s is one call of the port, and its reply has the body ZooKeeper's clients read",
  async (_, [request, operation, answer, read, expected]) => {
    const { session, port, until } = await startDoor();
    port.autoAnswer = false;
    const one = (await session()).ask(request);
    await until(() => port.last.asked.length === 2);
    expect(last(port)).toMatchObject({ operation });
    if (last(port)?.kind === "read") expect(last(port)).toMatchObject({ number: 0, options: PLAIN });
    port.last.answer(answer);
    port.last.turnEnd();
    const { xid, zxid, error, body } = await one.reply();
    expect([xid, zxid, error]).toEqual([1, port.zxid, 0]);
    expect(read(body)).toEqual(expected);
    expect(body.left).toBe(0);
  },
);

test("a multi is one write with all its parts", async () => {
  const { session, port } = await startDoor();
  const operations: Request[] = [
    { op: "create", ...base, flags: 0 },
    { op: "check", path: "/b", version: 4 },
  ];
  await (await session()).ask({ op: "multi", operations }).reply();
  expect(last(port)).toMatchObject({
    kind: "submit",
    operation: {
      kind: "multi",
      operations: [
        { ...create, mode: 0 },
        { kind: "check", path: "/b", version: 4 },
      ],
    },
  });
});

describe("watches left by reads", () => {
  const left: [Request, string][] = [
    [{ op: "getData", path: "/a", watch: true }, "exists"],
    [{ op: "exists", path: "/a", watch: true }, "exists"],
    [{ op: "getChildren", path: "/a", watch: true }, "children"],
    [{ op: "getChildren2", path: "/a", watch: true }, "children"],
  ];
  test.each(left)("reference 1.5: %o asks the port for the read and the watch at once", async (request, mode) => {
    const { session, port } = await startDoor();
    await (await session()).ask(request).reply();
    expect(last(port)).toMatchObject({ kind: "read", options: { ...PLAIN, watch: { mode } } });
  });

  test("where the read fails there is none, but exists waits for a znode to come", async () => {
    const { session } = await startDoor();
    const one = await session();
    const watched = async (request: Request) => {
      await one.ask(request).reply();
      return (await one.ask({ op: "checkWatches", path: "/none", kind: 3 }).reply()).error;
    };
    expect(await watched({ op: "getData", path: "/none", watch: true })).toBe(-121);
    expect(await watched({ op: "getChildren", path: "/none", watch: true })).toBe(-121);
    expect(await watched({ op: "exists", path: "/none", watch: true })).toBe(0);
  });

  test("an event for several watches of a connection is told once, one for a watch taken back not at all", async () => {
    const { session, port } = await startDoor();
    port.data.set("/a", Buffer.from("x"));
    const one = await session();
    one.ask({ op: "getData", path: "/a", watch: true }, { op: "addWatch", path: "/a", kind: 0 });
    await one.outcomes(2);
    const ids = [
      port.last.of("read")[0]?.options.watch?.watchId,
      port.last.of("addWatch")[0]?.request.watchId,
    ] as number[];
    const tell = (zxid: number): void => {
      const event = { type: 3, path: "/a", zxid, encoded: undefined } as const;
      port.last.events(
        ids.map((watchId) => ({ watchId, event })),
        zxid,
      );
      port.last.turnEnd();
    };
    tell(port.zxid + 1);
    expect(await one.told()).toEqual({ zxid: port.zxid + 1, type: 3, state: 3, path: "/a" });
    tell(port.zxid + 2);
    expect(await one.told()).toMatchObject({ zxid: port.zxid + 2 });
    await one.ask({ op: "removeWatches", path: "/a", kind: 3 }).reply();
    tell(port.zxid + 3);
    expect(await one.ask({ op: "whoAmI" }).outcomes(1)).toEqual([[4, 0]]);
  });
});

describe("what is refused", () => {
  const unknown: Request[] = [0, 10, 23, 99, -10, -1, 2 ** 31 - 1].map((type) => ({
    op: "unknown",
    type,
    path: "/a",
  }));
  test("reference 1.1: what nobody knows is Unimplemented, and the end of the connection", async () => {
    for (const request of unknown) {
      const { session, port } = await startDoor();
      const one = (await session()).ask(request);
      expect((await one.outcomes(1)).map(([, error]) => error)).toEqual([-6]);
      await one.ended;
      expect(port.last.asked.map(({ kind }) => kind)).toEqual(["open"]);
    }
  });

  test("reference 1.1: a lone check and deleteContainer are Unimplemented, and the connection goes on", async () => {
    const { session, port } = await startDoor();
    const check: Request = { op: "check", path: "/a", version: 1 };
    const one = (await session()).ask({ op: "unknown", type: 20, path: "/a" }, check, { op: "whoAmI" });
    expect((await one.outcomes(3)).map(([, error]) => error)).toEqual([-6, -6, 0]);
    expect(port.last.asked.map(({ kind }) => kind)).toEqual(["open"]);
  });

  test("arguments that cannot be are BadArguments, without asking the port", async () => {
    const { session, port } = await startDoor();
    const bad: Request[] = [
      { op: "addWatch", path: "/a", kind: 2 },
      { op: "removeWatches", path: "/a", kind: 0 },
      { op: "checkWatches", path: "/a", kind: 6 },
    ];
    const outcomes = await (await session()).ask(...bad).outcomes(bad.length);
    expect(outcomes.map(([, error]) => error)).toEqual(Array(bad.length).fill(-8));
    expect(port.last.asked.map(({ kind }) => kind)).toEqual(["open"]);
  });

  test("a part that no transaction has is a MarshallingError of the whole", async () => {
    const { session, port } = await startDoor();
    const one = (await session()).ask(
      { op: "multi", operations: [{ op: "getData", path: "/a", watch: false }] },
      { op: "multiRead", operations: [{ op: "delete", path: "/a", version: 1 }] },
    );
    expect(await one.outcomes(2)).toEqual([
      [1, -5],
      [2, -5],
    ]);
    expect(port.last.asked).toHaveLength(1);
  });
});

describe("the ensemble", () => {
  test("/zookeeper/config has the ensemble's own text, with the znode's watch", async () => {
    const { session, port } = await startDoor();
    port.data.set("/zookeeper/config", Buffer.from("not this"));
    const one = await session();
    const { error, body } = await one.ask({ op: "getData", path: "/zookeeper/config", watch: true }).reply();
    const text = Buffer.from(body.buffer() ?? []).toString();
    expect(error).toBe(0);
    expect(text).toContain("server.1=");
    expect(text).toContain("version=");
    expect(body.left).toBe(68);
    expect((await one.ask({ op: "checkWatches", path: "/zookeeper/config", kind: 2 }).reply()).error).toBe(0);
  });

  test("reconfig is for super alone, and answered in its place", async () => {
    const { session, port } = await startDoor();
    const one = (await session()).ask({ op: "reconfig", joining: "server.2=h:1:2;3" }, { op: "whoAmI" });
    expect(await one.outcomes(2)).toEqual([
      [1, -102],
      [2, 0],
    ]);
    expect(port.changes).toEqual([]);
  });
});
