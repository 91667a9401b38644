import type { MusterClient, Watch, WatchEvent } from "@muster/client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type ProcessRig, startProcessRig } from "./process-rig.ts";
import { failure, PATIENCE, record, told } from "./sdk-rig.ts";

let rig: ProcessRig;
let client: MusterClient;
let writer: MusterClient;
beforeAll(async () => {
  rig = await startProcessRig();
  [client, writer] = await Promise.all([rig.connect(), rig.connect()]);
});
afterAll(() => rig?.[Symbol.asyncDispose]());

async function take(watch: Watch, count: number): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  while (events.length < count) {
    const { value, done } = await watch.next();
    if (done === true) throw new Error(`the watch ended after ${events.length} events`);
    events.push(value);
  }
  return events;
}

const named = ({ type, path }: WatchEvent) => `${type} ${path}`;

/** Sets a znode of a long path until the member's history has let go of all that was before. */
async function overflowHistory(): Promise<void> {
  const path = `/filler${"/0123456789abcdef".repeat(200)}`;
  const steps = path.split("/").slice(1);
  await Promise.all(
    steps.map((_, i) => writer.znodes.create(`/${steps.slice(0, i + 1).join("/")}`, "", { ifAbsent: true })),
  );
  // 16 MiB of history, more than 3 KiB an event.
  for (let n = 0; n < 6; n++) {
    await Promise.all(Array.from({ length: 1_000 }, () => writer.znodes.set(path, "")));
  }
}

describe("modes", () => {
  test("each reports what it says, one-shot ones once", async () => {
    await writer.znodes.create("/modes");
    const modes = ["data", "exists", "children", "persistent", "persistent-recursive"] as const;
    const watches = modes.map((mode) => client.znodes.watch("/modes", { mode }));
    const expected = await Promise.all(watches.map((watch) => watch.ready));
    expect(new Set(expected).size).toBe(1);
    await writer.znodes.create("/modes/child");
    await writer.znodes.set("/modes/child", "x");
    await writer.znodes.set("/modes", "x");
    await writer.znodes.delete("/modes/child");
    const { zxid } = await writer.znodes.delete("/modes");
    const seen = await Promise.all(
      watches.map(async (watch) => {
        const events: string[] = [];
        for await (const event of watch) {
          events.push(named(event));
          if (event.zxid === zxid) break;
        }
        return events;
      }),
    );
    expect(seen).toEqual([
      ["data-changed /modes"],
      ["data-changed /modes"],
      ["children-changed /modes"],
      ["children-changed /modes", "data-changed /modes", "children-changed /modes", "deleted /modes"],
      [
        "created /modes/child",
        "data-changed /modes/child",
        "data-changed /modes",
        "deleted /modes/child",
        "deleted /modes",
      ],
    ]);
  });

  test("a multi's events come together, of one zxid", async () => {
    const watch = client.znodes.watch("/together");
    const { zxid } = await writer.znodes.multi([
      { type: "create", path: "/together" },
      { type: "create", path: "/together/a" },
      { type: "create", path: "/together/b" },
      { type: "delete", path: "/together/a" },
    ]);
    const events = await take(watch, 4);
    expect(events.map(({ zxid: of }) => of)).toEqual([zxid, zxid, zxid, zxid]);
    expect(events.map(named)).toEqual([
      "created /together",
      "created /together/a",
      "created /together/b",
      "deleted /together/a",
    ]);
    watch.close();
  });

  test("a watch that is left is removed at the member", async () => {
    const before = (await client.status()).counts["watches"] as number;
    const watch = client.znodes.watch("/left");
    await watch.ready;
    expect((await client.status()).counts["watches"]).toBe(before + 1);
    watch.close();
    await client.znodes.sync();
    expect((await client.status()).counts["watches"]).toBe(before);
  });
});

describe("resuming", () => {
  test("afterZxid begins in the past, with everything since", async () => {
    const { zxid } = await writer.znodes.create("/past");
    for (let n = 0; n < 20; n++) await writer.znodes.create(`/past/${n}`);
    const watch = client.znodes.watch("/past", { afterZxid: zxid });
    await writer.znodes.delete("/past/0");
    const names = Array.from({ length: 20 }, (_, n) => `created /past/${n}`);
    expect((await take(watch, 21)).map(named)).toEqual([...names, "deleted /past/0"]);
    watch.close();
  });

  test("core.md 17: a watch goes on across a restart without loss or repetition", async () => {
    await writer.znodes.create("/restart");
    const { client: away, proxy } = await rig.proxied();
    const events = record(away);
    const watch = away.znodes.watch("/restart");
    await watch.ready;
    await writer.znodes.create("/restart/before");
    expect((await take(watch, 1)).map(named)).toEqual(["created /restart/before"]);
    const lost = told(away, "disconnected");
    proxy.refuse();
    await lost;
    await writer.znodes.create("/restart/while-away");
    await rig.server.kill();
    await rig.server.restart();
    await writer.znodes.create("/restart/after");
    proxy.goOn();
    const seen = await take(watch, 2);
    expect(seen.map(named)).toEqual(["created /restart/while-away", "created /restart/after"]);
    await writer.znodes.delete("/restart/after");
    expect((await take(watch, 1)).map(named)).toEqual(["deleted /restart/after"]);
    expect(events.map(({ type }) => type)).not.toContain("watch-compacted");
    watch.close();
  });

  test("from further back than the member remembers, the watch says compacted first, then goes on", async () => {
    const { zxid } = await writer.znodes.create("/compacted");
    const { client: away, proxy } = await rig.proxied();
    const compacted = told(away, "watch-compacted");
    const watch = away.znodes.watch("/compacted");
    await watch.ready;
    const lost = told(away, "disconnected");
    proxy.refuse();
    await lost;
    await writer.znodes.create("/compacted/unseen");
    await overflowHistory();
    proxy.goOn();
    const late = client.znodes.watch("/compacted", { afterZxid: zxid });
    for (const each of [watch, late]) {
      const [event] = await take(each, 1);
      expect(event).toMatchObject({ type: "compacted", path: "/compacted" });
      expect(event?.zxid).toBeGreaterThan(zxid);
    }
    expect(await compacted).toMatchObject({ path: "/compacted" });
    expect(await away.znodes.list("/compacted")).toEqual(["unseen"]);
    await writer.znodes.delete("/compacted/unseen");
    for (const each of [watch, late]) {
      expect((await take(each, 1)).map(named)).toEqual(["deleted /compacted/unseen"]);
      each.close();
    }
  });
});

describe("a consumer that is too slow", () => {
  test("is cut with what it has, and told where to go on", async () => {
    await writer.znodes.create("/slow");
    const slow = told(client, "slow-watcher");
    const watch = client.znodes.watch("/slow", { queueMax: 10 });
    await watch.ready;
    for (let n = 0; n < 30; n++) await writer.znodes.create(`/slow/${n}`);
    expect(await slow).toMatchObject({ path: "/slow", queued: 11 });
    const seen: string[] = [];
    const error = await failure(
      (async () => {
        for await (const event of watch) seen.push(event.path);
      })(),
    );
    expect(error).toMatchObject({ reason: "WATCH_OVERFLOW", path: "/slow" });
    const rest = client.znodes.watch("/slow", { afterZxid: error.zxid });
    for (const { path } of await take(rest, 30 - seen.length)) seen.push(path);
    expect(seen).toEqual(Array.from({ length: 30 }, (_, n) => `/slow/${n}`));
    rest.close();
  });

  test("at the other end of a connection that takes nothing is cut by the member, and misses nothing", async () => {
    const path = `/stuck${"/0123456789abcde".repeat(20)}`;
    const steps = path.split("/").slice(1);
    await Promise.all(steps.map((_, i) => writer.znodes.create(`/${steps.slice(0, i + 1).join("/")}`)));
    const { client: stuck, proxy } = await rig.proxied({ sessionTimeoutMs: 600_000 });
    const events = record(stuck);
    const watch = stuck.znodes.watch("/stuck", { queueMax: 1_000_000 });
    await watch.ready;
    const cuts = await rig.server.metric("muster_grpc_streams_cut_total");
    proxy.stall("to-client");
    const zxids: number[] = [];
    for (let rounds = 0; (await rig.server.metric("muster_grpc_streams_cut_total")) === cuts; rounds++) {
      if (rounds > 300) throw new Error("the member queues without bound");
      const sets = await Promise.all(Array.from({ length: 1_000 }, () => writer.znodes.set(path, "")));
      zxids.push(...sets.map(({ zxid }) => zxid));
    }
    const resumed = told(stuck, "session-resumed");
    proxy.goOn();
    await resumed;
    const seen = await take(watch, zxids.length);
    expect(seen.map(({ zxid }) => zxid)).toEqual(zxids);
    expect(new Set(seen.map(named))).toEqual(new Set([`data-changed ${path}`]));
    // What it missed may be too much for one stream, and is then cut again.
    const types = events.map(({ type }) => type);
    const once = ["disconnected", "reconnecting", "connected", "session-resumed"];
    expect(types).toEqual(Array.from({ length: types.length / once.length }, () => once).flat());
    for (const event of events) {
      if (event.type === "disconnected") expect(event.error.reason).toBe("WATCH_OVERFLOW");
    }
    await vi.waitUntil(async () => (await rig.server.metric("muster_grpc_unsent_bytes")) === 0, PATIENCE);
    watch.close();
  });
});
