import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Operation, SessionRequest } from "../../../../src/api/grpc/gen/muster/coordination/v1/session.ts";
import { eventType } from "../../../../src/core/tree/operation.ts";
import type { NodeEvent } from "../../../../src/core/tree/watch-event.ts";
import { ENSEMBLE_ID, EPOCH, FIRST_ZXID } from "../scripted-coordination.ts";
import { type Request, startDoor } from "./door-fixture.ts";

type Body = NonNullable<Operation["operation"]>;

function operations(first: number, ...bodies: Body[]): Request {
  const list = bodies.map((operation, i) => ({ number: first + i, minZxid: 0, linearizable: false, operation }));
  return { $case: "operations", value: { answeredBelow: first, operations: list } };
}

const get = (path: string): Body => ({ $case: "get", value: { path } });
const set = (path: string, data: Uint8Array): Body => ({ $case: "set", value: { path, data } });
/** Waits until `actual` is as expected; what happens between two processes' sockets has no other signal. */
const poll = <T>(actual: () => T) => expect.poll(actual, { interval: 2, timeout: 4_000 });
const event = (path: string, zxid: number): NodeEvent => ({
  type: eventType.DATA_CHANGED,
  path,
  zxid,
  encoded: undefined,
});

describe("opening", () => {
  test("core.md 8: the secret is random and only its SHA-256 crosses the port", async () => {
    const { port, stream } = await startDoor();
    const client = stream().send({
      $case: "open",
      value: { timeoutMs: 4_000, credentials: [], ensembleId: ENSEMBLE_ID, minZxid: FIRST_ZXID },
    });
    const opened = await client.next("opened");
    expect(opened.secret).toHaveLength(32);
    const secretHash = createHash("sha256").update(opened.secret).digest("hex");
    expect(port.last.asked).toEqual([{ kind: "open", secretHash, timeoutMs: 4_000 }]);
    expect(opened).toMatchObject({
      sessionId: FIRST_ZXID,
      timeoutMs: 4_000,
      resumed: false,
      ensembleId: ENSEMBLE_ID,
      memberId: 1,
      zxid: FIRST_ZXID,
      endpoints: ["127.0.0.1:7400"],
    });
  });

  test("resume hands over the hash of the secret and gives no new one", async () => {
    const { port, stream } = await startDoor();
    const secret = new Uint8Array(32).fill(7);
    const value = { sessionId: 77, secret, credentials: [], ensembleId: ENSEMBLE_ID, minZxid: 0 };
    const opened = await stream().send({ $case: "resume", value }).next("opened");
    const secretHash = createHash("sha256").update(secret).digest("hex");
    expect(port.last.asked).toEqual([{ kind: "resume", sessionId: 77, secretHash }]);
    expect(opened).toMatchObject({ sessionId: 77, resumed: true, secret: new Uint8Array(0) });
  });

  test("a connection has its peer's address and the digests it proved as identities", async () => {
    const { port, stream } = await startDoor();
    const credentials = [{ scheme: "digest", secret: "super:test" }];
    const value = { timeoutMs: 1, credentials, ensembleId: "", minZxid: 0 };
    await stream().send({ $case: "open", value }).next("opened");
    expect(port.last.identities).toEqual([
      { scheme: "ip", id: "127.0.0.1" },
      // ZooKeeper's own example of DigestAuthenticationProvider.
      { scheme: "digest", id: "super:D/InIHSb7yEEbrWz8b9l71RjZJU=" },
    ]);
  });

  test.for([
    { name: "another ensemble", value: { ensembleId: "f".repeat(32) }, reason: "WRONG_ENSEMBLE" },
    { name: "core.md 15: a future epoch", value: { minZxid: 4 * 2 ** 32 }, reason: "WRONG_ENSEMBLE" },
    { name: "a zxid the log never had", value: { minZxid: FIRST_ZXID + 5 }, reason: "WRONG_ENSEMBLE" },
    { name: "an unknown scheme", value: { credentials: [{ scheme: "x", secret: "" }] }, reason: "UNSUPPORTED" },
    { name: "no user", value: { credentials: [{ scheme: "digest", secret: ":x" }] }, reason: "INVALID_ARGUMENT" },
  ])("is refused for $name", async ({ value, reason }) => {
    const { stream } = await startDoor();
    const open = { timeoutMs: 1_000, credentials: [], ensembleId: "", minZxid: 0, ...value };
    const client = stream().send({ $case: "open", value: open });
    expect(await client.ended).toMatchObject({ reason, domain: "muster.dev" });
    expect(client.received).toEqual([]);
  });

  test("anything else first is MALFORMED", async () => {
    const { stream, port } = await startDoor();
    const client = stream().send(operations(1, get("/a")));
    expect(await client.ended).toMatchObject({ reason: "MALFORMED", code: 3 });
    expect(port.connections).toEqual([]);
  });

  test("a stream that says nothing ends after the handshake time-out", async () => {
    const { stream } = await startDoor({ handshakeTimeoutMs: 1 });
    expect(await stream().ended).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  test("what the member refuses comes as SessionClosed and as the status", async () => {
    const { stream, port } = await startDoor();
    port.autoOpen = false;
    const value = { sessionId: 5, secret: new Uint8Array(32), credentials: [], ensembleId: "", minZxid: 0 };
    const client = stream().send({ $case: "resume", value });
    await poll(() => port.connections.length).toBe(1);
    port.last.closed("SESSION_EXPIRED", 99);
    expect(await client.next("closed")).toMatchObject({ failure: { reason: "SESSION_EXPIRED", status: 9 }, zxid: 99 });
    expect(await client.ended).toMatchObject({ reason: "SESSION_EXPIRED", code: 9 });
    expect(port.last.detached).toBe(true);
  });

  test("operations sent before the session is open wait for it", async () => {
    const { stream, port } = await startDoor();
    port.autoOpen = false;
    port.data.set("/a", Buffer.from("x"));
    const client = stream()
      .send({ $case: "open", value: { timeoutMs: 1, credentials: [], ensembleId: "", minZxid: 0 } })
      .send(operations(1, get("/a")));
    await poll(() => port.connections.length).toBe(1);
    expect(port.last.of("read")).toEqual([]);
    port.last.opened({ sessionId: 1, timeoutMs: 1, zxid: FIRST_ZXID, resumed: false, generation: 1 });
    await client.next("opened");
    expect((await client.next("results")).results[0]?.data).toEqual(Buffer.from("x"));
  });
});

describe("answers and events", () => {
  test("all answers to one message are one message, in order", async () => {
    const { stream, port } = await startDoor();
    port.data.set("/a", Buffer.from("old"));
    const client = await stream().open();
    client.send(operations(1, set("/a", Buffer.from("new")), get("/a"), get("/none"), { $case: "sync", value: {} }));
    const { results } = await client.next("results");
    expect(results.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    expect(results[1]?.data).toEqual(Buffer.from("new"));
    expect(results[2]?.failure).toMatchObject({ status: 5, reason: "NODE_NOT_FOUND" });
    expect(port.last.of("submit")[0]?.answeredBelow).toBe(1);
    expect(client.received).toEqual([]);
  });

  test("the stream keeps the order of the port's callbacks: an event before the answer that reveals it", async () => {
    const { stream, port } = await startDoor();
    const client = await stream().open();
    port.autoAnswer = false;
    client.send(operations(1, get("/a"), get("/a")));
    await poll(() => port.last.of("read").length).toBe(2);
    const zxid = FIRST_ZXID + 9;
    port.last.answer({ number: 1 });
    const changed = event("/a", zxid);
    port.last.events([{ watchId: 4, event: changed }], zxid);
    port.last.answer({ number: 2, zxid });
    port.last.turnEnd();
    await poll(() => client.received.map(({ $case }) => $case)).toEqual(["results", "events", "results"]);
    expect(await client.next("events")).toEqual({
      zxid,
      events: [{ event: { type: eventType.DATA_CHANGED, path: "/a" }, watchIds: [4] }],
    });
    expect(changed.encoded).toBeInstanceOf(Uint8Array);
  });

  test("answers the door gives itself keep their place among the port's", async () => {
    const { stream, port } = await startDoor();
    const client = await stream().open();
    port.autoAnswer = false;
    const credential = { scheme: "digest", secret: "user:password" };
    client.send(
      operations(
        1,
        get("/a"),
        { $case: "authenticate", value: credential },
        { $case: "authenticate", value: { scheme: "kerberos", secret: "" } },
        { $case: "addWatch", value: { watchId: 1, path: "/a", mode: 0, afterZxid: 0 } },
        get("/b"),
      ),
    );
    await poll(() => port.last.of("read").length).toBe(2);
    expect(port.last.of("identities")[0]?.identities).toHaveLength(2);
    port.last.turnEnd();
    port.last.answer({ number: 1 });
    port.last.turnEnd();
    const { results } = await client.next("results");
    expect(results.map((result) => [result.number, result.failure?.reason])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, "UNSUPPORTED"],
      [4, "INVALID_ARGUMENT"],
    ]);
    port.last.answer({ number: 5 });
    port.last.turnEnd();
    expect((await client.next("results")).results).toHaveLength(1);
  });

  test("core.md 15: a read with a min_zxid of a future epoch is an error, in its place, and not a wait", async () => {
    const { stream, port } = await startDoor();
    const client = await stream().open();
    const read = (number: number, minZxid: number) => ({
      ...{ number, minZxid, linearizable: false },
      operation: get("/a"),
    });
    const batch = [read(1, 0), read(2, (EPOCH + 1) * 2 ** 32), read(3, EPOCH * 2 ** 32 + 1_000)];
    client.send({ $case: "operations", value: { answeredBelow: 1, operations: batch } });
    const { results } = await client.next("results");
    expect(results.map(({ number, failure }) => [number, failure?.reason])).toEqual([
      [1, "NODE_NOT_FOUND"],
      [2, "WRONG_ENSEMBLE"],
      [3, "NODE_NOT_FOUND"],
    ]);
    expect(port.last.of("read").map(({ number }) => number)).toEqual([1, 3]);
  });

  test("a keep-alive is acknowledged with the applied zxid once the leader acknowledged it", async () => {
    const { stream, port } = await startDoor();
    const client = await stream().open();
    port.autoAnswer = false;
    client.send({ $case: "keepAlive", value: { token: 42 } });
    await poll(() => port.last.of("touch")).toEqual([{ kind: "touch", token: 42 }]);
    expect(client.received).toEqual([]);
    port.zxid += 3;
    port.last.listener.onTouched(42);
    expect(await client.next("keepAlive")).toEqual({ token: 42, zxid: FIRST_ZXID + 3 });
  });

  test("a close is answered without a failure, and the stream ends well", async () => {
    const { stream, port } = await startDoor();
    const client = await stream().open();
    client.send({ $case: "close", value: {} });
    expect(await client.next("closed")).toEqual({ failure: undefined, zxid: FIRST_ZXID });
    expect((await client.ended).code).toBe(0);
    expect(port.last.of("close")).toHaveLength(1);
  });

  test("a broken stream leaves the session alone", async () => {
    const { stream, port, door } = await startDoor();
    const client = await stream().open();
    client.cancel();
    await poll(() => port.last.detached).toBe(true);
    expect(port.last.of("close")).toEqual([]);
    await poll(() => door.stats().streams).toBe(0);
  });

  test("a client that says no more gets its answers, then the end", async () => {
    const { stream, port } = await startDoor();
    const client = await stream().open();
    port.autoAnswer = false;
    client.send(operations(1, get("/a")));
    client.halfClose();
    await poll(() => port.last.of("read").length).toBe(1);
    port.last.answer({ number: 1 });
    port.last.turnEnd();
    expect((await client.next("results")).results).toHaveLength(1);
    expect((await client.ended).code).toBe(0);
    expect(port.last.of("close")).toEqual([]);
  });
});

describe("what should not happen", () => {
  test("malformed bytes end their stream with MALFORMED and no other", async () => {
    const { stream, port, door } = await startDoor();
    port.data.set("/a", Buffer.from("x"));
    const good = await stream().open();
    const bad = await stream().open();
    bad.sendBytes(Buffer.from([0x1a, 0x05, 0x12, 0xff]));
    expect(await bad.ended).toMatchObject({ reason: "MALFORMED", code: 3 });
    good.send(operations(1, get("/a")));
    expect((await good.next("results")).results).toHaveLength(1);
    expect(door.stats().malformed).toBe(1);
  });

  test("a second open is MALFORMED", async () => {
    const { stream } = await startDoor();
    const client = await stream().open();
    client.send({ $case: "open", value: { timeoutMs: 1, credentials: [], ensembleId: "", minZxid: 0 } });
    expect(await client.ended).toMatchObject({ reason: "MALFORMED" });
  });

  test("a defect behind the port is INTERNAL with an id, and the log has the same id and the error", async () => {
    const { stream, port, logged } = await startDoor();
    const client = await stream().open();
    port.last.read = () => {
      throw new TypeError("secret detail");
    };
    client.send(operations(1, get("/a")));
    const ending = await client.ended;
    expect(ending).toMatchObject({ reason: "INTERNAL", code: 13 });
    expect([...ending.metadata.values()].join()).not.toContain("secret detail");
    const entry = logged.find(({ level }) => level === "error");
    expect(entry?.fields).toMatchObject({ errorId: ending.metadata.get("error_id"), err: expect.any(TypeError) });
  });

  test("requests are not logged at info", async () => {
    const { stream, logged } = await startDoor();
    const client = await stream().open();
    client.send(operations(1, get("/a")));
    await client.next("results");
    expect(logged.map(({ message }) => message)).toEqual(["gRPC door open"]);
  });

  test("a member that is starting refuses with NOT_READY", async () => {
    const { stream, port } = await startDoor();
    port.role = "starting";
    port.notReady = ["replaying the journal"];
    const client = stream().send({
      $case: "open",
      value: { timeoutMs: 1, credentials: [], ensembleId: "", minZxid: 0 },
    });
    const ending = await client.ended;
    expect(ending).toMatchObject({ reason: "NOT_READY", code: 14 });
    expect(ending.metadata.get("not_ready")).toBe("replaying the journal");
  });
});

test("a request without anything known in it is MALFORMED", async () => {
  const { stream } = await startDoor();
  const client = stream().sendBytes(Buffer.from(SessionRequest.encode({}).finish()));
  expect(await client.ended).toMatchObject({ reason: "MALFORMED" });
});

describe("progress", () => {
  test("ARCHITECTURE 5: a stream with watches is told, now and then, how far its events are complete", async () => {
    const { port, stream } = await startDoor({ progressIntervalMs: 5 });
    const [watcher, other] = [await stream().open(), await stream().open()];
    const value = { watchId: 1, path: "/a", mode: 4, afterZxid: 0 } as const;
    watcher.send(operations(1, { $case: "addWatch", value }));
    port.zxid = FIRST_ZXID + 9;
    expect(await watcher.next("progress")).toEqual({ zxid: FIRST_ZXID + 9 });
    port.zxid = FIRST_ZXID + 12;
    expect(await watcher.next("progress")).toEqual({ zxid: FIRST_ZXID + 12 });
    expect(other.received.filter(({ $case }) => $case === "progress")).toEqual([]);
  });
});
