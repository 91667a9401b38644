import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FakeEnvironment } from "./support/fake-environment.ts";
import { failure, Harness, stat, told } from "./support/harness.ts";
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

describe("a call given up", () => {
  test("by its time-out is DEADLINE_EXCEEDED for a read, OUTCOME_UNKNOWN for a write that was sent", async () => {
    const { client, stream } = await harness.opened({ requestTimeoutMs: 4_000 });
    const calls = [
      client.znodes.get("/a"),
      client.znodes.set("/a", "1"),
      client.znodes.exists("/a", { timeoutMs: 1_000 }),
    ];
    await stream.operations(3);
    const early = failure(calls[2] as Promise<unknown>);
    environment.advance(1_000);
    expect((await early).reason).toBe("DEADLINE_EXCEEDED");
    const late = [failure(calls[0] as Promise<unknown>), failure(calls[1] as Promise<unknown>)];
    environment.advance(3_000);
    expect((await late[0])?.reason).toBe("DEADLINE_EXCEEDED");
    expect(await late[1]).toMatchObject({ reason: "OUTCOME_UNKNOWN", maybeApplied: true });
    // Late answers find nobody, and the stream goes on.
    stream.results({ number: 1 }, { number: 2, zxid: 2_000 }, { number: 3 });
    const next = client.znodes.exists("/a");
    stream.results({ number: (await stream.operation()).number, zxid: 2_000, stat: stat() });
    await next;
    const last = client.znodes.exists("/a");
    const { number } = await stream.operation();
    expect(stream.answeredBelow).toBe(5);
    stream.results({ number, zxid: 2_000, stat: stat() });
    await last;
  });

  test("before it was sent is never sent", async () => {
    const { client, stream } = await harness.opened();
    const reconnecting = told(client, "reconnecting");
    stream.end();
    await reconnecting;
    const write = client.znodes.set("/a", "1", { timeoutMs: 1_000 });
    const other = client.znodes.exists("/b");
    const unsent = failure(write);
    environment.advance(0);
    const silent = await server.stream();
    environment.advance(1_000);
    expect(await unsent).toMatchObject({ reason: "DEADLINE_EXCEEDED", maybeApplied: false });
    await silent.resume();
    const { number, operation } = await silent.operation();
    expect(operation).toMatchObject({ $case: "exists", value: { path: "/b" } });
    silent.results({ number, zxid: 1_001, stat: stat() });
    await other;
  });

  test("after it was sent is not sent again on the next stream", async () => {
    const { client, stream } = await harness.opened();
    const controller = new AbortController();
    const write = client.znodes.set("/a", "1", { signal: controller.signal });
    const other = client.znodes.set("/b", "2");
    await stream.operations(2);
    const given = failure(write);
    controller.abort(new Error("enough"));
    const error = await given;
    expect(error).toMatchObject({ reason: "CANCELLED", maybeApplied: true, path: "/a" });
    expect(error.cause).toBe(controller.signal.reason);
    const next = await harness.nextStream(client, () => stream.end());
    await next.resume();
    const { number, operation } = await next.operation();
    expect(operation).toMatchObject({ $case: "set", value: { path: "/b" } });
    next.results({ number, zxid: 2_000, stat: stat() });
    await other;
    expect((await failure(client.znodes.get("/a", { signal: controller.signal }))).reason).toBe("CANCELLED");
  });
});
