import { Duplex } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { emptyCounters } from "../../../../src/api/grpc/door-counters.ts";
import { type Operation, SessionRequest } from "../../../../src/api/grpc/gen/muster/coordination/v1/session.ts";
import { defaultGrpcLimits } from "../../../../src/api/grpc/grpc-options.ts";
import type { SessionCall } from "../../../../src/api/grpc/outbound-queue.ts";
import { SessionStream } from "../../../../src/api/grpc/session-stream.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { eventType } from "../../../../src/core/tree/operation.ts";
import type { NodeEvent } from "../../../../src/core/tree/watch-event.ts";
import { anonymous } from "../../../../src/products/floor/principal.ts";
import { FIRST_ZXID, ScriptedCoordination } from "../scripted-coordination.ts";
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

/** A call whose client reads nothing until `flush`. */
function stalledCall() {
  const held: (() => void)[] = [];
  let flowing = false;
  const duplex = new Duplex({
    objectMode: true,
    read: () => {},
    write: (_chunk, _encoding, done) => {
      if (flowing) done();
      else held.push(done);
    },
  });
  const call = Object.assign(duplex, { getPeer: () => "127.0.0.1:1" }) as unknown as SessionCall;
  const say = (request: Request) => duplex.push(Buffer.from(SessionRequest.encode({ request }).finish()));
  const flush = () => {
    flowing = true;
    for (const done of held) done();
  };
  return { call, say, flush };
}

describe("limits", () => {
  test("core.md 40: above the limit of outstanding bytes nothing more is decoded, but keep-alives are", async () => {
    const { stream, port, door } = await startDoor({ outstandingBytesMax: 1_000 });
    const client = await stream().open();
    port.autoAnswer = false;
    const data = Buffer.alloc(600);
    client.send(operations(1, set("/a", data), set("/a", data), set("/a", data)));
    client.send(operations(4, set("/a", data)));
    client.send({ $case: "keepAlive", value: { token: 7 } });
    await poll(() => port.last.of("touch").length).toBe(1);
    expect(port.last.of("submit").map(({ number }) => number)).toEqual([1, 2]);
    expect(door.stats().readAheadBytes).toBeGreaterThan(600);
    port.last.answerSubmit(1);
    port.last.answerSubmit(2);
    port.last.turnEnd();
    await poll(() => port.last.of("submit").map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    await poll(() => door.stats().readAheadBytes).toBe(0);
  });

  test("core.md 40: reading itself stops when too much is held back, and goes on later", async () => {
    const { stream, port, door } = await startDoor({ outstandingBytesMax: 10, readAheadBytesMax: 2_000 });
    const client = await stream().open();
    port.autoAnswer = false;
    const count = 50;
    for (let number = 1; number <= count; number++) client.send(operations(number, set("/a", Buffer.alloc(1_000))));
    await poll(() => door.stats().readAheadBytes).toBeGreaterThan(2_000);
    // One message may be on its way when the door stops asking for more.
    expect(door.stats().readAheadBytes).toBeLessThan(4 * 1_100);
    for (let number = 1; number <= count; number++) {
      await poll(() => port.last.of("submit").at(-1)?.number).toBe(number);
      port.last.answerSubmit(number);
      port.last.turnEnd();
    }
    expect(door.stats().messagesReceived).toBe(count + 1);
  });

  test("a pipeline of large reads is slowed down, not cut", async () => {
    const { stream, port, door } = await startDoor({ unsentBytesPause: 64 * 1024, unsentBytesMax: 256 * 1024 });
    port.data.set("/large", Buffer.alloc(100_000, 1));
    const client = await stream().open();
    const count = 200;
    client.send(operations(1, ...Array.from({ length: count }, () => get("/large"))));
    let seen = 0;
    while (seen < count) {
      for (const result of (await client.next("results")).results) {
        expect(result.failure).toBeUndefined();
        expect(result.data).toHaveLength(100_000);
        expect(result.number).toBe(++seen);
      }
    }
    expect(door.stats()).toMatchObject({ streamsCut: 0, readsOverloaded: 0 });
    expect(door.stats().pauses).toBeGreaterThan(0);
  });

  test("reads answered all at once beyond the limit become OVERLOADED, writes keep their answers", async () => {
    const { stream, port } = await startDoor({ unsentBytesMax: 150_000 });
    const data = Buffer.alloc(100_000);
    const client = await stream().open();
    port.autoAnswer = false;
    client.send(operations(1, get("/a"), get("/a"), get("/a"), set("/a", Buffer.alloc(0))));
    await poll(() => port.last.of("submit").length).toBe(1);
    for (const number of [1, 2, 3]) port.last.answer({ number, kind: "get", data });
    port.last.answer({ number: 4, kind: "stat" });
    port.last.turnEnd();
    const { results } = await client.next("results");
    expect(results.map((result) => result.failure?.reason)).toEqual([undefined, undefined, "OVERLOADED", undefined]);
  });

  test("a client that does not read its events is cut with the zxid it has them up to, and can resume", async () => {
    const { stream, port, door } = await startDoor({ unsentBytesMax: 200_000, inFlightBytesTarget: 10_000 });
    const client = await stream().open();
    client.pause();
    const path = `/${"x".repeat(4_000)}`;
    let zxid = FIRST_ZXID;
    while (door.stats().streamsCut === 0) {
      zxid++;
      port.last.events([{ watchId: 1, event: event(path, zxid) }], zxid);
      if (zxid % 100 === 0) await new Promise(setImmediate);
    }
    expect(port.last.detached).toBe(true);
    expect(port.last.of("close")).toEqual([]);
    client.resume();
    const closed = await client.next("closed");
    expect(closed.failure).toMatchObject({ reason: "WATCH_OVERFLOW" });
    const seen = client.received.flatMap((response) => (response.$case === "events" ? [response.value.zxid] : []));
    expect(seen.at(-1)).toBe(closed.zxid);
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => FIRST_ZXID + 1 + i));
    expect(closed.zxid).toBeLessThan(zxid);
    const ending = await client.ended;
    expect(ending).toMatchObject({ reason: "WATCH_OVERFLOW", code: 8 });
    expect(ending.metadata.get("last_zxid")).toBe(`${closed.zxid}`);
  });

  test("a message above the limit is MESSAGE_TOO_LARGE", async () => {
    const { stream } = await startDoor({ messageBytesMax: 1_000 });
    const client = await stream().open();
    client.send(operations(1, set("/a", Buffer.alloc(1_000))));
    expect(await client.ended).toMatchObject({ reason: "MESSAGE_TOO_LARGE", code: 8 });
  });

  test("more operations than a batch may have are TOO_LARGE, and none is submitted", async () => {
    const { stream, port } = await startDoor({ batchOperationsMax: 3 });
    const client = await stream().open();
    client.send(operations(1, get("/"), get("/"), get("/"), get("/")));
    expect(await client.ended).toMatchObject({ reason: "TOO_LARGE" });
    expect(port.last.of("read")).toEqual([]);
  });

  test("an answer above the limit is TOO_LARGE", async () => {
    const { stream, port } = await startDoor({ resultBytesMax: 1_000 });
    port.data.set("/large", Buffer.alloc(1_001));
    port.data.set("/small", Buffer.alloc(100));
    const client = await stream().open();
    client.send(operations(1, get("/small"), get("/large"), get("/small")));
    const { results } = await client.next("results");
    expect(results.map((result) => result.failure?.reason)).toEqual([undefined, "TOO_LARGE", undefined]);
    expect(results[2]?.data).toHaveLength(100);
  });

  test("keep-alives do not pile up answers for a client that does not read", async () => {
    const port = new ScriptedCoordination();
    const { call, say, flush } = stalledCall();
    const limits = { ...defaultGrpcLimits, unsentBytesMax: 500_000 };
    const counters = emptyCounters();
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    new SessionStream(call, { coordination: port, limits, counters, log, principal: anonymous, onGone: () => {} });
    onTestFinished(() => void call.emit("cancelled"));
    say({ $case: "open", value: { timeoutMs: 1_000, credentials: [], ensembleId: "", minZxid: 0 } });
    await poll(() => port.connections.length).toBe(1);
    const zxid = FIRST_ZXID + 1;
    port.last.events([{ watchId: 1, event: event(`/${"x".repeat(5_000_000)}`, zxid) }], zxid);
    say({ $case: "keepAlive", value: { token: 1 } });
    await poll(() => counters.messagesReceived).toBe(2);
    expect(port.last.of("touch")).toEqual([]);
    expect(counters.readAheadBytes).toBeGreaterThan(0);
    flush();
    await poll(() => port.last.of("touch").length).toBe(1);
    expect(counters.readAheadBytes).toBe(0);
  });

  test("operations the door refuses wait for the port's answers, but not without bound", async () => {
    const { stream, port, door } = await startDoor();
    const client = await stream().open();
    port.autoAnswer = false;
    const unknown = { $case: "addWatch" as const, value: { watchId: 1, path: "/", mode: 0 as const, afterZxid: 0 } };
    client.send(operations(1, get("/a"), ...new Array<Body>(3_000).fill(unknown)));
    await poll(() => door.stats().operations).toBe(1 + 1024);
    port.last.answer({ number: 1 });
    port.last.turnEnd();
    await poll(() => door.stats().operations).toBe(1 + 3_000);
  });

  test("mutated requests end their own streams, and the door goes on", async () => {
    const { stream, port, door } = await startDoor();
    port.data.set("/a", Buffer.from("x"));
    const good = await stream().open();
    const random = new Prng(20_260_101);
    const valid = SessionRequest.encode({ request: operations(1, get("/a"), set("/a", Buffer.alloc(40))) }).finish();
    for (let round = 0; round < 200; round++) {
      const bytes = Buffer.from(valid);
      for (let i = 0; i < 3; i++) bytes[random.below(bytes.length)] = random.below(256);
      const client = (await stream().open()).sendBytes(bytes);
      client.halfClose();
      const { code, reason } = await client.ended;
      expect(code === 0 || reason === "MALFORMED").toBe(true);
    }
    good.send(operations(1, get("/a")));
    expect((await good.next("results")).results).toHaveLength(1);
    expect(door.stats()).toMatchObject({ defects: 0, streamsOpened: 201 });
    await poll(() => door.stats().streams).toBe(1);
  });
});
