import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { connect, type MusterClient, MusterError } from "@muster/client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Member } from "../../../bench/harness/member.ts";
import { CounterLoad } from "./counter-load.ts";
import { isRoot, need } from "./requirements.ts";

/** Room for a few segments of journal and a snapshot, then none; and after making room. */
const SMALL_MIB = 320;
const LARGE_MIB = 640;
/** Room for the first segment, and never for a second. */
const TINY_MIB = 40;
const MIB = 1024 * 1024;
const TEST_MS = 180_000;
/** Until a member has noticed that there is room again. */
const RECOVERY_MS = 60_000;

let folder: string;
let disk: string;
let mounted = false;
let member: Member | undefined;
let client: MusterClient | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "muster-enospc-"));
  disk = path.join(folder, "disk");
  mkdirSync(disk);
});

afterEach(async () => {
  await client?.close();
  await member?.kill();
  client = undefined;
  member = undefined;
  if (mounted) execFileSync("umount", [disk]);
  mounted = false;
  rmSync(folder, { recursive: true, force: true });
});

function mountSmallDisk(mib = SMALL_MIB): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "muster-test", disk]);
  mounted = true;
}

function enlargeDisk(): void {
  execFileSync("mount", ["-o", `remount,size=${LARGE_MIB}m`, disk]);
}

/** Writes until the disk is full; fails when the disk never is. */
async function fillDisk(endpoint: string): Promise<CounterLoad> {
  client = await connect({ endpoints: endpoint });
  await client.znodes.create("/victim", "to be deleted when the disk is full");
  const load = await CounterLoad.start(client);
  await load.acknowledged(Math.ceil((SMALL_MIB * MIB * 2) / load.bytes));
  expect(load.refusal, "the disk should have been full by now").toBeInstanceOf(MusterError);
  expect((load.refusal as MusterError).reason).toBe("NO_SPACE");
  await load.ended;
  return load;
}

describe("core.md 32: a full disk refuses new writes except deletes and closes, and recovers by itself", () => {
  it("says NO_SPACE, still reads and deletes, and accepts writes again once there is room", {
    timeout: TEST_MS,
  }, async (context) => {
    need(context, "root, to mount a small disk", isRoot());
    mountSmallDisk();
    member = await Member.start({ dataDir: path.join(disk, "member") });
    const load = await fillDisk(member.grpc);
    const full = client as MusterClient;
    await load.check(full);
    await full.znodes.delete("/victim");
    await expect(full.znodes.set("/counter-0", "x")).rejects.toMatchObject({ reason: "NO_SPACE" });
    enlargeDisk();
    const accepted = () =>
      full.znodes.create("/room", "", { ifAbsent: true }).then(
        () => true,
        () => false,
      );
    await expect.poll(accepted, { timeout: RECOVERY_MS }).toBe(true);
    await load.check(full);
    await full.close();
    expect((await member.stop()).code, member.logTail).toBe(0);
  });

  it("a disk too small from the first moment on is full as well: what it says before the member serves is heard", {
    timeout: TEST_MS,
  }, async (context) => {
    need(context, "root, to mount a small disk", isRoot());
    mountSmallDisk(TINY_MIB);
    member = await Member.start({ dataDir: path.join(disk, "member") });
    const tiny = await connect({ endpoints: member.grpc });
    client = tiny;
    const create = () => tiny.znodes.create("/room", "", { ifAbsent: true });
    await expect(create()).rejects.toMatchObject({ reason: "NO_SPACE" });
    enlargeDisk();
    const accepted = () =>
      create().then(
        () => true,
        () => false,
      );
    await expect.poll(accepted, { timeout: RECOVERY_MS }).toBe(true);
    await tiny.close();
    expect((await member.stop()).code, member.logTail).toBe(0);
  });

  it("killed while the disk is full, a member restarts clean once there is room", {
    timeout: TEST_MS,
  }, async (context) => {
    need(context, "root, to mount a small disk", isRoot());
    mountSmallDisk();
    const options = { dataDir: path.join(disk, "member") };
    member = await Member.start(options);
    const load = await fillDisk(member.grpc);
    await member.kill();
    await client?.close();
    enlargeDisk();
    member = await Member.start(options);
    client = await connect({ endpoints: member.grpc });
    await load.check(client);
    await client.znodes.set("/counter-0", "written after the restart");
    await client.close();
    expect((await member.stop()).code, member.logTail).toBe(0);
  });
});
