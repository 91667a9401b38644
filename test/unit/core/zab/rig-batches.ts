import { makeZxid } from "../../../../src/core/base/zxid.ts";
import { type BatchHeader, BatchReader, BatchWriter, batchFlag } from "../../../../src/core/tree/batch.ts";
import { configurationOfBatch } from "../../../../src/core/tree/batch-configuration.ts";
import { writeReconfigure } from "../../../../src/core/tree/command.ts";
import {
  type ConfiguredMember,
  type EnsembleConfiguration,
  encodeConfiguration,
} from "../../../../src/core/zab/ensemble-configuration.ts";
import { encodePropose } from "../../../../src/core/zab/peer-message.ts";
import type { BatchFormat, RecoveredZab } from "../../../../src/core/zab/zab-contract.ts";

const headers = new BatchReader();

/** Batches as the tree writes them; only the header and a reconfiguration's body are looked at. */
export const batchFormat: BatchFormat = {
  range: (body) => {
    const { firstZxid, count } = headers.open(body);
    return { firstZxid, lastZxid: firstZxid + count - 1 };
  },
  configuration: configurationOfBatch,
};

export function incarnationOf(id: number): string {
  return String(id).padStart(2, "0").repeat(16);
}

/** Members by id, or with whatever is not usual about them. */
export function ensemble(
  ...members: (number | (Partial<ConfiguredMember> & { readonly id: number }))[]
): EnsembleConfiguration {
  return {
    ensembleId: "0e".repeat(16),
    members: members.map((given) => {
      const { id, ...rest } = typeof given === "number" ? { id: given } : given;
      const usual = { role: "voter", weight: 1, group: 0, incarnation: incarnationOf(id) } as const;
      return { id, ...usual, peerAddress: `10.0.0.${id}:7402`, ...rest };
    }),
  };
}

const NO_STAMP = { time: 0, featureLevel: 1, digest0: 0, digest1: 0 };

/** A batch of `count` commands that hold nothing but `size` bytes; by what its proposer has applied. */
export function batchOf(firstZxid: number, count: number, size: number, digestZxid: number): Uint8Array {
  const writer = new BatchWriter();
  for (let i = 0; i < count; i++) {
    writer.begin().raw(new Uint8Array(size).fill(firstZxid & 255));
    writer.end();
  }
  const header: BatchHeader = { ...NO_STAMP, firstZxid, count, digestZxid };
  return writer.close(header).slice();
}

/** What a member comes back with that has these counters of an epoch, one batch each, and knows of no commit. */
export function hadBatches(
  epoch: number,
  counters: number,
  configuration: EnsembleConfiguration,
): Partial<RecoveredZab> {
  const tail = Array.from({ length: counters }, (_, at) => encodePropose(batchOf(makeZxid(epoch, at + 1), 1, 5, 0)));
  return { acceptedEpoch: epoch, currentEpoch: epoch, lastZxid: makeZxid(epoch, counters), tail, configuration };
}

/** The batch of a reconfiguration. */
export function changeOf(firstZxid: number, configuration: EnsembleConfiguration, digestZxid: number): Uint8Array {
  const writer = new BatchWriter();
  const issuer = { sessionId: 0, generation: 1, identities: new Uint8Array([0]) };
  writeReconfigure(writer.begin(), issuer, 1, 0, encodeConfiguration(configuration));
  writer.end();
  return writer.close({ ...NO_STAMP, firstZxid, count: 1, digestZxid, flags: batchFlag.RECONFIGURE }).slice();
}
