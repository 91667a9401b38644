import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { connect, type MusterClient } from "@muster/client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Member } from "../../../bench/harness/member.ts";
import { CounterLoad } from "./counter-load.ts";
import { FailIo, type IoFault } from "./fail-io.ts";
import { hasCommand, need } from "./requirements.ts";

/** Sets answered before the disk fails. */
const SETS_BEFORE = 200;
/** Journal of this size makes a snapshot round, and a bit more: so much is written before a snapshot file fails. */
const ROUND_BYTES = 80 * 1024 * 1024;
const TEST_MS = 120_000;
/** From the failing call to the end of the process. */
const EXIT_MS = 30_000;

let folder: string;
let dataDir: string;
let member: Member | undefined;
let client: MusterClient | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "muster-eio-"));
  dataDir = path.join(folder, "member");
});

afterEach(async () => {
  await client?.close();
  await member?.kill();
  client = undefined;
  member = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function startUnder(fault: FailIo): Promise<CounterLoad> {
  member = await Member.start({ dataDir, env: fault.environment });
  client = await connect({ endpoints: member.grpc });
  return CounterLoad.start(client);
}

/** Starts the member again on a disk that works: clean, and with everything that was acknowledged. */
async function restartAndCheck(load: CounterLoad): Promise<void> {
  await client?.close();
  await load.ended;
  member = await Member.start({ dataDir });
  client = await connect({ endpoints: member.grpc });
  await load.check(client);
  await client.znodes.set(load.paths[0] as string, "written after the restart");
  await client.close();
  expect((await member.stop()).code, member.logTail).toBe(0);
}

const journalFaults: readonly (readonly [string, IoFault])[] = [
  ["an fsync", { call: "sync", error: "EIO", after: 0 }],
  ["an fsync, some time later,", { call: "sync", error: "EIO", after: 7 }],
  ["a write", { call: "write", error: "EIO", after: 0 }],
  ["a write, some time later,", { call: "write", error: "EIO", after: 7 }],
];

describe("core.md 32: an error on claimed space, or on fsync, is poison", () => {
  it.for(journalFaults)(
    "%s of the journal fails: the member exits, restarts clean, and has lost nothing acknowledged",
    { timeout: TEST_MS },
    async ([, fault], context) => {
      need(context, "gcc", hasCommand("gcc"));
      const disk = new FailIo(folder, `${dataDir}/journal/`);
      const load = await startUnder(disk);
      await load.acknowledged(SETS_BEFORE);
      disk.fail(fault);
      const exit = await endOf(member as Member);
      expect(disk.failed).toBeGreaterThan(0);
      expect(exit.code, (member as Member).logTail).not.toBe(0);
      expect(exit.signal).toBeNull();
      await restartAndCheck(load);
    },
  );

  it("a write of a snapshot fails: the member restarts clean and has lost nothing acknowledged", {
    timeout: TEST_MS,
  }, async (context) => {
    need(context, "gcc", hasCommand("gcc"));
    const disk = new FailIo(folder, `${dataDir}/snapshot-`);
    const load = await startUnder(disk);
    await load.acknowledged(SETS_BEFORE);
    disk.fail({ call: "write", error: "EIO", after: 0 });
    const enough = load.acknowledged(Math.ceil(ROUND_BYTES / load.bytes));
    // It may go on without snapshots for a while or exit; what it must not do is lose something, or say that it is
    // well.
    await Promise.race([enough, (member as Member).exited]);
    await expect.poll(() => disk.failed, { timeout: EXIT_MS }).toBeGreaterThan(0);
    await (member as Member).kill();
    await restartAndCheck(load);
  });
});

/** The member must end by itself: one that had to be killed has an exit code, too, and proves nothing. */
async function endOf(running: Member) {
  let killed = false;
  const timer = setTimeout(() => {
    killed = true;
    void running.kill();
  }, EXIT_MS);
  const exit = await running.exited;
  clearTimeout(timer);
  expect(killed, `the member was still there ${EXIT_MS} ms after its disk failed\n${running.logTail}`).toBe(false);
  return exit;
}
