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

describe("a session", () => {
  test("opens, answers calls by number, and closes after them", async () => {
    const connecting = harness.connect({ sessionTimeoutMs: 9_000 });
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
    const connecting = harness.connect({ credentials: [first] });
    const stream = await server.stream();
    expect((await stream.open()).credentials).toEqual([first]);
    const client = await connecting;
    harness.clients.push(client);
    const proven = client.authenticate(second);
    const { number, operation } = await stream.operation();
    expect(operation).toEqual({ $case: "authenticate", value: second });
    stream.results({ number });
    await proven;
    const next = await harness.nextStream(client, () => stream.end());
    expect((await next.resume()).credentials).toEqual([first, second]);
  });

  test("sends calls of one turn as one batch, and says which answers the server may forget", async () => {
    const { client, stream } = await harness.opened();
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
    const { client, stream } = await harness.opened();
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
    const { client, stream } = await harness.opened({ queuedBytesMax: 10_000 });
    const calls = [1, 2, 3].map(() => client.znodes.set("/a", new Uint8Array(4_000)));
    expect(await failure(client.znodes.set("/a", "x"))).toMatchObject({ reason: "OVERLOADED", retry: "same-request" });
    for (const { number } of await stream.operations(3)) stream.results({ number, zxid: 2_000, stat: stat() });
    await Promise.all(calls);
    const again = client.znodes.set("/a", "x");
    stream.results({ number: (await stream.operation()).number, zxid: 2_001, stat: stat() });
    await again;
  });

  test("refuses a call too large for any server, without a word to it", async () => {
    const { client, stream } = await harness.opened();
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
    const { client, stream } = await harness.opened();
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
    const { client, stream } = await harness.opened();
    const call = client.znodes.get("/a");
    const { number } = await stream.operation();
    stream.results({ number, failure: { status: 14, reason: "BRAND_NEW", message: "hm" } });
    const error = await failure(call);
    expect(error).toMatchObject({ reason: "INTERNAL", retry: "other-member", status: 14 });
    expect(error.message).toContain("BRAND_NEW: hm");
  });

  test("of arguments are found before anything is sent", async () => {
    const { client } = await harness.opened();
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

describe("closing", () => {
  test("answers what was called before, then ends the session", async () => {
    const { client, stream } = await harness.opened();
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
    const { client, stream } = await harness.opened();
    const ignored = client.znodes.set("/a", "x");
    await stream.operation();
    const closing = client.close();
    await stream.next("close");
    environment.advance(5_000);
    await closing;
    expect(await failure(ignored)).toMatchObject({ reason: "CLIENT_CLOSED", maybeApplied: true });
  });

  test("without a connection is immediate", async () => {
    const { client, stream } = await harness.opened();
    const reconnecting = told(client, "reconnecting");
    stream.end();
    await reconnecting;
    await client.close();
    await client.close();
    expect(environment.timerCount).toBe(0);
  });
});
