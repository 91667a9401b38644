import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { epochOf, makeZxid } from "../../../src/core/base/zxid.ts";
import { BatchReader, BatchWriter } from "../../../src/core/tree/batch.ts";
import { writeRaiseFeatureLevel } from "../../../src/core/tree/command.ts";
import {
  type ConfiguredMember,
  decodeConfiguration,
  encodeConfiguration,
} from "../../../src/core/zab/ensemble-configuration.ts";
import { encodePromise } from "../../../src/core/zab/epoch-record.ts";
import { type JournalRecord, recordType } from "../../../src/core/zab/journal-record.ts";
import { EPOCH_LEAP, type RecoveryPlan, recoverEnsemble } from "../../../src/runtime/recover-ensemble.ts";
import { RecoveryError } from "../../../src/runtime/recovery.ts";
import { loadVerifiedState } from "../../../src/server/verify-state.ts";
import { openDataDir } from "../../../src/storage/data-dir.ts";
import { inspectJournal } from "../../../src/storage/journal/inspect-journal.ts";
import { openJournal } from "../../../src/storage/journal/journal.ts";
import { verifyDataDir } from "../../../src/storage/verify.ts";
import { temporaryDirectory } from "../storage/snapshot/snapshot-fixtures.ts";
import { RuntimeRig } from "./runtime-rig.ts";

const OLD = "ab".repeat(16);
const yes = () => Promise.resolve(true);

/** The directory of member 1 of three, with some data; `own` changes what the configuration says of it. */
async function lostMember(
  own: Partial<ConfiguredMember> = {},
  featureLevel = 1,
): Promise<{ directory: string; lastZxid: number }> {
  const rig = await new RuntimeRig().open();
  const client = rig.client();
  await client.open();
  for (const name of ["a", "b", "c"]) await client.create(`/${name}`, name);
  const lastZxid = rig.runtime.member.tree.zxid;
  await rig.runtime.stop();
  const { directory } = rig;
  const dataDir = await openDataDir(directory, { memberId: 1 });
  const { incarnation } = dataDir.identity;
  const member = { role: "voter", weight: 1, group: 0 } as const;
  const members = [
    { ...member, id: 1, incarnation, peerAddress: "host-1:7402", ...own },
    { ...member, id: 2, incarnation: "2", peerAddress: "host-2:7402" },
    { ...member, id: 3, incarnation: "3", peerAddress: "host-3:7402" },
  ];
  const { journal } = await openJournal(
    { directory: dataDir.journalDirectory },
    { onDurable: () => undefined, onSpaceChange: () => undefined, onFatal: (error) => expect.unreachable(`${error}`) },
  );
  const end = featureLevel > 1 ? lastZxid + 1 : lastZxid;
  const at = { firstZxid: end, lastZxid: end };
  const body = encodeConfiguration({ ensembleId: OLD, members });
  if (featureLevel > 1) journal.append(raised(end, featureLevel));
  journal.append({ type: recordType.CONFIGURATION, ...at, body });
  journal.append({ type: recordType.PROMISE, ...at, body: encodePromise({ epoch: 9, leaderId: 3 }) });
  await journal.close();
  dataDir.close();
  return { directory, lastZxid };
}

function raised(zxid: number, level: number): JournalRecord {
  const batch = new BatchWriter();
  const duty = { sessionId: 0, generation: 1, identities: new Uint8Array([0]) };
  writeRaiseFeatureLevel(batch.begin(), duty, level);
  batch.end();
  const digest = { digestZxid: 0, digest0: 0, digest1: 0 };
  const body = batch.close({ firstZxid: zxid, count: 1, time: 0, featureLevel: 1, ...digest });
  return { type: recordType.BATCH, firstZxid: zxid, lastZxid: zxid, body };
}

/** The highest zxid that some batch says its leader had applied. */
function highestCommitted(directory: string): number {
  const reader = new BatchReader();
  let highest = 0;
  for (const { type, body } of inspectJournal(join(directory, "journal")).records()) {
    if (type === recordType.BATCH) highest = Math.max(highest, reader.open(body).digestZxid);
  }
  return highest;
}

function idOf(directory: string): unknown {
  return JSON.parse(readFileSync(join(directory, "muster.json"), "utf8")).ensembleId;
}

describe("core.md 26: a forced recovery", () => {
  test("says what it would do, and does nothing when it is not confirmed", async () => {
    const { directory, lastZxid } = await lostMember();
    const before = idOf(directory);
    const plans: RecoveryPlan[] = [];
    const refuse = (plan: RecoveryPlan) => {
      plans.push(plan);
      return Promise.resolve(false);
    };
    expect(await recoverEnsemble(directory, refuse)).toBeUndefined();
    expect(await recoverEnsemble(directory, refuse)).toBeUndefined();
    expect(plans[0]).toEqual({
      directory,
      memberId: 1,
      ensembleId: OLD,
      lastZxid,
      currentEpoch: 1,
      acceptedEpoch: 9,
      newEpoch: 9 + EPOCH_LEAP,
      znodes: 7,
      sessions: 1,
      otherMembers: [2, 3],
      findings: [],
    });
    expect(plans[1]).toEqual(plans[0]);
    expect(idOf(directory)).toBe(before);
  });

  test("leaves an ensemble of one with a new id, whose member starts alone, leads and has all data", async () => {
    const { directory, lastZxid } = await lostMember();
    const recovered = await recoverEnsemble(directory, yes);
    expect(recovered?.newEnsembleId).toMatch(/^[0-9a-f]{32}$/);
    expect(idOf(directory)).toBe(recovered?.newEnsembleId);
    expect((await verifyDataDir(directory)).findings).toEqual([]);

    const rig = await new RuntimeRig(directory).open();
    expect(rig.runtime.member.role).toBe("leader");
    const { configuration } = rig.runtime.member;
    expect(configuration.ensembleId).toBe(recovered?.newEnsembleId);
    expect(configuration.ensembleId).not.toBe(OLD);
    expect(configuration.members).toMatchObject([{ id: 1, role: "voter", weight: 1, peerAddress: "host-1:7402" }]);
    expect(rig.runtime.member.epoch).toBeGreaterThan(9 + EPOCH_LEAP);
    const client = rig.client();
    await client.open();
    expect(await client.get("/c", lastZxid)).toBe("OK");
    expect(await client.create("/d")).toBe("OK");
    expect(epochOf(rig.runtime.member.tree.zxid)).toBe(rig.runtime.member.epoch);
    const again = await rig.reopen();
    expect(again.runtime.member.configuration.ensembleId).toBe(recovered?.newEnsembleId);
    await again.runtime.stop();
  });

  test("is the first change of its epoch where the tree keeps the configuration", async () => {
    const { directory } = await lostMember({}, 2);
    const recovered = await recoverEnsemble(directory, yes);
    expect((await verifyDataDir(directory, { loadState: loadVerifiedState })).findings).toEqual([]);
    // Known to be committed, or the old ensemble would still have a say in it.
    expect(highestCommitted(directory)).toBe(makeZxid(9 + EPOCH_LEAP, 1));
    const rig = await new RuntimeRig(directory).open();
    const { state } = rig.runtime.member.tree;
    expect(state.configurationZxid).toBe(makeZxid(9 + EPOCH_LEAP, 1));
    const kept = decodeConfiguration(state.configuration);
    expect(kept).toEqual(rig.runtime.member.configuration);
    expect(kept.ensembleId).toBe(recovered?.newEnsembleId);
    await rig.runtime.stop();
  });

  test("is not done twice: the member is a quorum by itself then", async () => {
    const { directory } = await lostMember();
    await recoverEnsemble(directory, yes);
    await expect(recoverEnsemble(directory, yes)).rejects.toThrow(/quorum by itself .*start it/);
  });

  test("is done again where a crash came between muster.json and the journal", async () => {
    const { directory } = await lostMember();
    const { changeEnsembleId } = await import("../../../src/storage/data-dir.ts");
    const dataDir = await openDataDir(directory, { memberId: 1 });
    changeEnsembleId(dataDir, "cd".repeat(16));
    dataDir.close();
    const recovered = await recoverEnsemble(directory, yes);
    expect(recovered?.ensembleId).toBe(OLD);
    expect(idOf(directory)).toBe(recovered?.newEnsembleId);
  });

  test("an observer, too, can be recovered: it then votes", async () => {
    const { directory } = await lostMember({ role: "observer" });
    await recoverEnsemble(directory, yes);
    const rig = await new RuntimeRig(directory).open();
    expect(rig.runtime.member.configuration.members).toMatchObject([{ id: 1, role: "voter" }]);
    await rig.runtime.stop();
  });
});

describe("is refused", () => {
  test("of what is no data directory, and makes none", async () => {
    const directory = temporaryDirectory();
    await expect(recoverEnsemble(directory, yes)).rejects.toThrow(/no muster.json/);
    await expect(recoverEnsemble(join(directory, "nowhere"), yes)).rejects.toBeInstanceOf(RecoveryError);
  });

  test("while the member runs", async () => {
    const rig = await new RuntimeRig().open();
    await expect(recoverEnsemble(rig.directory, yes)).rejects.toThrow(/in use by the process with pid/);
    await rig.runtime.stop();
  });

  test("of a member that never was of an ensemble", async () => {
    const directory = temporaryDirectory();
    (await openDataDir(directory, { memberId: 1 })).close();
    await expect(recoverEnsemble(directory, yes)).rejects.toThrow(/never been of an ensemble/);
  });

  test("of a member that lost its data and was not readmitted", async () => {
    const { directory } = await lostMember({ incarnation: "another" });
    await expect(recoverEnsemble(directory, yes)).rejects.toThrow(/not of the ensemble it knows/);
  });
});
