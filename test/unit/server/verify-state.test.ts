import { expect, test } from "vitest";
import { ByteWriter } from "../../../src/core/base/bytes.ts";
import { makeZxid } from "../../../src/core/base/zxid.ts";
import { BatchWriter } from "../../../src/core/tree/batch.ts";
import { encodeIdentities, writeRaiseFeatureLevel } from "../../../src/core/tree/command.ts";
import { FEATURE_LEVEL } from "../../../src/core/tree/feature-level.ts";
import { type JournalRecord, recordType } from "../../../src/core/zab/journal-record.ts";
import { loadVerifiedState } from "../../../src/server/verify-state.ts";

const firstZxid = makeZxid(1, 1);

/** A batch of one command at `zxid`, with what its leader says of the digest. */
function batchAt(zxid: number, digest: readonly [number, number, number] = [0, 0, 0]): JournalRecord {
  const batch = new BatchWriter();
  const identities = new ByteWriter();
  encodeIdentities([], identities);
  const issuer = { sessionId: 0, generation: 1, identities: identities.copy() };
  writeRaiseFeatureLevel(batch.begin(), issuer, FEATURE_LEVEL);
  batch.end();
  const [digestZxid, digest0, digest1] = digest;
  const header = { firstZxid: zxid, count: 1, time: 1, featureLevel: FEATURE_LEVEL, digestZxid, digest0, digest1 };
  return { type: recordType.BATCH, firstZxid: zxid, lastZxid: zxid, body: batch.close(header).slice() };
}

test("without a snapshot, the state begins empty and follows the journal", () => {
  const state = loadVerifiedState(() => undefined);
  expect(state.zxid).toBe(0);
  state.replay(batchAt(firstZxid));
  expect(state.zxid).toBe(firstZxid);
});

test("core.md 29: a batch whose leader had another digest at the same zxid is named", () => {
  const state = loadVerifiedState(() => undefined);
  state.replay(batchAt(firstZxid));
  const [lane0, lane1] = state.digest;
  expect(() => state.replay(batchAt(firstZxid + 1, [firstZxid, lane0 ^ 1, lane1]))).toThrow("0x100000001");
  state.replay(batchAt(firstZxid + 1, [firstZxid, lane0, lane1]));
  expect(state.zxid).toBe(firstZxid + 1);
});

test("a batch that cannot be decoded throws", () => {
  const record = batchAt(firstZxid);
  const cut = { ...record, body: record.body.slice(0, -1) };
  expect(() => loadVerifiedState(() => undefined).replay(cut)).toThrow();
});
