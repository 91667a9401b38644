import { describe, expect, test } from "vitest";
import { errors } from "../../../../src/core/base/errors.ts";
import type { Request } from "../../../conformance/differential/request.ts";
import { framed, requestFrame } from "../../../support/zookeeper-frames.ts";
import type { ScriptedCoordination } from "../scripted-coordination.ts";
import { startDoor } from "./door-fixture.ts";

const get: Request = { op: "getData", path: "/a", watch: false };
const set: Request = { op: "setData", path: "/a", data: "new", version: -1 };
const check: Request = { op: "checkWatches", path: "/a", kind: 3 };

/** Gives one answer, and ends the turn. */
function answer(port: ScriptedCoordination, code = 0): void {
  port.last.answer({ code });
  port.last.turnEnd();
}

describe("replies", () => {
  test("reference 2.2: come in the order of the requests, whoever answers them", async () => {
    const { session, port, until } = await startDoor();
    port.autoAnswer = false;
    const one = await session();
    one.ask(check, { op: "delete", path: "/a", version: 1 }, { op: "whoAmI" }, get, { op: "sync", path: "/" }, check);
    await until(() => port.last.asked.length === 4);
    expect(port.last.asked.map(({ kind }) => kind)).toEqual(["open", "submit", "read", "sync"]);
    answer(port);
    answer(port, errors.NODE_NOT_FOUND.code);
    answer(port);
    expect(await one.outcomes(6)).toEqual([
      [1, -121],
      [2, 0],
      [3, 0],
      [4, -101],
      [5, 0],
      [6, -121],
    ]);
  });

  test("what is ready in one turn of the loop leaves together", async () => {
    const { session, port, until } = await startDoor();
    port.autoAnswer = false;
    const one = await session();
    one.ask(...Array<Request>(50).fill({ op: "delete", path: "/a", version: -1 }));
    await until(() => port.last.of("submit").length === 50);
    for (let left = 50; left > 0; left--) port.last.answer({});
    expect(one.unread).toBe(0);
    port.last.turnEnd();
    expect(await one.outcomes(50)).toHaveLength(50);
  });

  test("a ping is answered once the leader has acknowledged that the session lives, not before", async () => {
    const { session, port, until } = await startDoor();
    port.autoAnswer = false;
    const one = (await session()).ask({ op: "ping" }, { op: "delete", path: "/a", version: 1 });
    await until(() => port.last.of("submit").length === 1);
    expect(port.last.of("touch")).toHaveLength(1);
    answer(port);
    port.last.listener.onTouched(0);
    port.last.turnEnd();
    expect(await one.outcomes(2)).toEqual([
      [1, 0],
      [-2, 0],
    ]);
  });

  test("writes have rising numbers, and say what has been answered; reads have none", async () => {
    const { session, port } = await startDoor();
    const one = (await session()).ask(set, get, set, set);
    await one.outcomes(4);
    const writes = port.last.of("submit").map(({ number, answeredBelow }) => ({ number, answeredBelow }));
    const first = 2 ** 33;
    expect(writes).toEqual([1, 2, 3].map((n) => ({ number: first + n, answeredBelow: first + n })));
    // Resumed, it has the next owner's numbers.
    const two = (await session({ sessionId: 7n })).ask(set);
    await two.outcomes(1);
    expect(port.last.of("submit")[0]?.number).toBe(2 * first + 1);
  });
});

describe("the end", () => {
  test("reference 2.4: closeSession is answered behind all before it, then the connection ends", async () => {
    const { session, port, door, until } = await startDoor();
    port.autoAnswer = false;
    const one = (await session()).ask({ op: "delete", path: "/a", version: 1 }, { op: "closeSession" }, set);
    await until(() => port.last.of("close").length === 1);
    answer(port);
    port.last.closed(undefined);
    expect(await one.outcomes(2)).toEqual([
      [1, 0],
      [2, 0],
    ]);
    await one.ended;
    // What came behind it is not handed on.
    expect(port.last.of("submit")).toHaveLength(1);
    expect(port.last.detached).toBe(true);
    await until(() => door.stats().connections === 0);
    expect(door.stats().outstanding).toBe(0);
  });

  test("a connection that is ended is let go at once when its client closes, whatever it had still sent", async () => {
    const { session, port, door, until } = await startDoor({ limits: { outstandingRequestsMax: 1 } });
    port.autoAnswer = false;
    const one = await session();
    // Reading is paused, with much unread.
    for (let i = 0; i < 50; i++) one.write(Buffer.concat(Array(500).fill(requestFrame(get, 1))));
    await until(() => port.last.asked.length === 2);
    port.last.closed("SESSION_EXPIRED");
    await one.ended;
    await until(() => door.stats().connections === 0);
  });

  test.each(["SESSION_MOVED", "SESSION_EXPIRED", "NOT_READY", "NO_QUORUM", "STOPPING"] as const)(
    "reference 1.4: a request refused for %s ends the connection without a reply, behind those before it",
    async (reason) => {
      const { session, port, until } = await startDoor();
      port.autoAnswer = false;
      const one = (await session()).ask(get, set, get);
      await until(() => port.last.asked.length === 4);
      port.last.answer({ code: errors.NODE_NOT_FOUND.code });
      port.last.answer({ code: errors[reason].code });
      expect(await one.outcomes(1)).toEqual([[1, -101]]);
      expect(await one.rest()).toHaveLength(0);
      expect([port.last.detached, port.last.of("close")]).toEqual([true, []]);
    },
  );

  test("a session that is over or moved elsewhere ends the connection without a word", async () => {
    const { session, port } = await startDoor();
    for (const reason of ["SESSION_EXPIRED", "SESSION_MOVED"] as const) {
      const one = await session();
      port.last.closed(reason);
      expect(await one.rest()).toHaveLength(0);
    }
  });

  test("a client that is gone leaves its session as it is", async () => {
    const { session, port, door, until } = await startDoor();
    const one = await session();
    one.socket.destroy();
    await until(() => port.last.detached && door.stats().connections === 0);
    expect(port.last.of("close")).toEqual([]);
  });

  test("an ended connection is told nothing more, and does not mind being told", async () => {
    const { session, port, logged } = await startDoor();
    const one = await session();
    const { listener } = port.last;
    port.last.closed("SESSION_MOVED");
    await one.ended;
    listener.onTouched(0);
    listener.onEvents([{ watchId: 4, event: { type: 1, path: "/a", zxid: 1, encoded: undefined } }], 1);
    listener.onClosed(undefined, 1);
    listener.onTurnEnd();
    expect(logged.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("frames that are wrong", () => {
  const corrupt: [string, Uint8Array][] = [
    ["too long", Buffer.from([0, 0x10, 0, 0])],
    ["of negative length", Buffer.from([0xff, 0xff, 0xff, 0xfe])],
    ["without a header", framed(Buffer.from([0, 0, 0, 1, 0, 0]))],
  ];

  test.each(corrupt)("reference 2.2: one %s cuts the connection; the session lives on", async (_, bytes) => {
    const { session, port, logged, until } = await startDoor();
    const one = (await session()).write(bytes);
    expect(await one.rest()).toHaveLength(0);
    await until(() => port.last.detached);
    expect(port.last.of("close")).toEqual([]);
    expect(logged.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("a frame just as long as allowed is taken", async () => {
    const { session, port } = await startDoor({ limits: { frameBytesMax: 2_000 } });
    port.data.set("/a", Buffer.from(""));
    const room = 2_000 + 4 - requestFrame({ ...set, data: "" } as Request, 1).length;
    const one = (await session()).ask({ op: "setData", path: "/a", data: "x".repeat(room), version: -1 });
    expect(await one.outcomes(1)).toEqual([[1, 0]]);
    one.ask({ op: "setData", path: "/a", data: "x".repeat(room + 1), version: -1 });
    expect(await one.rest()).toHaveLength(0);
  });

  const cut: Request[] = [
    { op: "create", path: "/a", data: "x", acl: [], flags: 0 },
    { op: "createTtl", path: "/a", data: "x", acl: [], flags: 5, ttl: 9 },
    set,
    get,
    { op: "getChildren", path: "/a", watch: true },
    { op: "getAcl", path: "/a" },
    { op: "sync", path: "/a" },
    { op: "getEphemerals", path: "/" },
    { op: "multi", operations: [set] },
    { op: "multiRead", operations: [get] },
    { op: "addWatch", path: "/a", kind: 0 },
    check,
    { op: "removeWatches", path: "/a", kind: 3 },
    { op: "reconfig", joining: "x" },
    { op: "setWatches", relative: "zero", lists: [[], [], ["/a"]] },
    { op: "setWatches2", relative: "zero", lists: [[], [], [], [], ["/a"]] },
  ];

  test.each(cut.map((request): [string, Request] => [request.op, request]))(
    "a %s that ends too early is a MarshallingError in its place, and the connection lives",
    async (_, request) => {
      const { session, port } = await startDoor();
      port.data.set("/a", Buffer.from("x"));
      const one = (await session()).ask(get, { ...request, mangle: { kind: "cut", bytes: 1 } } as Request, get);
      const [first, second, third] = await one.outcomes(3);
      expect([first?.[1], second?.[1], third?.[1]]).toEqual([0, -5, 0]);
    },
  );
});

describe("identities", () => {
  test("reference 1.7: an auth packet is answered out of line, and counts from the next request on", async () => {
    const { session, port, until } = await startDoor();
    port.autoAnswer = false;
    const one = (await session()).ask(
      get,
      { op: "auth", scheme: "digest", credential: "ann:secret" },
      { op: "whoAmI" },
    );
    await until(() => port.last.of("identities").length === 1);
    expect(await one.outcomes(1)).toEqual([[-4, 0]]);
    answer(port);
    const [, who] = [await one.reply(), await one.reply()];
    expect(who.body.vector(() => [who.body.string(), who.body.string()])).toEqual([
      ["ip", "127.0.0.1"],
      ["digest", "ann"],
    ]);
    expect(port.last.identities).toEqual([
      { scheme: "ip", id: "127.0.0.1" },
      { scheme: "digest", id: expect.stringMatching(/^ann:.{28}$/) },
    ]);
  });

  test("the same proof twice is one identity", async () => {
    const { session, port } = await startDoor();
    const auth: Request = { op: "auth", scheme: "digest", credential: "ann:secret" };
    await (await session()).ask(auth, auth).outcomes(2);
    expect(port.last.of("identities")).toHaveLength(1);
  });

  test("reference 2.4: a proof that fails is AuthFailed, and the end", async () => {
    const { session, port } = await startDoor();
    const one = (await session()).ask({ op: "auth", scheme: "kerberos", credential: "x" });
    expect(await one.outcomes(1)).toEqual([[-4, -115]]);
    expect(await one.rest()).toHaveLength(0);
    expect(port.last.of("close")).toEqual([]);
  });

  test("SASL that is off is AuthFailed, and the end", async () => {
    const { session } = await startDoor();
    const one = (await session()).write(framed(Buffer.from([0, 0, 0, 9, 0, 0, 0, 102, 0, 0, 0, 0])));
    expect(await one.outcomes(1)).toEqual([[9, -115]]);
    await one.ended;
  });
});
