import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FakeEnvironment } from "./support/fake-environment.ts";
import { failure, Harness, stat, TIMEOUT_MS, told } from "./support/harness.ts";
import type { ScriptedServer } from "./support/scripted-server.ts";

let harness: Harness;
let server: ScriptedServer;
let environment: FakeEnvironment;

beforeEach(async () => {
  harness = await Harness.start();
  ({ server } = harness);
  ({ environment } = harness);
});

afterEach(() => harness[Symbol.asyncDispose]());

describe("liveness (core.md 10)", () => {
  test("a keep-alive is sent when nothing was for a third of the time-out", async () => {
    const { client, stream } = await harness.opened();
    environment.advance(TIMEOUT_MS / 3 - 1);
    // A write proves as much, so it puts the keep-alive off.
    const write = client.znodes.set("/a", "x");
    const { number } = await stream.operation();
    stream.results({ number, zxid: 2_000, stat: stat() });
    await write;
    environment.advance(TIMEOUT_MS / 3 - 1);
    const read = client.znodes.exists("/a");
    expect((await stream.operation()).operation?.$case).toBe("exists");
    stream.results({ number: 2, zxid: 2_000, stat: stat() });
    await read;
    // A read proves nothing: a member answers it alone.
    environment.advance(2);
    const keepAlive = await stream.next("keepAlive");
    expect(keepAlive.token).toBe(1);
  });

  test("the margin runs from when the acknowledged keep-alive was sent, not from its acknowledgement", async () => {
    const { client, stream } = await harness.opened();
    environment.advance(TIMEOUT_MS / 3);
    const { token } = await stream.next("keepAlive");
    environment.advance(5_000);
    stream.send({ $case: "keepAlive", value: { token, zxid: 1_000 } });
    const read = client.znodes.exists("/a");
    stream.results({ number: (await stream.operation()).number, zxid: 1_000, stat: stat() });
    await read;
    expect(client.session.marginMs).toBe(TIMEOUT_MS - 5_000);
  });

  test("a failed write with a zxid went through the leader; one refused at the door did not", async () => {
    const { client, stream } = await harness.opened();
    environment.advance(4_000);
    const refusal = { status: 8, reason: "OVERLOADED", message: "" };
    const refused = client.znodes.set("/a", "x");
    stream.results({ number: (await stream.operation()).number, failure: refusal });
    await failure(refused);
    expect(client.session.marginMs).toBe(TIMEOUT_MS - 4_000);
    const missing = client.znodes.set("/a", "x");
    const { number } = await stream.operation();
    stream.results({ number, zxid: 2_000, failure: { status: 5, reason: "NODE_NOT_FOUND", message: "" } });
    await failure(missing);
    expect(client.session.marginMs).toBe(TIMEOUT_MS);
  });

  test("unacknowledged for two thirds the stream is given up, for the whole the session is suspended", async () => {
    const { client, stream, events } = await harness.opened();
    environment.advance((TIMEOUT_MS * 2) / 3 - 1);
    expect(client.session.state).toBe("open");
    environment.advance(1);
    expect(client.session).toMatchObject({ state: "disconnected", marginMs: TIMEOUT_MS / 3 });
    await stream.closed;
    expect(events.map(({ type }) => type)).toEqual(["disconnected", "reconnecting"]);
    // The next member accepts the stream but has no quorum: it says nothing.
    environment.advance(0);
    const silent = await server.stream();
    await silent.next("resume");
    environment.advance(TIMEOUT_MS / 3);
    expect(client.session).toMatchObject({ state: "suspended", marginMs: 0, id: 77 });
    expect(events).toContainEqual({ type: "session-suspended", sessionId: 77 });
    // It was not gone: a new leader had restarted its time.
    environment.advance(2_000);
    const next = await server.stream();
    await next.resume();
    if (client.session.state !== "open") await told(client, "session-resumed");
    expect(client.session.state).toBe("open");
  });

  test("after the process stood still, the socket is looked at before the stream is judged", async () => {
    const { client, stream } = await harness.opened();
    environment.advance(TIMEOUT_MS / 3);
    const { token } = await stream.next("keepAlive");
    environment.stall(TIMEOUT_MS / 2);
    expect(client.session.state).toBe("open");
    stream.send({ $case: "keepAlive", value: { token, zxid: 1_000 } });
    const { token: later } = await stream.next("keepAlive");
    stream.send({ $case: "keepAlive", value: { token: later, zxid: 1_000 } });
    const read = client.znodes.exists("/a");
    stream.results({ number: (await stream.operation()).number, zxid: 1_000, stat: stat() });
    await read;
    environment.advance(1_000);
    expect(client.session.state).toBe("open");
  });

  test("while somebody waits without a socket, the timer keeps the process alive, else none does", async () => {
    const { client, stream } = await harness.opened();
    expect(environment.heldTimerCount).toBe(0);
    const reconnecting = told(client, "reconnecting");
    stream.end();
    await reconnecting;
    expect(environment.heldTimerCount).toBe(0);
    const read = client.znodes.exists("/a");
    await Promise.resolve();
    await new Promise((resolve) => process.nextTick(resolve));
    expect(environment.heldTimerCount).toBe(1);
    environment.advance(0);
    const next = await server.stream();
    await next.resume();
    next.results({ number: (await next.operation()).number, zxid: 1_001, stat: stat() });
    await read;
  });
});
