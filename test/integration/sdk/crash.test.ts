import type { DiagnosticEvent, MusterClient } from "@muster/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ProcessRig, startProcessRig } from "./process-rig.ts";
import { PATIENCE, record, text, told } from "./sdk-rig.ts";

const CLIENTS = 10;
const WRITERS_PER_CLIENT = 5;
const CREATES_PER_WRITER = 60;
/** The member is killed once this many creates have been acknowledged. */
const KILL_AT = [300, 1_000];
const TOTAL = CLIENTS * WRITERS_PER_CLIENT * CREATES_PER_WRITER;
/** Longer than any restart: a session lost is a failure of the test. */
const patient = { sessionTimeoutMs: 120_000, requestTimeoutMs: 120_000 };

let rig: ProcessRig;
beforeEach(async () => {
  rig = await startProcessRig();
});
afterEach(() => rig?.[Symbol.asyncDispose]());

interface Created {
  readonly type: string;
  readonly path: string;
  readonly zxid: number;
}

test("kill -9 under 50 writers: each create once, sessions kept, a watch sees each once, in order", async () => {
  const watcher = await rig.connect(patient);
  await watcher.znodes.create("/queue");
  const watch = watcher.znodes.watch("/queue");
  await watch.ready;
  const seen: Created[] = [];
  const watching = (async () => {
    for await (const event of watch) if (seen.push(event) === TOTAL) break;
  })();

  // One of them loses answers for sure; the others, where the kill happens to fall.
  const { client: deaf, proxy } = await rig.proxied(patient);
  const others = await Promise.all(Array.from({ length: CLIENTS - 1 }, () => rig.connect(patient)));
  const clients = [deaf, ...others];
  const sessions = clients.map(({ session }) => session.id);
  const events: DiagnosticEvent[][] = [watcher, ...clients].map(record);
  for (const [i, client] of clients.entries()) await client.znodes.create(`/owner-${i}`, "", { mode: "ephemeral" });

  /** By path: who created it. */
  const acknowledged = new Map<string, string>();
  const write = async ({ znodes }: MusterClient, name: string) => {
    for (let n = 0; n < CREATES_PER_WRITER; n++) {
      const data = `${name} ${n}`;
      const { path } = await znodes.create("/queue/n-", data, { sequential: true });
      expect(acknowledged.has(path), `${path} was given to two writers`).toBe(false);
      acknowledged.set(path, data);
    }
  };
  const writers = clients.flatMap((client, i) =>
    Array.from({ length: WRITERS_PER_CLIENT }, (_, k) => write(client, `writer ${i}-${k}`)),
  );
  const written = Promise.all(writers);
  written.catch(() => {});

  for (const count of KILL_AT) {
    await vi.waitUntil(() => acknowledged.size >= count && deaf.session.state === "open", PATIENCE);
    proxy.stall("to-client");
    const spy = await rig.connect();
    await vi.waitUntil(() => hasUnanswered(spy, acknowledged, "writer 0-"), PATIENCE);
    await rig.server.kill();
    proxy.goOn();
    const before = new Map(acknowledged);
    expect(before.size, "the writers were done before the kill").toBeLessThan(TOTAL);
    await rig.server.restart();
    const reader = await rig.connect();
    const names = new Set(await reader.znodes.list("/queue"));
    for (const path of before.keys()) expect(names.has(path.slice("/queue/".length)), path).toBe(true);
  }
  await written;
  await watching;

  const reader = await rig.connect();
  const names = await reader.znodes.list("/queue");
  const stored = await Promise.all(names.map((name) => reader.znodes.get(`/queue/${name}`)));
  const storedData = new Map(
    names.map((name, i) => [`/queue/${name}`, text((stored[i] as { data: Uint8Array }).data)]),
  );
  expect(storedData).toEqual(acknowledged);
  expect(new Set(acknowledged.values()).size).toBe(TOTAL);

  // Creation order is zxid order is the order of the suffixes, and the watch saw just that.
  expect(names).toEqual([...names].sort());
  expect(seen.map(({ type, path }) => `${type} ${path}`)).toEqual(names.map((name) => `created /queue/${name}`));
  expect(seen.map(({ zxid }) => zxid)).toEqual(stored.map(({ stat }) => stat.czxid));

  expect(clients.map(({ session }) => session.id)).toEqual(sessions);
  for (const [i, id] of sessions.entries()) {
    expect((await reader.znodes.exists(`/owner-${i}`))?.ephemeralOwner).toBe(id);
  }
  for (const told of events) {
    const types = told.map(({ type }) => type);
    expect(types).not.toContain("session-expired");
    expect(types).not.toContain("watch-compacted");
    // Not once per kill: the second may come while a client still waits for its turn after the first.
    expect(types).toContain("session-resumed");
  }
});

/** Whether a create of such a writer has been applied and not acknowledged. */
async function hasUnanswered(
  { znodes }: MusterClient,
  acknowledged: ReadonlyMap<string, string>,
  writer: string,
): Promise<boolean> {
  const paths = (await znodes.list("/queue")).map((name) => `/queue/${name}`);
  const unanswered = paths.filter((path) => !acknowledged.has(path));
  const read = await Promise.all(unanswered.map((path) => znodes.get(path)));
  return read.some(({ data }) => text(data).startsWith(writer));
}

test("a session that outlives neither the restart nor its client is gone afterwards, with its ephemerals", async () => {
  const { client, proxy } = await rig.proxied({ sessionTimeoutMs: 1_000 });
  await client.znodes.create("/short", "", { mode: "ephemeral" });
  const lost = told(client, "disconnected");
  proxy.refuse();
  await lost;
  await rig.server.kill();
  await rig.server.restart();
  const observer = await rig.connect();
  await vi.waitUntil(async () => (await observer.znodes.exists("/short")) === undefined, PATIENCE);
  const expired = told(client, "session-expired");
  proxy.goOn();
  expect(await expired).toMatchObject({ unknownWrites: 0 });
  expect((await client.znodes.create("/short", "", { mode: "ephemeral" })).created).toBe(true);
});
