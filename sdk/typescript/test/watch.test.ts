import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MusterClient } from "../src/client.ts";
import { connectWith } from "../src/connect.ts";
import type { DiagnosticEvent } from "../src/diagnostics.ts";
import { MusterError } from "../src/errors.ts";
import type { AddWatchOperation, Operation } from "../src/gen/muster/coordination/v1/session.ts";
import type { Watch, WatchEvent } from "../src/watch.ts";
import { FakeEnvironment } from "./support/fake-environment.ts";
import { ScriptedServer, type ScriptedStream } from "./support/scripted-server.ts";

const CREATED = 1;
const DELETED = 2;
const DATA_CHANGED = 3;
const missing = { status: 5, reason: "NODE_NOT_FOUND", message: "" };

let server: ScriptedServer;
let environment: FakeEnvironment;
let client: MusterClient;
let stream: ScriptedStream;
let diagnostics: DiagnosticEvent[];

beforeEach(async () => {
  server = await ScriptedServer.start();
  environment = new FakeEnvironment();
  const connecting = connectWith({ endpoints: server.endpoint }, { environment });
  stream = await server.stream();
  await stream.open();
  client = await connecting;
  diagnostics = [];
  client.diagnostics.subscribe((event) => diagnostics.push(event));
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await client.close();
});

function added({ operation }: Operation): AddWatchOperation {
  if (operation?.$case !== "addWatch") throw new Error(`expected a watch, got ${operation?.$case}`);
  return operation.value;
}

/** Takes the registration of a watch and confirms it at a zxid. */
async function register(watch: Watch, zxid: number): Promise<AddWatchOperation> {
  const operation = await stream.operation();
  stream.results({ number: operation.number, zxid });
  expect(await watch.ready).toBe(zxid);
  return added(operation);
}

async function nextStream(breakIt: () => void): Promise<ScriptedStream> {
  const reconnecting = new Promise<number>((resolve) => {
    const stop = client.diagnostics.on("reconnecting", ({ delayMs }) => {
      stop();
      resolve(delayMs);
    });
  });
  breakIt();
  environment.advance(await reconnecting);
  return server.stream();
}

/** Resolves once everything the server has sent so far has been received: answers come in order. */
async function roundTrip(on: ScriptedStream): Promise<void> {
  const call = client.znodes.count("/");
  const { number } = await on.operation();
  on.results({ number, count: 1 });
  await call;
}

async function take(watch: Watch): Promise<WatchEvent> {
  const { value, done } = await watch.next();
  if (done === true) throw new Error("the watch has ended");
  return value;
}

async function failure(promise: Promise<unknown>): Promise<MusterError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MusterError);
  return error as MusterError;
}

describe("a watch", () => {
  test("is registered in order with the calls around it and tells its events in order", async () => {
    const watch = client.znodes.watch("/a");
    const read = client.znodes.exists("/a");
    const [first, second] = await stream.operations(2);
    expect(added(first as Operation)).toEqual({ watchId: 1, path: "/a", mode: 5, afterZxid: 0 });
    expect(second?.operation?.$case).toBe("exists");
    stream.results({ number: 1, zxid: 1_001 }, { number: 2, zxid: 1_001, failure: missing });
    expect(await read).toBeUndefined();
    stream.event(1_002, CREATED, "/a", 1);
    stream.event(1_003, DATA_CHANGED, "/a/b", 1, 99);
    expect(await take(watch)).toEqual({ type: "created", path: "/a", zxid: 1_002 });
    expect(await take(watch)).toEqual({ type: "data-changed", path: "/a/b", zxid: 1_003 });
    expect(watch.zxid).toBe(1_003);
    expect(client.zxid).toBe(1_003);
  });

  test("is taken off the server when its loop is left", async () => {
    const watch = client.znodes.watch("/a", { mode: "persistent" });
    expect((await register(watch, 1_001)).mode).toBe(4);
    stream.event(1_002, CREATED, "/a", 1);
    for await (const event of watch) {
      expect(event.type).toBe("created");
      break;
    }
    const { operation } = await stream.operation();
    expect(operation).toEqual({ $case: "removeWatch", value: { watchId: 1 } });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
  });

  test("ends with its signal and with the client, quietly", async () => {
    const controller = new AbortController();
    const watch = client.znodes.watch("/a", { signal: controller.signal });
    await register(watch, 1_001);
    const waiting = watch.next();
    controller.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect((await stream.operation()).operation?.$case).toBe("removeWatch");

    const other = client.znodes.watch("/b");
    const alsoWaiting = other.next();
    const closing = client.close();
    expect(await alsoWaiting).toEqual({ done: true, value: undefined });
    await server[Symbol.asyncDispose]();
    await closing;
    const late = client.znodes.watch("/c");
    expect((await failure(late.next())).reason).toBe("CLIENT_CLOSED");
  });

  test("of a one-shot mode ends after its event, without a word to the server", async () => {
    const watch = client.znodes.watch("/a", { mode: "exists" });
    expect((await register(watch, 1_001)).mode).toBe(2);
    stream.event(1_002, DELETED, "/a", 1);
    const events: WatchEvent[] = [];
    for await (const event of watch) events.push(event);
    expect(events).toEqual([{ type: "deleted", path: "/a", zxid: 1_002 }]);
    const read = client.znodes.count("/");
    const { number, operation } = await stream.operation();
    expect(operation?.$case).toBe("count");
    stream.results({ number, count: 3 });
    expect(await read).toBe(3);
  });

  test("that the server refuses throws the reason in the loop, and nowhere else", async () => {
    const watch = client.znodes.watch("/a/../b");
    const { number } = await stream.operation();
    stream.results({ number, failure: { status: 3, reason: "INVALID_PATH", message: "" } });
    expect(await failure(watch.next())).toMatchObject({ reason: "INVALID_PATH", path: "/a/../b" });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    expect((await failure(watch.ready)).reason).toBe("INVALID_PATH");
    const nonsense = client.znodes.watch("/a", { mode: "nonsense" as never });
    expect((await failure(nonsense.next())).reason).toBe("INVALID_ARGUMENT");
  });

  test("nobody reads is cut at its bound, and says where to resume with whole zxids", async () => {
    const watch = client.znodes.watch("/a", { queueMax: 3 });
    await register(watch, 1_001);
    stream.event(1_002, CREATED, "/a/1", 1);
    stream.event(1_003, CREATED, "/a/2", 1);
    const two = ["/a/3", "/a/4"].map((path) => ({ event: { type: CREATED as 1, path }, watchIds: [1] }));
    stream.send({ $case: "events", value: { zxid: 1_004, events: two } });
    // Registration aside, the next thing the client says is that it wants no more.
    const { operation } = await stream.operation();
    expect(operation).toEqual({ $case: "removeWatch", value: { watchId: 1 } });
    expect(diagnostics).toContainEqual({ type: "slow-watcher", path: "/a", zxid: 1_004, queued: 4 });
    expect((await take(watch)).zxid).toBe(1_002);
    expect((await take(watch)).zxid).toBe(1_003);
    expect(await failure(watch.next())).toMatchObject({ reason: "WATCH_OVERFLOW", path: "/a", zxid: 1_003 });
  });
});

describe("a watch across streams", () => {
  test("is armed again from the last zxid it has seen, before everything unanswered", async () => {
    const watch = client.znodes.watch("/a");
    await register(watch, 1_001);
    stream.event(1_002, CREATED, "/a", 1);
    await take(watch);
    stream.send({ $case: "progress", value: { zxid: 1_050 } });
    await roundTrip(stream);
    const write = client.znodes.delete("/a");
    await stream.operation();
    const next = await nextStream(() => stream.end());
    await next.resume({ zxid: 1_060 });
    const [rearm, repeated] = await next.operations(2);
    expect(added(rearm as Operation)).toEqual({ watchId: 1, path: "/a", mode: 5, afterZxid: 1_050 });
    expect(rearm?.number).toBe(1);
    expect(repeated).toMatchObject({ number: 3, operation: { $case: "delete" } });
    next.event(1_055, DATA_CHANGED, "/a", 1);
    next.results({ number: 1, zxid: 1_060 }, { number: 3, zxid: 1_061 });
    next.event(1_062, CREATED, "/a", 1);
    expect((await write).zxid).toBe(1_061);
    expect((await take(watch)).zxid).toBe(1_055);
    expect((await take(watch)).zxid).toBe(1_062);
  });

  test("cut off while it catches up asks for the rest, under its number, and repeats nothing", async () => {
    const watch = client.znodes.watch("/a", { afterZxid: 500 });
    const first = await stream.operation();
    expect(added(first).afterZxid).toBe(500);
    stream.event(600, CREATED, "/a/1", 1);
    expect(await take(watch)).toMatchObject({ path: "/a/1", zxid: 600 });
    const read = client.znodes.exists("/a");
    await stream.operation();
    for (const zxid of [700, 800]) {
      const previous = stream;
      stream = await nextStream(() => previous.fail(8, "WATCH_OVERFLOW"));
      await stream.resume();
      const again = await stream.operation();
      expect(again.number).toBe(first.number);
      expect(added(again)).toEqual({ watchId: 1, path: "/a", mode: 5, afterZxid: zxid - 100 });
      stream.event(zxid - 100, CREATED, "/a/repeated", 1);
      stream.event(zxid, CREATED, `/a/${zxid}`, 1);
      expect(await take(watch)).toMatchObject({ path: `/a/${zxid}`, zxid });
      expect((await stream.operation()).operation?.$case).toBe("exists");
    }
    stream.results({ number: first.number, zxid: 1_001 }, { number: 2, zxid: 1_001, failure: missing });
    expect(await watch.ready).toBe(1_001);
    expect(await read).toBeUndefined();
    watch.close();
    expect((await stream.operation()).operation?.$case).toBe("removeWatch");
  });

  test("goes on in the session that follows an expired one", async () => {
    const watch = client.znodes.watch("/a");
    await register(watch, 1_001);
    const expired = await nextStream(() => stream.end());
    await expired.next("resume");
    const next = await nextStream(() => expired.sessionClosed("SESSION_EXPIRED"));
    await next.open({ sessionId: 99, zxid: 2_000 });
    const operation = await next.operation();
    expect(added(operation).afterZxid).toBe(1_001);
    next.event(1_500, DELETED, "/a", 1);
    next.results({ number: operation.number, zxid: 2_000 });
    expect((await take(watch)).zxid).toBe(1_500);
  });

  test("hears that events were compacted, armed again already, and goes on", async () => {
    const watch = client.znodes.watch("/a");
    await register(watch, 1_001);
    const next = await nextStream(() => stream.end());
    await next.resume({ zxid: 9_000 });
    const rearm = await next.operation();
    next.results({ number: rearm.number, failure: { status: 11, reason: "COMPACTED", message: "" } });
    const fresh = await next.operation();
    expect(added(fresh).afterZxid).toBe(0);
    expect(fresh.number).toBeGreaterThan(rearm.number);
    next.results({ number: fresh.number, zxid: 9_001 });
    next.event(9_002, CREATED, "/a", 1);
    expect(await take(watch)).toEqual({ type: "compacted", path: "/a", zxid: 9_001 });
    expect(await take(watch)).toEqual({ type: "created", path: "/a", zxid: 9_002 });
    expect(diagnostics).toContainEqual({ type: "watch-compacted", path: "/a", zxid: 9_001 });
  });

  test("is armed again later when the member is too busy for it now", async () => {
    const watch = client.znodes.watch("/a");
    await register(watch, 1_001);
    const next = await nextStream(() => stream.end());
    await next.resume();
    const rearm = await next.operation();
    next.results({ number: rearm.number, failure: { status: 8, reason: "OVERLOADED", message: "" } });
    await roundTrip(next);
    environment.advance(500);
    const again = await next.operation();
    expect(added(again).afterZxid).toBe(1_001);
    next.event(1_002, CREATED, "/a", 1);
    next.results({ number: again.number, zxid: 1_002 });
    expect((await take(watch)).zxid).toBe(1_002);
  });

  test("more of them than may be unanswered are armed again in turn, then calls go on", async () => {
    const watches = Array.from({ length: 1_500 }, (_, index) => client.znodes.watch(`/n${index}`));
    for (let done = 0; done < 1_500; ) {
      const { number } = await stream.operation();
      stream.results({ number, zxid: 1_001 });
      done += 1;
    }
    await Promise.all(watches.map((watch) => watch.ready));
    const reconnecting = nextStream(() => stream.end());
    const next = await reconnecting;
    await next.resume();
    const first = await next.operations(1_024);
    expect(first.every(({ operation }) => operation?.$case === "addWatch")).toBe(true);
    next.results(...first.map(({ number }) => ({ number, zxid: 1_001 })));
    const rest = await next.operations(1_500 - 1_024);
    const numbers = [...first, ...rest].map(({ number }) => number);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    next.results(...rest.map(({ number }) => ({ number, zxid: 1_001 })));
    await roundTrip(next);
  });
});
