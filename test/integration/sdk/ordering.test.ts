import type { MusterClient } from "@muster/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failure, SdkRig, text } from "./sdk-rig.ts";

let rig: SdkRig;
let first: MusterClient;
let second: MusterClient;
beforeAll(async () => {
  rig = await SdkRig.start();
  [first, second] = await Promise.all([rig.connect(), rig.connect()]);
});
afterAll(() => rig?.[Symbol.asyncDispose]());

describe("pipelined calls of one session", () => {
  test("core.md 14: each read sees the writes before it and none after it", async () => {
    await first.znodes.create("/fifo", "start");
    const calls: Promise<unknown>[] = [];
    const answered: number[] = [];
    for (let n = 0; n < 3_000; n++) {
      const set = first.znodes.set("/fifo", `${n}`);
      const read = first.znodes.get("/fifo").then(({ data, stat }) => [text(data), stat.version]);
      calls.push(set.then(() => answered.push(n)));
      calls.push(read.then((seen) => expect(seen).toEqual([`${n}`, n + 1])));
    }
    await Promise.all(calls);
    expect(answered).toEqual(Array.from({ length: 3_000 }, (_, n) => n));
  });

  test("their zxids rise in the order they were called, over failed ones too", async () => {
    const zxids = await Promise.all(
      Array.from({ length: 500 }, async (_, n) => {
        if (n % 5 === 0) return (await failure(first.znodes.delete("/none"))).zxid;
        return (await first.znodes.set("/fifo", `${n}`)).zxid;
      }),
    );
    expect(zxids).toEqual([...zxids].sort((a, b) => (a as number) - (b as number)));
    expect(new Set(zxids).size).toBe(500);
  });

  test("core.md 14: an event comes before the answer of a read that reveals its change", async () => {
    await first.znodes.create("/reveal", "0");
    const watch = second.znodes.watch("/reveal");
    await watch.ready;
    const seen: string[] = [];
    const events = (async () => {
      for await (const { zxid } of watch) seen.push(`event ${zxid}`);
    })();
    const writes = Array.from({ length: 200 }, (_, n) => first.znodes.set("/reveal", `${n + 1}`));
    for (let done = false; !done; ) {
      const { stat } = await second.znodes.get("/reveal");
      if (stat.version > 0) seen.push(`read ${stat.mzxid}`);
      done = stat.version === 200;
    }
    await Promise.all(writes);
    watch.close();
    await events;
    for (const [at, what] of seen.entries()) {
      if (what.startsWith("read")) expect(seen.indexOf(what.replace("read", "event"))).toBeLessThan(at);
    }
    expect(seen.filter((what) => what.startsWith("event"))).toHaveLength(200);
    expect(seen.at(-1)).toMatch(/^read/);
  });
});

describe("reads of another session", () => {
  test("with minZxid show what the first one wrote", async () => {
    await first.znodes.create("/shared", "");
    for (let n = 0; n < 200; n++) {
      const { zxid } = await first.znodes.set("/shared", `${n}`);
      const read = await second.znodes.get("/shared", { minZxid: zxid });
      expect(text(read.data)).toBe(`${n}`);
      expect(read.zxid).toBeGreaterThanOrEqual(zxid);
    }
  });

  test("with the minZxid of a write that is yet to come wait for it", async () => {
    const { zxid } = await first.znodes.set("/shared", "before");
    const read = second.znodes.get("/shared", { minZxid: zxid + 1 });
    // Another session's read is answered: the one that waits holds up its own session only.
    expect(text((await first.znodes.get("/shared")).data)).toBe("before");
    await first.znodes.set("/shared", "after");
    expect(text((await read).data)).toBe("after");
  });

  test("core.md 15: with a zxid of a future epoch are an error, not a wait", async () => {
    const read = second.znodes.get("/shared", { minZxid: first.zxid + 2 ** 32 });
    expect(await failure(read)).toMatchObject({ reason: "WRONG_ENSEMBLE", path: "/shared" });
    expect(text((await second.znodes.get("/shared")).data)).toBe("after");
  });

  test("that are linearizable, or come after a sync, show every write answered before", async () => {
    for (let n = 0; n < 100; n++) {
      const { zxid } = await first.znodes.set("/shared", `linear ${n}`);
      const [linear, synced, plain] = await Promise.all([
        second.znodes.get("/shared", { linearizable: true }),
        second.znodes.sync(),
        second.znodes.get("/shared"),
      ]);
      expect([text(linear.data), text(plain.data)]).toEqual([`linear ${n}`, `linear ${n}`]);
      expect(synced.zxid).toBeGreaterThanOrEqual(zxid);
    }
  });

  test("of several znodes at once are of one zxid", async () => {
    await first.znodes.multi([
      { type: "create", path: "/left", data: "0" },
      { type: "create", path: "/right", data: "0" },
    ]);
    let stop = false;
    const writer = (async () => {
      for (let n = 1; !stop; n++) {
        await first.znodes.multi([
          { type: "set", path: "/left", data: `${n}` },
          { type: "set", path: "/right", data: `${n}` },
        ]);
      }
    })();
    for (let n = 0; n < 200; n++) {
      const { results, zxid } = await second.znodes.multiRead([
        { type: "get", path: "/left" },
        { type: "get", path: "/right" },
      ]);
      const [left, right] = results;
      if (!left.ok || !right.ok) throw new Error("a read failed");
      expect(text(left.value.data)).toBe(text(right.value.data));
      expect(left.value.stat.mzxid).toBeLessThanOrEqual(zxid);
    }
    stop = true;
    await writer;
  });
});
