import type { DiagnosticEvent, MusterClient } from "@muster/client";
import { sessionCoreOf } from "@muster/client/internal";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type ProcessRig, startProcessRig } from "./process-rig.ts";
import { failure, PATIENCE, record, text, told } from "./sdk-rig.ts";

const SHORT_SESSION_MS = 1_000;

let rig: ProcessRig;
let observer: MusterClient;
beforeAll(async () => {
  rig = await startProcessRig();
  observer = await rig.connect();
});
afterAll(() => rig?.[Symbol.asyncDispose]());

const types = (events: readonly DiagnosticEvent[]) => events.map(({ type }) => type);

describe("ephemeral znodes", () => {
  test("are their session's, and go with it at once", async () => {
    const client = await rig.connect();
    await observer.znodes.create("/owned");
    const watch = observer.znodes.watch("/owned");
    await watch.ready;
    const { stat } = await client.znodes.create("/owned/a", "", { mode: "ephemeral" });
    const { path } = await client.znodes.create("/owned/b-", "", { mode: "ephemeral", sequential: true });
    expect(stat.ephemeralOwner).toBe(client.session.id);
    expect(await client.znodes.ephemerals("/owned")).toEqual(["/owned/a", path]);
    expect(await observer.znodes.ephemerals("/")).toEqual([]);
    expect(await failure(client.znodes.create("/owned/a/child"))).toMatchObject({ reason: "EPHEMERAL_PARENT" });
    await client.close();
    expect(await observer.znodes.list("/owned")).toEqual([]);
    const seen: string[] = [];
    for await (const event of watch) if (seen.push(`${event.type} ${event.path}`) === 4) break;
    expect(seen).toEqual(["created /owned/a", `created ${path}`, "deleted /owned/a", `deleted ${path}`]);
  });
});

describe("a lost connection", () => {
  test("is not noticed by others: session, ephemerals and order are kept", async () => {
    const { client, proxy } = await rig.proxied();
    const events = record(client);
    const { id } = client.session;
    await client.znodes.create("/kept", "0", { mode: "ephemeral" });
    const watch = observer.znodes.watch("/kept");
    await watch.ready;
    const writes: Promise<number>[] = [];
    for (let cuts = 0; cuts < 5; cuts++) {
      const resumed = told(client, "session-resumed");
      for (let n = 0; n < 50; n++) {
        writes.push(client.znodes.set("/kept", `${writes.length + 1}`).then(({ stat }) => stat.version));
      }
      // The first of them is on its way, the last is not answered.
      await writes[cuts * 50];
      proxy.cut();
      await resumed;
    }
    expect(await Promise.all(writes)).toEqual(Array.from({ length: 250 }, (_, n) => n + 1));
    expect(client.session).toMatchObject({ id, state: "open" });
    expect((await observer.znodes.get("/kept")).stat).toMatchObject({ ephemeralOwner: id, version: 250 });
    const seen = new Set<string>();
    let last = 0;
    for await (const { type, zxid } of watch) {
      seen.add(type);
      expect(zxid).toBeGreaterThan(last);
      last = zxid;
      if (zxid === (await observer.znodes.exists("/kept"))?.mzxid) break;
    }
    expect([...seen]).toEqual(["data-changed"]);
    expect(types(events)).not.toContain("session-expired");
    expect(types(events).filter((type) => type === "session-resumed")).toHaveLength(5);
  });

  test("while the member cannot be reached, calls wait, and go out once it can", async () => {
    const { client, proxy } = await rig.proxied();
    await client.znodes.create("/waiting", "0");
    const lost = told(client, "disconnected");
    proxy.refuse();
    await lost;
    const retried = told(client, "reconnecting");
    const set = client.znodes.set("/waiting", "1");
    const read = client.znodes.get("/waiting");
    await retried;
    expect(client.session.state).toBe("disconnected");
    expect((await observer.znodes.get("/waiting")).stat.version).toBe(0);
    proxy.goOn();
    expect((await set).stat.version).toBe(1);
    expect(text((await read).data)).toBe("1");
  });

  test("core.md 13: answers that never arrived are given again, and nothing is applied twice", async () => {
    const { client, proxy } = await rig.proxied({ sessionTimeoutMs: 1_500 });
    const events = record(client);
    const { id } = client.session;
    await client.znodes.create("/one-way", "0", { mode: "ephemeral" });
    const watch = observer.znodes.watch("/one-way");
    await watch.ready;
    proxy.stall("to-client");
    const lost = told(client, "disconnected");
    const set = client.znodes.set("/one-way", "1");
    const sequential = client.znodes.create("/one-way-", "", { sequential: true });
    const applied = (await watch.next()).value;
    // The client hears nothing, gives the connection up, and tries again on ones that are no better.
    expect((await lost).error.reason).toBe("UNREACHABLE");
    proxy.goOn();
    expect(await set).toMatchObject({ zxid: applied?.zxid, stat: { version: 1 } });
    const { path } = await sequential;
    expect((await observer.znodes.list("/")).filter((name) => name.startsWith("one-way-"))).toEqual([path.slice(1)]);
    expect(client.session.id).toBe(id);
    expect((await observer.znodes.exists("/one-way"))?.ephemeralOwner).toBe(id);
    expect(types(events)).not.toContain("session-expired");
    watch.close();
  });
});

describe("an expired session", () => {
  test("its ephemerals go, its client is told, and goes on in a new session", async () => {
    const { client, proxy } = await rig.proxied({ sessionTimeoutMs: SHORT_SESSION_MS });
    const events = record(client);
    const { id } = client.session;
    await client.znodes.create("/expiring", "0");
    await client.znodes.create("/expiring/member", "", { mode: "ephemeral" });
    const own = client.znodes.watch("/expiring");
    await own.ready;
    const watch = observer.znodes.watch("/expiring");
    await watch.ready;
    proxy.stall("both");
    const lost = told(client, "disconnected");
    const suspended = told(client, "session-suspended");
    const sent = client.znodes.set("/expiring", "sent");
    const read = client.znodes.get("/expiring");
    await lost;
    const unsent = client.znodes.set("/expiring", "unsent");
    const outcomes = Promise.all([failure(sent), failure(unsent)]);
    const gone = await watch.next();
    expect(gone.value).toMatchObject({ type: "deleted", path: "/expiring/member" });
    await suspended;
    expect(client.session).toMatchObject({ id, state: "suspended", marginMs: 0 });

    // What the network still holds arrives now, late: it must find no session to act in.
    const opened = told(client, "session-opened");
    proxy.goOn();
    const { sessionId } = await opened;
    const [sentError, unsentError] = await outcomes;
    expect(sentError).toMatchObject({ reason: "OUTCOME_UNKNOWN", maybeApplied: true, path: "/expiring" });
    expect(unsentError).toMatchObject({ reason: "SESSION_EXPIRED", maybeApplied: false, path: "/expiring" });
    expect(sessionId).not.toBe(id);
    expect(client.session).toMatchObject({ id: sessionId, state: "open" });
    expect(events).toContainEqual({ type: "session-expired", sessionId: id, unknownWrites: 1 });

    // The read was repeated; the watch went on, and missed nothing while it was away.
    expect(text((await read).data)).toBe("0");
    expect((await own.next()).value).toMatchObject({ type: "deleted", path: "/expiring/member" });
    await client.znodes.create("/expiring/member", "", { mode: "ephemeral" });
    expect((await own.next()).value).toMatchObject({ type: "created", path: "/expiring/member" });
    expect((await observer.znodes.exists("/expiring/member"))?.ephemeralOwner).toBe(sessionId);
    expect((await observer.znodes.get("/expiring")).stat.version).toBe(0);
    watch.close();
    own.close();
  });

  test("core.md 11: no session goes before its time-out, and one that keeps alive does not go at all", async () => {
    const client = await rig.connect({ sessionTimeoutMs: SHORT_SESSION_MS });
    expect(client.session.timeoutMs).toBe(SHORT_SESSION_MS);
    const events = record(client);
    await observer.znodes.create("/alive");
    await client.znodes.create("/alive/idle", "", { mode: "ephemeral" });
    // Another session with the same time-out that nobody keeps alive measures the time for this one, twice over.
    for (let round = 0; round < 2; round++) {
      const other = await rig.connect({ sessionTimeoutMs: SHORT_SESSION_MS });
      // The member hears of it after this at the earliest: a lower bound, however slow the machine is.
      const lastHeardAfter = performance.now();
      await other.znodes.create("/alive/dead", "", { mode: "ephemeral" });
      const watch = observer.znodes.watch("/alive/dead");
      await watch.ready;
      sessionCoreOf(other).finish(undefined);
      expect((await watch.next()).value?.type).toBe("deleted");
      expect(performance.now() - lastHeardAfter).toBeGreaterThanOrEqual(SHORT_SESSION_MS);
      watch.close();
    }
    expect(await observer.znodes.list("/alive")).toEqual(["idle"]);
    expect(types(events)).toEqual([]);
  });
});

test("1,000 sessions, closed or left to die, leave nothing behind", async () => {
  await observer.znodes.create("/many");
  const before = await observer.status();
  const streams = await rig.server.metric("muster_grpc_streams");
  const SESSIONS = 1_000;
  const AT_ONCE = 50;
  const ids = new Set<number>();
  for (let at = 0; at < SESSIONS; at += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, async (_, index) => {
      const client = await rig.connect({ sessionTimeoutMs: SHORT_SESSION_MS });
      ids.add(client.session.id);
      const watch = client.znodes.watch("/many");
      await client.znodes.create(`/many/${at + index}`, "", { mode: "ephemeral" });
      await watch.ready;
      if (index % 2 === 0) await client.close();
      else sessionCoreOf(client).finish(undefined);
    });
    await Promise.all(batch);
  }
  expect(ids.size).toBe(SESSIONS);
  const kept = ({ nodes, sessions, ephemerals, watches, connections, outstandingBytes }: Record<string, number>) => ({
    ...{ nodes, sessions, ephemerals, watches, connections, outstandingBytes },
  });
  await vi.waitUntil(async () => (await observer.status()).counts["sessions"] === before.counts["sessions"], PATIENCE);
  await vi.waitUntil(async () => (await rig.server.metric("muster_grpc_streams")) === streams, PATIENCE);
  expect(kept((await observer.status()).counts)).toEqual(kept(before.counts));
  expect((await observer.znodes.exists("/many"))?.cversion).toBe(SESSIONS * 2);
  expect(await rig.server.metric("muster_grpc_unsent_bytes")).toBe(0);
});
