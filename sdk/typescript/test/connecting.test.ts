import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FakeEnvironment } from "./support/fake-environment.ts";
import { failure, Harness, TIMEOUT_MS, told } from "./support/harness.ts";
import type { ScriptedServer, ScriptedStream } from "./support/scripted-server.ts";

let harness: Harness;
let server: ScriptedServer;
let environment: FakeEnvironment;

beforeEach(async () => {
  harness = await Harness.start();
  ({ server } = harness);
  ({ environment } = harness);
});

afterEach(() => harness[Symbol.asyncDispose]());

describe("connecting", () => {
  test("that finds nobody rejects in time, naming the endpoints and the last cause", async () => {
    const connecting = harness.connect({ endpoints: "127.0.0.1:1,127.0.0.1:2", connectTimeoutMs: 3_000 });
    const outcome = failure(connecting);
    environment.advance(3_000);
    const error = await outcome;
    expect(error).toMatchObject({ reason: "UNREACHABLE", retry: "other-member" });
    expect(error.message).toContain("127.0.0.1:1, 127.0.0.1:2");
    expect(environment.timerCount).toBe(0);
  });

  test("that every member refuses rejects at once with the reason", async () => {
    const connecting = harness.connect();
    const outcome = failure(connecting);
    (await server.stream()).fail(3, "INVALID_ARGUMENT");
    expect((await outcome).reason).toBe("INVALID_ARGUMENT");
  });

  test("goes on while members are not ready", async () => {
    environment.randomValue = 0;
    const connecting = harness.connect();
    (await server.stream()).fail(14, "NOT_READY");
    // Whenever the refusal arrives, the attempt that follows it is due at once.
    const next = server.stream();
    let stream: ScriptedStream | undefined;
    void next.then((found) => {
      stream = found;
    });
    while (stream === undefined) {
      environment.advance(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await stream.open();
    harness.clients.push(await connecting);
  });

  test("is given up with its signal", async () => {
    const controller = new AbortController();
    const connecting = harness.connect({ signal: controller.signal });
    const outcome = failure(connecting);
    const stream = await server.stream();
    controller.abort();
    expect((await outcome).reason).toBe("CANCELLED");
    await stream.closed;
  });

  test("again to another ensemble ends the client with WRONG_ENSEMBLE", async () => {
    const { client, stream } = await harness.opened();
    const read = failure(client.znodes.get("/a", { timeoutMs: 10 * TIMEOUT_MS }));
    await stream.operation();
    const next = await harness.nextStream(client, () => stream.end());
    await next.next("resume");
    // While the session is surely alive it may only be a member far behind.
    const later = await harness.nextStream(client, () => next.sessionClosed("WRONG_ENSEMBLE"));
    await later.next("resume");
    expect(client.session.state).toBe("disconnected");
    const final = await harness.nextStream(client, () => environment.stall(TIMEOUT_MS));
    await final.next("resume");
    expect(client.session.state).toBe("suspended");
    const closed = told(client, "closed");
    final.sessionClosed("WRONG_ENSEMBLE");
    expect(await closed).toMatchObject({ error: { reason: "WRONG_ENSEMBLE" } });
    expect((await read).reason).toBe("WRONG_ENSEMBLE");
    expect((await failure(client.znodes.get("/a"))).reason).toBe("WRONG_ENSEMBLE");
  });
});
