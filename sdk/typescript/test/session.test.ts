import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MusterClient } from "../src/client.ts";
import { type ConnectOptions, connectWith } from "../src/connect.ts";
import type { DiagnosticEvent } from "../src/diagnostics.ts";
import { MusterError } from "../src/errors.ts";
import { Result } from "../src/gen/muster/coordination/v1/session.ts";
import { Stat } from "../src/gen/muster/coordination/v1/znode.ts";
import { FakeEnvironment } from "./support/fake-environment.ts";
import { ScriptedServer, type ScriptedStream, SECRET } from "./support/scripted-server.ts";

const stat = (fields: Partial<Stat> = {}): Stat => Stat.fromPartial(fields as Stat);
const TIMEOUT_MS = 30_000;

let server: ScriptedServer;
let environment: FakeEnvironment;
const clients: MusterClient[] = [];

beforeEach(async () => {
  server = await ScriptedServer.start();
  environment = new FakeEnvironment();
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

async function opened(options: Partial<ConnectOptions> = {}): Promise<{
  client: MusterClient;
  stream: ScriptedStream;
  events: DiagnosticEvent[];
}> {
  const connecting = connectWith({ endpoints: server.endpoint, ...options }, { environment });
  const stream = await server.stream();
  await stream.open();
  const client = await connecting;
  clients.push(client);
  const events: DiagnosticEvent[] = [];
  client.diagnostics.subscribe((event) => events.push(event));
  return { client, stream, events };
}

/** Resolves when the client has told of it. */
function told(client: MusterClient, type: DiagnosticEvent["type"]): Promise<DiagnosticEvent> {
  return new Promise((resolve) => {
    const stop = client.diagnostics.on(type, (event) => {
      stop();
      resolve(event);
    });
  });
}

/** Breaks the stream, lets the client notice, and waits for its next one. */
async function nextStream(client: MusterClient, breakIt: () => void): Promise<ScriptedStream> {
  const reconnecting = told(client, "reconnecting");
  breakIt();
  const { delayMs } = (await reconnecting) as { delayMs: number };
  environment.advance(delayMs);
  return server.stream();
}

async function failure(promise: Promise<unknown>): Promise<MusterError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MusterError);
  return error as MusterError;
}

describe("a session", () => {
  test("opens, answers calls by number, and closes after them", async () => {
    const connecting = connectWith({ endpoints: server.endpoint, sessionTimeoutMs: 9_000 }, { environment });
    const stream = await server.stream();
    const open = await stream.open({ timeoutMs: 6_000 });
    expect(open).toMatchObject({ timeoutMs: 9_000, ensembleId: "", minZxid: 0 });
    const client = await connecting;
    expect(client.session).toEqual({ id: 77, timeoutMs: 6_000, state: "open", marginMs: 6_000 });

    const created = client.znodes.create("/a", "one");
    const got = client.znodes.get("/a");
    const [create, get] = await stream.operations(2);
    expect(create).toMatchObject({ number: 1, operation: { $case: "create", value: { path: "/a", mode: 1 } } });
    expect(get).toMatchObject({ number: 2, operation: { $case: "get", value: { path: "/a" } } });
    expect(stream.batches).toBe(1);
    stream.results(
      { number: 1, zxid: 2_000, path: "/a", stat: stat({ czxid: 2_000, dataBytes: 3 }) },
      { number: 2, zxid: 2_000, data: Buffer.from("one"), stat: stat({ czxid: 2_000, dataBytes: 3 }) },
    );
    expect(await created).toMatchObject({ path: "/a", zxid: 2_000, created: true, stat: { dataLength: 3 } });
    expect(Buffer.from((await got).data).toString()).toBe("one");
    expect(client.zxid).toBe(2_000);

    const closing = client.close();
    await stream.next("close");
    stream.sessionClosed();
    await closing;
    expect(client.session.state).toBe("closed");
    expect(environment.timerCount).toBe(0);
    expect((await failure(client.znodes.get("/a"))).reason).toBe("CLIENT_CLOSED");
  });

  test("proves its identities when it opens and each time it resumes, those added later too", async () => {
    const first = { scheme: "digest", secret: "a:1" };
    const second = { scheme: "digest", secret: "b:2" };
    const connecting = connectWith({ endpoints: server.endpoint, credentials: [first] }, { environment });
    const stream = await server.stream();
    expect((await stream.open()).credentials).toEqual([first]);
    const client = await connecting;
    clients.push(client);
    const proven = client.authenticate(second);
    const { number, operation } = await stream.operation();
    expect(operation).toEqual({ $case: "authenticate", value: second });
    stream.results({ number });
    await proven;
    const next = await nextStream(client, () => stream.end());
    expect((await next.resume()).credentials).toEqual([first, second]);
  });

  test("sends calls of one turn as one batch, and says which answers the server may forget", async () => {
    const { client, stream } = await opened();
    const calls = Array.from({ length: 100 }, (_, index) => client.znodes.set(`/n${index}`, new Uint8Array(1024)));
    const operations = await stream.operations(100);
    expect(stream.batches).toBe(1);
    expect(stream.answeredBelow).toBe(1);
    stream.results(...operations.map(({ number }) => ({ number, zxid: 2_000 + number, stat: stat() })));
    // What the answers set off goes out together too.
    const more = calls.map(async (call) => {
      await call;
      await client.znodes.get("/x");
    });
    const next = await stream.operations(100);
    expect(stream.batches).toBe(2);
    expect(stream.answeredBelow).toBe(101);
    stream.results(...next.map(({ number }) => ({ number, zxid: 3_000, stat: stat() })));
    await Promise.all(more);
  });

  test("has at most 1,024 operations unanswered; the others wait", async () => {
    const { client, stream } = await opened();
    const calls = Array.from({ length: 1_500 }, () => client.znodes.exists("/a"));
    const sent = await stream.operations(1_024);
    client.znodes.exists("/barrier").catch(() => {});
    stream.results(...sent.slice(0, 10).map(({ number }) => ({ number, zxid: 1_001, stat: stat() })));
    const [eleventh] = await stream.operations(1);
    expect(eleventh?.number).toBe(1_025);
    expect(stream.answeredBelow).toBe(11);
    const rest = await stream.operations(9);
    expect(rest.at(-1)?.number).toBe(1_034);
    stream.results(...sent.slice(10).map(({ number }) => ({ number, zxid: 1_001, stat: stat() })));
    const last = await stream.operations(1_501 - 1_034);
    expect(last.at(-1)?.number).toBe(1_501);
    stream.results(
      ...Array.from({ length: 476 }, (_, index) => ({ number: 1_025 + index, zxid: 1_002, stat: stat() })),
    );
    expect(await Promise.all(calls)).toHaveLength(1_500);
  });

  test("refuses calls beyond its bound on bytes with OVERLOADED", async () => {
    const { client, stream } = await opened({ queuedBytesMax: 10_000 });
    const calls = [1, 2, 3].map(() => client.znodes.set("/a", new Uint8Array(4_000)));
    expect(await failure(client.znodes.set("/a", "x"))).toMatchObject({ reason: "OVERLOADED", retry: "same-request" });
    for (const { number } of await stream.operations(3)) stream.results({ number, zxid: 2_000, stat: stat() });
    await Promise.all(calls);
    const again = client.znodes.set("/a", "x");
    stream.results({ number: (await stream.operation()).number, zxid: 2_001, stat: stat() });
    await again;
  });

  test("refuses a call too large for any server, without a word to it", async () => {
    const { client, stream } = await opened();
    const data = new Uint8Array(5 * 1024 * 1024);
    expect((await failure(client.znodes.set("/a", data))).reason).toBe("MESSAGE_TOO_LARGE");
    const call = client.znodes.exists("/a");
    const { number, operation } = await stream.operation();
    expect(operation?.$case).toBe("exists");
    stream.results({ number, zxid: 1_001, stat: stat() });
    await call;
  });
});

describe("errors", () => {
  test("are told apart by reason and carry path and zxid", async () => {
    const { client, stream } = await opened();
    const call = client.znodes.set("/a", "x", { version: 3 });
    const { number } = await stream.operation();
    const refusal = { status: 10, reason: "VERSION_MISMATCH", message: "the version is 4" };
    stream.results({ number, zxid: 2_000, failure: refusal });
    expect(await failure(call)).toMatchObject({
      reason: "VERSION_MISMATCH",
      retry: "after-reread",
      status: 10,
      path: "/a",
      zxid: 2_000,
      maybeApplied: false,
    });
  });

  test("of a newer server are INTERNAL, retried as their status says", async () => {
    const { client, stream } = await opened();
    const call = client.znodes.get("/a");
    const { number } = await stream.operation();
    stream.results({ number, failure: { status: 14, reason: "BRAND_NEW", message: "hm" } });
    const error = await failure(call);
    expect(error).toMatchObject({ reason: "INTERNAL", retry: "other-member", status: 14 });
    expect(error.message).toContain("BRAND_NEW: hm");
  });

  test("of arguments are found before anything is sent", async () => {
    const { client } = await opened();
    const { znodes } = client;
    const bad: Promise<unknown>[] = [
      znodes.get(7 as unknown as string),
      znodes.set("/a", 7 as unknown as string),
      znodes.set("/a", "x", { version: 1.5 }),
      znodes.create("/a", "", { mode: "ephemeral", ttlMs: 5 }),
      znodes.create("/a", "", { mode: "container", sequential: true }),
      znodes.create("/a", "", { ttlMs: -1 }),
      znodes.get("/a", { minZxid: -1 }),
      znodes.multi([{ type: "nonsense", path: "/a" } as never]),
    ];
    for (const call of bad) expect((await failure(call)).reason).toBe("INVALID_ARGUMENT");
  });
});

describe("a lost stream", () => {
  test("is resumed at once with id, secret, ensemble and highest zxid", async () => {
    const { client, stream, events } = await opened();
    const next = await nextStream(client, () => stream.fail(14, "STOPPING"));
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
    const { client, stream } = await opened();
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
    const { client, stream, events } = await opened({ endpoints: [server.endpoint, other.endpoint] });
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
    const connecting = connectWith({ endpoints: server.endpoint }, { environment });
    const stream = await server.stream();
    await stream.open({ endpoints: [discovered.endpoint, server.endpoint, "not an endpoint"] });
    const client = await connecting;
    clients.push(client);
    const reconnecting = told(client, "reconnecting");
    stream.end();
    expect(await reconnecting).toMatchObject({ endpoint: discovered.endpoint });
    environment.advance(0);
    await (await discovered.stream()).resume();
    if (client.session.state !== "open") await told(client, "connected");
    expect(client.endpoint).toBe(discovered.endpoint);
  });

  test("by a server's message that cannot be read is not fed the same again", async () => {
    const { client, stream } = await opened();
    const write = failure(client.znodes.set("/a", "x"));
    const read = failure(client.znodes.get("/a"));
    await stream.operations(2);
    const next = await nextStream(client, () => stream.fail(3, "MALFORMED"));
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
    const { client, stream } = await opened();
    const write = failure(client.znodes.set("/a", "x"));
    let current = stream;
    for (let broken = 1; broken <= 3; broken++) {
      expect((await current.operation()).number).toBe(1);
      const broke = current;
      current = await nextStream(client, () => broke.fail(13, "INTERNAL"));
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
    const { client, stream, events } = await opened();
    const read = failure(client.znodes.get("/a"));
    await stream.operation();
    let nested = Result.fromPartial({ number: 1 } as Result);
    for (let depth = 0; depth < 20; depth++) nested = { ...nested, parts: [nested] };
    const next = await nextStream(client, () => stream.results(nested));
    expect((await read).reason).toBe("MALFORMED");
    expect(events[0]).toMatchObject({ type: "disconnected", error: { reason: "MALFORMED" } });
    await next.resume();
  });

  test("a write answered again after a resume is told its first answer", async () => {
    const { client, stream } = await opened();
    const call = client.znodes.create("/q-", "", { sequential: true });
    await stream.operation();
    const next = await nextStream(client, () => stream.end());
    await next.resume();
    const { number } = await next.operation();
    next.results({ number, zxid: 1_200, path: "/q-0000000001", stat: stat({ czxid: 1_200 }) });
    expect(await call).toMatchObject({ path: "/q-0000000001", zxid: 1_200 });
  });
});

describe("an expired session", () => {
  test("rejects its writes, repeats its reads, and is followed by a new one", async () => {
    const { client, stream, events } = await opened();
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
    const { client, stream } = await opened();
    const expired = told(client, "session-expired");
    const next = await nextStream(client, () => stream.sessionClosed("SESSION_EXPIRED"));
    expect(await expired).toMatchObject({ sessionId: 77 });
    await next.open({ sessionId: 78 });
  });

  test("an operation refused because the session moved is sent again once it is taken back", async () => {
    const { client, stream } = await opened();
    const write = client.znodes.set("/a", "x");
    const read = client.znodes.get("/a");
    await stream.operations(2);
    const moved = { status: 10, reason: "SESSION_MOVED", message: "" };
    const next = await nextStream(client, () =>
      stream.results({ number: 1, zxid: 1_500, failure: moved }, { number: 2, zxid: 1_500, stat: stat() }),
    );
    await next.resume();
    const again = await next.operations(2);
    next.results(...again.map(({ number }) => ({ number, zxid: 2_000, stat: stat() })));
    expect((await write).zxid).toBe(2_000);
    expect((await read).zxid).toBe(2_000);
  });

  test("one moved to another stream is taken back", async () => {
    const { client, stream } = await opened();
    const next = await nextStream(client, () => stream.sessionClosed("SESSION_MOVED", 10));
    expect((await next.resume()).sessionId).toBe(77);
  });
});

describe("liveness (core.md 10)", () => {
  test("a keep-alive is sent when nothing was for a third of the time-out", async () => {
    const { client, stream } = await opened();
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
    const { client, stream } = await opened();
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
    const { client, stream } = await opened();
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

  test("without acknowledgement for two thirds the stream is given up, for the whole the session is suspended", async () => {
    const { client, stream, events } = await opened();
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
    const { client, stream } = await opened();
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
    const { client, stream } = await opened();
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

describe("a call given up", () => {
  test("by its time-out is DEADLINE_EXCEEDED for a read, OUTCOME_UNKNOWN for a write that was sent", async () => {
    const { client, stream } = await opened({ requestTimeoutMs: 4_000 });
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
    const { client, stream } = await opened();
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
    const { client, stream } = await opened();
    const controller = new AbortController();
    const write = client.znodes.set("/a", "1", { signal: controller.signal });
    const other = client.znodes.set("/b", "2");
    await stream.operations(2);
    const given = failure(write);
    controller.abort(new Error("enough"));
    const error = await given;
    expect(error).toMatchObject({ reason: "CANCELLED", maybeApplied: true, path: "/a" });
    expect(error.cause).toBe(controller.signal.reason);
    const next = await nextStream(client, () => stream.end());
    await next.resume();
    const { number, operation } = await next.operation();
    expect(operation).toMatchObject({ $case: "set", value: { path: "/b" } });
    next.results({ number, zxid: 2_000, stat: stat() });
    await other;
    expect((await failure(client.znodes.get("/a", { signal: controller.signal }))).reason).toBe("CANCELLED");
  });
});

describe("connecting", () => {
  test("that finds nobody rejects in time, naming the endpoints and the last cause", async () => {
    const connecting = connectWith({ endpoints: "127.0.0.1:1,127.0.0.1:2", connectTimeoutMs: 3_000 }, { environment });
    const outcome = failure(connecting);
    environment.advance(3_000);
    const error = await outcome;
    expect(error).toMatchObject({ reason: "UNREACHABLE", retry: "other-member" });
    expect(error.message).toContain("127.0.0.1:1, 127.0.0.1:2");
    expect(environment.timerCount).toBe(0);
  });

  test("that every member refuses rejects at once with the reason", async () => {
    const connecting = connectWith({ endpoints: server.endpoint }, { environment });
    const outcome = failure(connecting);
    (await server.stream()).fail(3, "INVALID_ARGUMENT");
    expect((await outcome).reason).toBe("INVALID_ARGUMENT");
  });

  test("goes on while members are not ready", async () => {
    environment.randomValue = 0;
    const connecting = connectWith({ endpoints: server.endpoint }, { environment });
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
    clients.push(await connecting);
  });

  test("is given up with its signal", async () => {
    const controller = new AbortController();
    const connecting = connectWith({ endpoints: server.endpoint, signal: controller.signal }, { environment });
    const outcome = failure(connecting);
    const stream = await server.stream();
    controller.abort();
    expect((await outcome).reason).toBe("CANCELLED");
    await stream.closed;
  });

  test("again to another ensemble ends the client with WRONG_ENSEMBLE", async () => {
    const { client, stream } = await opened();
    const read = failure(client.znodes.get("/a", { timeoutMs: 10 * TIMEOUT_MS }));
    await stream.operation();
    const next = await nextStream(client, () => stream.end());
    await next.next("resume");
    // While the session is surely alive it may only be a member far behind.
    const later = await nextStream(client, () => next.sessionClosed("WRONG_ENSEMBLE"));
    await later.next("resume");
    expect(client.session.state).toBe("disconnected");
    const final = await nextStream(client, () => environment.stall(TIMEOUT_MS));
    await final.next("resume");
    expect(client.session.state).toBe("suspended");
    const closed = told(client, "closed");
    final.sessionClosed("WRONG_ENSEMBLE");
    expect(await closed).toMatchObject({ error: { reason: "WRONG_ENSEMBLE" } });
    expect((await read).reason).toBe("WRONG_ENSEMBLE");
    expect((await failure(client.znodes.get("/a"))).reason).toBe("WRONG_ENSEMBLE");
  });
});

describe("closing", () => {
  test("answers what was called before, then ends the session", async () => {
    const { client, stream } = await opened();
    const write = client.znodes.set("/a", "x");
    const closing = client.close();
    const { number } = await stream.operation();
    await stream.next("close");
    stream.results({ number, zxid: 2_000, stat: stat() });
    stream.sessionClosed();
    expect((await write).zxid).toBe(2_000);
    await closing;
  });

  test("does not wait for ever, and what is unanswered crashes nobody", async () => {
    const { client, stream } = await opened();
    const ignored = client.znodes.set("/a", "x");
    await stream.operation();
    const closing = client.close();
    await stream.next("close");
    environment.advance(5_000);
    await closing;
    expect(await failure(ignored)).toMatchObject({ reason: "CLIENT_CLOSED", maybeApplied: true });
  });

  test("without a connection is immediate", async () => {
    const { client, stream } = await opened();
    const reconnecting = told(client, "reconnecting");
    stream.end();
    await reconnecting;
    await client.close();
    await client.close();
    expect(environment.timerCount).toBe(0);
  });
});
