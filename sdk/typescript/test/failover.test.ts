import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DiagnosticEvent } from "../src/diagnostics.ts";
import { Result } from "../src/gen/muster/coordination/v1/session.ts";
import type { FakeEnvironment } from "./support/fake-environment.ts";
import { failure, Harness, stat, told } from "./support/harness.ts";
import { ScriptedServer, SECRET } from "./support/scripted-server.ts";

let harness: Harness;
let server: ScriptedServer;
let environment: FakeEnvironment;

beforeEach(async () => {
  harness = await Harness.start();
  ({ server } = harness);
  ({ environment } = harness);
});

afterEach(() => harness[Symbol.asyncDispose]());

describe("a lost stream", () => {
  test("is resumed at once with id, secret, ensemble and highest zxid", async () => {
    const { client, stream, events } = await harness.opened();
    const next = await harness.nextStream(client, () => stream.fail(14, "STOPPING"));
    const resume = await next.resume({ zxid: 1_100 });
    expect(resume).toMatchObject({ sessionId: 77, ensembleId: "e1", minZxid: 1_000 });
    expect(Buffer.from(resume.secret).equals(SECRET)).toBe(true);
    if (client.session.state !== "open") await told(client, "session-resumed");
    expect(client.zxid).toBe(1_100);
    expect(events.map(({ type }) => type)).toEqual(["disconnected", "reconnecting", "connected", "session-resumed"]);
    expect(events[0]).toMatchObject({ error: { reason: "STOPPING" } });
    expect(events[1]).toMatchObject({ attempt: 1, delayMs: 0 });
  });

  test("what was unanswered is sent again in order under the same numbers, before what is new", async () => {
    const { client, stream } = await harness.opened();
    const calls = [client.znodes.set("/a", "1"), client.znodes.get("/a"), client.znodes.set("/a", "2")];
    const sent = await stream.operations(3);
    stream.results({ number: 1, zxid: 2_000, stat: stat() });
    await calls[0];
    const reconnecting = told(client, "reconnecting");
    stream.fail(14, "STOPPING");
    await reconnecting;
    calls.push(client.znodes.set("/b", "3"));
    environment.advance(0);
    const next = await server.stream();
    await next.resume();
    const again = await next.operations(3);
    expect(again.slice(0, 2)).toEqual(sent.slice(1));
    expect(again[2]).toMatchObject({ number: 4, operation: { value: { path: "/b" } } });
    expect(next.answeredBelow).toBe(2);
    next.results(...again.map(({ number }) => ({ number, zxid: 2_000 + number, stat: stat() })));
    expect(await Promise.all(calls)).toHaveLength(4);
  });

  test("is looked for at the next endpoint, at once and then with full jitter up to 2 s", async () => {
    await using other = await ScriptedServer.start();
    environment.randomValue = 0.999;
    const { client, stream, events } = await harness.opened({ endpoints: [server.endpoint, other.endpoint] });
    const first = told(client, "reconnecting");
    stream.fail(14, "STOPPING");
    expect(await first).toMatchObject({ attempt: 1, delayMs: 0, endpoint: other.endpoint });
    environment.advance(0);
    let refused = await other.stream();
    for (let attempt = 2; attempt <= 9; attempt++) {
      const again = told(client, "reconnecting");
      refused.fail(14, "NOT_READY");
      const event = (await again) as Extract<DiagnosticEvent, { type: "reconnecting" }>;
      const endpoint = attempt % 2 === 1 ? other.endpoint : server.endpoint;
      expect(event).toMatchObject({ attempt, endpoint, error: { reason: "NOT_READY" } });
      expect(event.delayMs).toBeCloseTo(0.999 * Math.min(2_000, 50 * 2 ** (attempt - 2)));
      environment.advance(event.delayMs);
      refused = await (attempt % 2 === 1 ? other : server).stream();
    }
    await refused.resume();
    expect(events.filter(({ type }) => type === "disconnected")).toHaveLength(1);
  });

  test("finds the members the server named, behind those configured", async () => {
    await using discovered = await ScriptedServer.start();
    const connecting = harness.connect();
    const stream = await server.stream();
    await stream.open({ endpoints: [discovered.endpoint, server.endpoint, "not an endpoint"] });
    const client = await connecting;
    harness.clients.push(client);
    const reconnecting = told(client, "reconnecting");
    stream.end();
    expect(await reconnecting).toMatchObject({ endpoint: discovered.endpoint });
    environment.advance(0);
    await (await discovered.stream()).resume();
    if (client.session.state !== "open") await told(client, "connected");
    expect(client.endpoint).toBe(discovered.endpoint);
  });

  test("by a server's message that cannot be read is not fed the same again", async () => {
    const { client, stream } = await harness.opened();
    const write = failure(client.znodes.set("/a", "x"));
    const read = failure(client.znodes.get("/a"));
    await stream.operations(2);
    const next = await harness.nextStream(client, () => stream.fail(3, "MALFORMED"));
    expect(await write).toMatchObject({ reason: "OUTCOME_UNKNOWN", maybeApplied: true });
    expect(await read).toMatchObject({ reason: "MALFORMED", path: "/a" });
    await next.resume();
    const after = client.znodes.exists("/b");
    const { number } = await next.operation();
    expect(number).toBe(3);
    next.results({ number, zxid: 1_500, stat: stat() });
    await after;
  });

  test("by a defect of the server, three times without one answer, is not fed the same again", async () => {
    const { client, stream } = await harness.opened();
    const write = failure(client.znodes.set("/a", "x"));
    let current = stream;
    for (let broken = 1; broken <= 3; broken++) {
      expect((await current.operation()).number).toBe(1);
      const broke = current;
      current = await harness.nextStream(client, () => broke.fail(13, "INTERNAL"));
      await current.resume();
    }
    expect(await write).toMatchObject({ reason: "OUTCOME_UNKNOWN", maybeApplied: true });
    const after = client.znodes.exists("/b");
    const { number } = await current.operation();
    expect(number).toBe(2);
    current.results({ number, zxid: 1_500, stat: stat() });
    await after;
  });

  test("by an answer that this client cannot decode is left for another", async () => {
    const { client, stream, events } = await harness.opened();
    const read = failure(client.znodes.get("/a"));
    await stream.operation();
    let nested = Result.fromPartial({ number: 1 } as Result);
    for (let depth = 0; depth < 20; depth++) nested = { ...nested, parts: [nested] };
    const next = await harness.nextStream(client, () => stream.results(nested));
    expect((await read).reason).toBe("MALFORMED");
    expect(events[0]).toMatchObject({ type: "disconnected", error: { reason: "MALFORMED" } });
    await next.resume();
  });

  test("a write answered again after a resume is told its first answer", async () => {
    const { client, stream } = await harness.opened();
    const call = client.znodes.create("/q-", "", { sequential: true });
    await stream.operation();
    const next = await harness.nextStream(client, () => stream.end());
    await next.resume();
    const { number } = await next.operation();
    next.results({ number, zxid: 1_200, path: "/q-0000000001", stat: stat({ czxid: 1_200 }) });
    expect(await call).toMatchObject({ path: "/q-0000000001", zxid: 1_200 });
  });
});

describe("an expired session", () => {
  test("rejects its writes, repeats its reads, and is followed by a new one", async () => {
    const { client, stream, events } = await harness.opened();
    const sentWrite = failure(client.znodes.set("/a", "1"));
    const read = client.znodes.get("/a");
    await stream.operations(2);
    const reconnecting = told(client, "reconnecting");
    stream.end();
    await reconnecting;
    const unsentWrite = failure(client.znodes.create("/e", "", { mode: "ephemeral" }));
    environment.advance(0);
    const refused = await server.stream();
    await refused.next("resume");
    const again = told(client, "reconnecting");
    refused.sessionClosed("SESSION_EXPIRED");
    const { delayMs } = (await again) as { delayMs: number };
    expect(await sentWrite).toMatchObject({ reason: "OUTCOME_UNKNOWN", maybeApplied: true, path: "/a" });
    expect(await unsentWrite).toMatchObject({ reason: "SESSION_EXPIRED", maybeApplied: false, path: "/e" });
    expect(client.session).toMatchObject({ id: 0, state: "expired", marginMs: 0 });
    expect(events).toContainEqual({ type: "session-expired", sessionId: 77, unknownWrites: 1 });

    environment.advance(delayMs);
    const next = await server.stream();
    const open = await next.open({ sessionId: 99, zxid: 5_000 });
    expect(open).toMatchObject({ ensembleId: "e1", minZxid: 1_000 });
    const operation = await next.operation();
    expect(operation).toMatchObject({ number: 2, operation: { $case: "get" } });
    next.results({ number: 2, zxid: 5_000, data: Buffer.from("z"), stat: stat() });
    expect((await read).zxid).toBe(5_000);
    expect(client.session).toMatchObject({ id: 99, state: "open" });
    expect(events.at(-1)).toMatchObject({ type: "session-opened", sessionId: 99 });
  });

  test("is told while the stream is open, too", async () => {
    const { client, stream } = await harness.opened();
    const expired = told(client, "session-expired");
    const next = await harness.nextStream(client, () => stream.sessionClosed("SESSION_EXPIRED"));
    expect(await expired).toMatchObject({ sessionId: 77 });
    await next.open({ sessionId: 78 });
  });

  test("an operation refused because the session moved is sent again once it is taken back", async () => {
    const { client, stream } = await harness.opened();
    const write = client.znodes.set("/a", "x");
    const read = client.znodes.get("/a");
    await stream.operations(2);
    const moved = { status: 10, reason: "SESSION_MOVED", message: "" };
    const next = await harness.nextStream(client, () =>
      stream.results({ number: 1, zxid: 1_500, failure: moved }, { number: 2, zxid: 1_500, stat: stat() }),
    );
    await next.resume();
    const again = await next.operations(2);
    next.results(...again.map(({ number }) => ({ number, zxid: 2_000, stat: stat() })));
    expect((await write).zxid).toBe(2_000);
    expect((await read).zxid).toBe(2_000);
  });

  test.for(["NOT_READY", "STOPPING", "NOT_LEADER"])(
    "an operation refused as %s goes to the next member, under the same number, and so do those behind it",
    async (reason) => {
      await using other = await ScriptedServer.start();
      environment.randomValue = 0.999;
      const { client, stream } = await harness.opened({ endpoints: [server.endpoint, other.endpoint] });
      const calls = [client.znodes.set("/a", "x"), client.znodes.set("/a", "y"), client.znodes.get("/a")];
      const sent = await stream.operations(3);
      const reconnecting = told(client, "reconnecting");
      const refusal = { status: 14, reason, message: "" };
      stream.results({ number: 1, zxid: 1_500, stat: stat() }, { number: 2, failure: refusal });
      expect(await reconnecting).toMatchObject({ attempt: 1, delayMs: 0, endpoint: other.endpoint, error: { reason } });
      environment.advance(0);
      const next = await other.stream();
      await next.resume();
      expect(await next.operations(2)).toEqual(sent.slice(1));
      next.results(...[2, 3].map((number) => ({ number, zxid: 2_000, stat: stat() })));
      const zxids = await Promise.all(calls.map(async (call) => (await call).zxid));
      expect(zxids).toEqual([1_500, 2_000, 2_000]);
    },
  );

  test("without a quorum a write fails at once: no other member could take it", async () => {
    const { client, stream } = await harness.opened();
    const write = failure(client.znodes.set("/a", "x"));
    await stream.operation();
    stream.results({ number: 1, failure: { status: 14, reason: "NO_QUORUM", message: "" } });
    expect(await write).toMatchObject({ reason: "NO_QUORUM", maybeApplied: false });
    expect(client.session.state).toBe("open");
  });

  test("one moved to another stream is taken back", async () => {
    const { client, stream } = await harness.opened();
    const next = await harness.nextStream(client, () => stream.sessionClosed("SESSION_MOVED", 10));
    expect((await next.resume()).sessionId).toBe(77);
  });
});
