import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { EnsembleAdmin } from "@muster/client";
import { expect, test } from "vitest";
import { epochOf, formatZxid } from "../../src/core/base/zxid.ts";
import { DAMAGE_MARKER } from "../../src/runtime/damage.ts";
import { JOURNAL_FOLDER } from "../../src/storage/data-dir.ts";
import { nodeDisk } from "../../src/storage/node-disk.ts";
import { isBatch, type JournalPlace, journalPlaces } from "../support/journal-places.ts";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";
import { figure } from "./figures.ts";
import type { MemberUnderTest } from "./member-under-test.ts";
import { judge } from "./verdict.ts";
import { Workload } from "./workload.ts";

const SECTOR_BYTES = 512;

function spoil(file: string, from: number, to: number): void {
  const bytes = readFileSync(file);
  for (let at = from; at < to; at++) bytes[at] = (bytes[at] as number) ^ 0x5a;
  writeFileSync(file, bytes);
}

/** The batches of a member's journal of which a later epoch says that they were synced, and that no promise is lost. */
function batchesOf({ dataDir }: MemberUnderTest): JournalPlace[] {
  const batches = journalPlaces(nodeDisk, path.join(dataDir, JOURNAL_FOLDER)).filter(isBatch);
  const last = epochOf(batches.at(-1)?.lastZxid ?? 0);
  return batches.filter(({ lastZxid }) => epochOf(lastZxid) < last);
}

/** So far, from 0 to 1, into its batches. */
function placeAt(member: MemberUnderTest, share: number): JournalPlace {
  const batches = batchesOf(member);
  return batches[Math.floor(batches.length * share)] as JournalPlace;
}

function damageOf({ dataDir }: MemberUnderTest): string[] {
  return readdirSync(dataDir).filter((name) => name.startsWith(DAMAGE_MARKER));
}

/** Loaded members that have been through two epochs, and then all lost their processes at once. */
async function killed(): Promise<{ readonly rig: EnsembleRig; readonly load: Workload }> {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const load = await Workload.start(rig);
  const leader = await rig.settled();
  const { epoch } = leader;
  await load.progress();
  await new EnsembleAdmin({ endpoints: rig.endpoints }).transferLeadership(0);
  await rig.newLeader(leader, epoch);
  await rig.settled();
  await load.progress();
  await Promise.all(rig.members.map((member) => member.kill()));
  return { rig, load };
}

test("core.md 28: two of three journals rot in other places: each gets its records back; nothing is lost", async () => {
  const { rig, load } = await killed();
  const [first, second, third] = rig.members as [MemberUnderTest, MemberUnderTest, MemberUnderTest];
  const spoilt = [
    { member: first, place: placeAt(first, 0.2), part: "body" },
    { member: first, place: placeAt(first, 0.6), part: "header" },
    { member: second, place: placeAt(second, 0.4), part: "sector" },
    { member: second, place: placeAt(second, 0.8), part: "body" },
  ];
  for (const { place, part } of spoilt) {
    const { path: file, headerAt, bodyAt, end } = place;
    if (part === "body") spoil(file, bodyAt, Math.min(bodyAt + 3, end));
    else if (part === "header") spoil(file, headerAt + 20, headerAt + 24);
    else spoil(file, headerAt, headerAt + SECTOR_BYTES);
  }
  // The two have all of it between them, without the third.
  await Promise.all([first.start(), second.start()]);
  await rig.settled();
  await load.progress();
  for (const { log, dataDir, id } of [first, second]) {
    expect(log).toMatch(/member \d had \d+ batches that the damaged journal lacked/);
    expect(log).toContain("the journal is mended: nothing of it is lost");
    expect(damageOf(rig.member(id)), dataDir).toEqual([]);
  }
  await third.start();
  await rig.settled();
  const checked = await judge(rig, load);
  figure("two journals mended, checked", checked);
  expect(load.recorder.rejected).toEqual([]);
});

test("core.md 28: a record rots everywhere: all wait and say so, until one has it from a backup", async () => {
  const { rig, load } = await killed();
  const { lastZxid } = placeAt(rig.member(1), 0.5);
  const backups = rig.members.map((member) => {
    const { path: file, bodyAt } = batchesOf(member).find((each) => each.lastZxid === lastZxid) as JournalPlace;
    const backup = { file, bytes: readFileSync(file) };
    spoil(file, bodyAt, bodyAt + 1);
    return backup;
  });
  const starts = rig.members.map((member) => member.start());
  const isWaiting = ({ log }: MemberUnderTest): boolean =>
    log.includes("this member waits: its damaged journal lacks zxid") &&
    log.includes(formatZxid(lastZxid)) &&
    log.includes("was asked and does not have it");
  await rig.until(() => rig.members.every(isWaiting), "all members to say what they wait for");
  for (const member of rig.members) {
    expect([member.role, await member.zxids(), damageOf(member)]).toEqual(["starting", [0, 0], []]);
  }
  const restored = rig.member(2);
  await restored.kill();
  await starts[1];
  const { file, bytes } = backups[1] as (typeof backups)[number];
  writeFileSync(file, bytes);
  await restored.start();
  await Promise.all(starts);
  await rig.settled();
  await load.progress();
  expect(rig.members.map(damageOf)).toEqual([[], [], []]);
  await judge(rig, load);
  expect(load.recorder.rejected).toEqual([]);
});
