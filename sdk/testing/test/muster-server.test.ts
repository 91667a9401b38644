import { type ConnectOptions, connect, type DiagnosticEvent, type MusterClient, MusterError } from "@muster/client";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type MusterServer, startMuster, TestingError } from "../src/index.ts";

/** A slow machine is not a failure, a hang is. */
const PATIENCE_MS = 30_000;
vi.setConfig({ testTimeout: PATIENCE_MS });

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function server(): Promise<MusterServer> {
  const started = await startMuster();
  open.push(() => started.stop());
  return started;
}

async function clientOf({ endpoint }: MusterServer, options: Partial<ConnectOptions> = {}): Promise<MusterClient> {
  const client = await connect({ endpoints: endpoint, ...options });
  open.push(() => client.close());
  return client;
}

function told(client: MusterClient, type: DiagnosticEvent["type"]): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.diagnostics.on(type, () => {
      stop();
      resolve();
    });
  });
}

const text = async (client: MusterClient, path: string) => Buffer.from((await client.znodes.get(path)).data).toString();

/** A control's refusal: its reason, and what its message says. */
async function refusal(control: () => unknown): Promise<{ reason: string; message: string }> {
  try {
    await control();
  } catch (error) {
    if (error instanceof TestingError) return { reason: error.reason, message: error.message };
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("products.md 30: publish", () => {
  test("creates a znode and its parents, sets it the next time, and wakes whoever watches", async () => {
    const muster = await server();
    const client = await clientOf(muster);
    const watch = client.znodes.watch("/a");
    await watch.ready;
    const created = await muster.publish("/a/b/c", "1");
    const changed = await muster.publish("/a/b/c", Uint8Array.of(0x32));
    const seen: string[] = [];
    for await (const { type, path, zxid } of watch) {
      seen.push(`${type} ${path} ${zxid}`);
      if (zxid === changed) break;
    }
    expect(seen).toEqual([
      ...["/a", "/a/b", "/a/b/c"].map((path) => `created ${path} ${created}`),
      `data-changed /a/b/c ${changed}`,
    ]);
    expect(await text(client, "/a/b/c")).toBe("2");
  });

  test("is stopped by no ACL, and by what stops every write", async () => {
    const muster = await server();
    const client = await clientOf(muster, { credentials: [{ scheme: "digest", secret: "ann:apple" }] });
    await client.znodes.create("/own", "", { acl: [{ scheme: "auth", id: "", permissions: 31 }] });
    await muster.publish("/own", "published");
    expect(await text(client, "/own")).toBe("published");
    expect(await refusal(() => muster.publish("own", ""))).toMatchObject({
      reason: "INVALID_PATH",
      message: expect.stringContaining('"own"'),
    });
    expect(await refusal(() => muster.publish("/own", new Uint8Array(2 ** 20 + 1)))).toMatchObject({
      reason: "TOO_LARGE",
    });
    expect(await refusal(() => muster.publish(7 as unknown as string, ""))).toMatchObject({
      reason: "INVALID_ARGUMENT",
    });
    expect(await refusal(() => muster.publish("/own", {} as unknown as string))).toMatchObject({
      reason: "INVALID_ARGUMENT",
    });
  });
});

describe("products.md 30: kill", () => {
  test("resets connections and loses no answered write; a restart has the endpoint and the sessions", async () => {
    const muster = await server();
    const { endpoint } = muster;
    const client = await clientOf(muster);
    const { id } = client.session;
    await client.znodes.create("/kept", "answered", { mode: "ephemeral" });
    const zxid = await muster.publish("/published", "too");
    for (let kills = 0; kills < 2; kills++) {
      const lost = told(client, "disconnected");
      await muster.kill();
      await lost;
      const resumed = told(client, "session-resumed");
      await muster.restart();
      await resumed;
    }
    expect(muster.endpoint).toBe(endpoint);
    expect([await text(client, "/kept"), await text(client, "/published")]).toEqual(["answered", "too"]);
    expect(client.session).toMatchObject({ id, state: "open" });
    expect((await client.znodes.exists("/kept"))?.ephemeralOwner).toBe(id);
    expect((await client.znodes.exists("/published"))?.mzxid).toBe(zxid);
  });

  test("while it is dead nobody connects, calls wait, and controls say what to do", async () => {
    const muster = await server();
    const client = await clientOf(muster);
    await muster.kill();
    await expect(connect({ endpoints: muster.endpoint, connectTimeoutMs: 50 })).rejects.toMatchObject({
      reason: "UNREACHABLE",
    });
    const create = client.znodes.create("/waited");
    for (const control of [() => muster.kill(), () => muster.publish("/x", ""), () => muster.expireSession(1)]) {
      expect(await refusal(control)).toEqual({
        reason: "NOT_READY",
        message: expect.stringMatching(/the server is killed; await restart\(\) first$/),
      });
    }
    await muster.restart();
    expect((await create).created).toBe(true);
    expect(await refusal(() => muster.restart())).toEqual({
      reason: "UNSUPPORTED",
      message: "restart: the server is running, and only a killed one starts; kill() it first",
    });
  });

  test("cuts a publish short, whose outcome is then unknown", async () => {
    const muster = await server();
    const published = refusal(() => muster.publish("/cut", "short"));
    await muster.kill();
    expect(await published).toMatchObject({ reason: "OUTCOME_UNKNOWN" });
    await muster.restart();
    const client = await clientOf(muster);
    expect(await client.znodes.exists("/cut")).toBeUndefined();
  });

  test("keeps what it has through snapshot rounds and pruned segments", async () => {
    const muster = await server();
    const data = new Uint8Array(2 ** 20);
    // Enough for several rounds of the journal, and for the segments before them to go.
    for (let n = 0; n < 28; n++) {
      data.fill(n);
      await muster.publish(`/large/${n % 4}`, data);
    }
    await muster.kill();
    await muster.restart();
    const client = await clientOf(muster);
    for (let n = 24; n < 28; n++) {
      expect(new Set((await client.znodes.get(`/large/${n % 4}`)).data)).toEqual(new Set([n]));
    }
  });
});

describe("products.md 30: expireSession", () => {
  test("ends a session through the log though it is alive: ephemerals go, its client is told", async () => {
    const muster = await server();
    const [client, observer] = await Promise.all([clientOf(muster), clientOf(muster)]);
    const { id } = client.session;
    const { path } = await client.znodes.create("/mine", "", { mode: "ephemeral" });
    const watch = observer.znodes.watch(path);
    await watch.ready;
    const [expired, opened] = [told(client, "session-expired"), told(client, "session-opened")];
    await muster.expireSession(id);
    expect((await watch.next()).value).toMatchObject({ type: "deleted", path });
    await Promise.all([expired, opened]);
    expect(client.session.id).not.toBe(id);
    expect((await client.znodes.create(path, "", { mode: "ephemeral" })).created).toBe(true);
    expect(observer.session.state).toBe("open");
  });

  test("says so when there is no such session", async () => {
    const muster = await server();
    expect(await refusal(() => muster.expireSession(12345))).toMatchObject({
      reason: "SESSION_EXPIRED",
      message: expect.stringContaining("session 12345"),
    });
    for (const id of [0, -1, 1.5, Number.NaN, "7" as unknown as number]) {
      expect(await refusal(() => muster.expireSession(id))).toMatchObject({ reason: "INVALID_ARGUMENT" });
    }
  });
});

describe("products.md 30: delay", () => {
  test("makes answers late by so much: a time-out shorter than that passes, the write is done", async () => {
    const muster = await server();
    const client = await clientOf(muster);
    await client.znodes.create("/late", "0");
    muster.delay(150);
    const late = client.znodes.set("/late", "1", { timeoutMs: 10 });
    await expect(late).rejects.toMatchObject({ reason: "OUTCOME_UNKNOWN", maybeApplied: true });
    const begin = performance.now();
    expect(await text(client, "/late")).toBe("1");
    expect(performance.now() - begin).toBeGreaterThanOrEqual(149);
    muster.delay(0);
    expect(client.session.state).toBe("open");
  });

  test("0 ends it at once, and order is kept", async () => {
    const muster = await server();
    const client = await clientOf(muster);
    const watch = client.znodes.watch("/");
    await watch.ready;
    muster.delay(3_600_000);
    const zxids = [];
    for (let n = 0; n < 5; n++) zxids.push(await muster.publish(`/${n}`, ""));
    muster.delay(0);
    for (const zxid of zxids) expect((await watch.next()).value?.zxid).toBe(zxid);
  });

  test("a predicate holds everything back while it says true", async () => {
    const muster = await server();
    const client = await clientOf(muster);
    let isHeld = true;
    let asked = 0;
    muster.delay(() => {
      asked++;
      return isHeld;
    });
    const read = client.znodes.exists("/");
    await expect(client.znodes.get("/", { timeoutMs: 50 })).rejects.toBeInstanceOf(MusterError);
    expect(asked).toBeGreaterThan(1);
    isHeld = false;
    expect(await read).toBeDefined();
  });

  test("takes 0 to an hour, or a predicate", async () => {
    const muster = await server();
    for (const how of [-1, Number.NaN, 3_600_001, Number.POSITIVE_INFINITY, "1" as unknown as number]) {
      expect(await refusal(() => muster.delay(how))).toEqual({
        reason: "INVALID_ARGUMENT",
        message: expect.stringContaining("0 to 3600000 ms"),
      });
    }
  });
});

describe("products.md 30: servers", () => {
  test("in one process are worlds of their own", async () => {
    const [one, other] = await Promise.all([server(), server()]);
    const [client, stranger] = await Promise.all([clientOf(one), clientOf(other)]);
    expect(one.endpoint).not.toBe(other.endpoint);
    await one.publish("/only-here", "");
    expect(await client.znodes.exists("/only-here")).toBeDefined();
    expect(await stranger.znodes.exists("/only-here")).toBeUndefined();
    const [{ ensembleId }, { ensembleId: others }] = await Promise.all([client.status(), stranger.status()]);
    expect(ensembleId).not.toBe(others);
    await one.kill();
    await other.publish("/still", "there");
    expect(await text(stranger, "/still")).toBe("there");
  });

  test("leave nothing behind, whether they were killed, delayed, or still had clients", async () => {
    const servers = await Promise.all([startMuster(), startMuster(), startMuster()]);
    const clients = await Promise.all(servers.map(({ endpoint }) => connect({ endpoints: endpoint })));
    await servers[0].kill();
    servers[1].delay(1_000);
    await Promise.all(servers.map((each) => each.stop()));
    await Promise.all(clients.map((each) => each.close()));
    await Promise.all(servers.map((each) => each.stop()));
    // Node lets go of a closed socket a few turns of the loop later, and that is all there is to wait for.
    const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith("TCP"));
    await vi.waitUntil(() => sockets().length === 0, { timeout: PATIENCE_MS, interval: 5 });
    expect(await refusal(() => servers[2].publish("/x", ""))).toEqual({
      reason: "NOT_READY",
      message: "publish: the server is stopped; start another with startMuster()",
    });
    expect(await refusal(() => servers[0].restart())).toMatchObject({ reason: "UNSUPPORTED" });
  });

  test("tell their log to whoever asks", async () => {
    const told: string[] = [];
    await using muster = await startMuster({ onLog: (level, message) => told.push(`${level} ${message}`) });
    expect(muster.endpoint).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(told).toContain("info gRPC door open");
  });
});
