import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { RecoveryError } from "../../../src/runtime/recovery.ts";
import { compiledModule } from "../../../src/storage/worker-file.ts";
import { temporaryDirectory } from "../storage/snapshot/snapshot-fixtures.ts";
import { RuntimeRig } from "./runtime-rig.ts";

const SOURCE = new URL("../../../src/", import.meta.url);
const modules = ["runtime/member-runtime.ts", "runtime/opening.ts", "coordination/local-coordination.ts"].map(
  (path) => compiledModule(new URL(path, SOURCE)).href,
);
const CHILD = fileURLToPath(new URL("member-runtime-child.mjs", import.meta.url));
const TEXT = "x".repeat(1000);

afterEach(() => vi.restoreAllMocks());

describe("a member on a real directory", () => {
  test("opens leading, answers, and comes back with the same state after a stop", async () => {
    const rig = await new RuntimeRig().open();
    expect(rig.roles).toEqual(["looking", "leader"]);
    expect(rig.coordination.status().notReady).toEqual([]);
    const client = rig.client();
    const session = await client.open();
    expect(await client.create("/a", "1")).toBe("OK");
    expect(await client.set("/a", "2")).toBe("OK");
    expect(await client.delete("/none")).toBe("NODE_NOT_FOUND");
    const before = rig.state();
    const again = await rig.reopen();
    expect(rig.fatals).toEqual([]);
    expect(client.closed).toBe("STOPPING");
    expect(again.state()).toEqual(before);
    expect(again.notices.map(({ message }) => message)).toEqual(["recovered"]);
    expect(again.runtime.member.tree.state.sessions.get(session.sessionId)?.timeoutMs).toBe(session.timeoutMs);
    expect(again.runtime.member.epoch).toBe(2);
    await again.runtime.stop();
  });

  test("core.md 34: rounds run meanwhile; the next start is from the last one, with the same state", async () => {
    const rig = await new RuntimeRig().open({ roundBytes: 20_000 });
    const client = rig.client();
    await client.open();
    // More commands than are applied in one go, so that rounds have to find the ends of batches.
    for (let turn = 0; rig.runtime.snapshot().stats().rounds < 3; turn++) {
      await Promise.all(Array.from({ length: 600 }, (_, i) => client.create(`/n${turn}-${i}`, "value")));
    }
    const before = rig.state();
    const again = await rig.reopen();
    expect(rig.fatals).toEqual([]);
    expect(again.runtime.snapshot().stats().lastZxid).toBeGreaterThan(0);
    expect(again.state()).toEqual(before);
    await again.runtime.stop();
  });

  test("core.md 17: a watch goes on from before the snapshot of the last round", async () => {
    const rig = await new RuntimeRig().open({ roundBytes: 10_000 });
    const client = rig.client();
    await client.open();
    await client.create("/seen");
    const seen = rig.state().zxid;
    await client.create("/missed");
    while (rig.runtime.snapshot().stats().lastZxid <= seen + 1) await client.set("/seen", TEXT);
    const again = await rig.reopen();
    const late = again.client();
    expect(await late.watch("/missed", seen)).toBe("OK");
    expect(late.events).toEqual(["1:/missed"]);
    await again.runtime.stop();
  });

  test("kill -9: everything answered is there again, in the same state", async () => {
    const directory = temporaryDirectory();
    const child = spawn(process.execPath, [CHILD, ...modules, directory], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    child.kill("SIGKILL");
    await once(child, "exit");
    const rig = await new RuntimeRig(directory).open();
    expect(rig.state()).toEqual(JSON.parse(line));
    expect(rig.runtime.member.tree.state.table.size).toBe(4 + 2000);
    await rig.runtime.stop();
  });

  test("what cannot be recovered is refused with its reason, and everything is let go", async () => {
    const rig = await new RuntimeRig().open({ roundBytes: 1_000 });
    const client = rig.client();
    await client.open();
    while (rig.runtime.snapshot().stats().rounds === 0) await client.create("/a", TEXT);
    await rig.runtime.stop();
    const journal = join(rig.directory, "journal");
    for (const name of readdirSync(journal)) rmSync(join(journal, name));
    for (let attempt = 0; attempt < 2; attempt++) {
      const open = new RuntimeRig(rig.directory).open();
      await expect(open).rejects.toThrow(RecoveryError);
      await expect(open).rejects.toThrow(/the journal ends at 0x0: part of the journal is missing/);
    }
  });

  test("--journal-keep-commands: the journal behind a round goes, as far as it is allowed to", async () => {
    const segments = async (keepCommands: number): Promise<number> => {
      const journal = { segmentBytes: 64 * 1024, ringBytes: 16 * 2 ** 20, keepCommands };
      const rig = await new RuntimeRig().open({ roundBytes: 200_000, journal });
      const client = rig.client();
      await client.open();
      await client.create("/a");
      while (rig.runtime.snapshot().stats().rounds < 3) {
        await Promise.all(Array.from({ length: 20 }, () => client.set("/a", TEXT)));
      }
      await rig.runtime.stop();
      return readdirSync(join(rig.directory, "journal")).filter((name) => name.endsWith(".journal")).length;
    };
    expect(await segments(0)).toBeLessThan(await segments(1_000_000));
  });
});

describe("memory (core.md 39)", () => {
  test("above the high-water mark creates and sets are refused, deletes are not; below it, nothing is", async () => {
    const rig = await new RuntimeRig().open();
    const client = rig.client();
    await client.open();
    await client.create("/a");
    const rss = vi.spyOn(process.memoryUsage, "rss").mockReturnValue(0.91 * 64 * 2 ** 30);
    await rig.until(() => rig.notices.some(({ message }) => /memory is above its high-water mark/.test(message)));
    expect(rig.notices.at(-1)?.level).toBe("warn");
    expect(await client.create("/b")).toBe("NO_MEMORY");
    expect(await client.set("/a", "1")).toBe("NO_MEMORY");
    expect(await client.delete("/a")).toBe("OK");
    // Between the two marks nothing changes, so that it does not flap.
    const looks = rss.mock.calls.length;
    rss.mockReturnValue(0.87 * 64 * 2 ** 30);
    await vi.waitUntil(() => rss.mock.calls.length > looks, { timeout: 20_000 });
    expect(await client.create("/b")).toBe("NO_MEMORY");
    rss.mockReturnValue(0.8 * 64 * 2 ** 30);
    await rig.until(() => rig.notices.some(({ message }) => message === "memory is free again"));
    expect(await client.create("/b")).toBe("OK");
    await rig.runtime.stop();
  });
});

describe("a member that must not go on", () => {
  test("a broken invariant is fatal, once, and nothing more is done", async () => {
    const rig = await new RuntimeRig().open();
    const client = rig.client();
    await client.open();
    const broken = new Error("an invariant broke");
    const endTurn = vi.spyOn(rig.runtime.member, "endTurn").mockImplementation(() => {
      throw broken;
    });
    const answered = vi.fn();
    void client.create("/a").then(answered);
    await rig.until(() => rig.fatals.length > 0);
    expect(rig.fatals).toEqual([broken]);
    endTurn.mockRestore();
    rig.runtime.fail(new Error("another"));
    rig.runtime.requestTurnEnd();
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(rig.fatals).toEqual([broken]);
    expect(answered).not.toHaveBeenCalled();
    await rig.runtime.stop();
    // The lock is free, and what was never journalled never happened.
    const again = await new RuntimeRig(rig.directory).open();
    expect(await again.client().get("/a")).toBe("NODE_NOT_FOUND");
    await again.runtime.stop();
  });

  test("stop waits for what is in flight, and takes nothing more", async () => {
    const rig = await new RuntimeRig().open();
    const client = rig.client();
    await client.open();
    const inFlight = client.create("/a");
    const stopped = rig.runtime.stop();
    expect(await client.create("/late")).toBe("STOPPING");
    expect(rig.coordination.status().notReady).toEqual(["the member is stopping"]);
    expect(await inFlight).toBe("OK");
    await stopped;
    expect(client.closed).toBe("STOPPING");
    expect(rig.coordination.status()).toMatchObject({ role: "stopped", notReady: ["the member is stopped"] });
  });
});
