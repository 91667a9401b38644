import { describe, expect, it } from "vitest";
import { FormatError } from "../../../../src/core/base/bytes.ts";
import { BATCH_HEADER_BYTES, BatchWriter, batchFlag } from "../../../../src/core/tree/batch.ts";
import { configurationOfBatch } from "../../../../src/core/tree/batch-configuration.ts";
import { writeCloseSession, writeReconfigure } from "../../../../src/core/tree/command.ts";

const LEADER = { sessionId: 0, generation: 1, identities: new Uint8Array(0) };
const CONFIGURATION = Uint8Array.from({ length: 300 }, (_, at) => at);

function batch(flags: number): Uint8Array {
  const writer = new BatchWriter();
  if (flags === 0) writeCloseSession(writer.begin(), LEADER, 1, 0);
  else writeReconfigure(writer.begin(), LEADER, 1, 0, CONFIGURATION);
  writer.end();
  const digest = { digestZxid: 0, digest0: 0, digest1: 0 };
  return writer.close({ firstZxid: 1, count: 1, time: 1, featureLevel: 2, flags, ...digest }).slice();
}

describe("configurationOfBatch", () => {
  it("core.md 25: is the configuration a batch brings, in place, and undefined of any other batch", () => {
    const body = batch(batchFlag.RECONFIGURE);
    const configuration = configurationOfBatch(body) as Uint8Array;
    expect(configuration).toEqual(CONFIGURATION);
    expect(configuration.buffer).toBe(body.buffer);
    expect(configurationOfBatch(batch(0))).toBeUndefined();
  });

  it("refuses a batch cut anywhere, continued, or flagged for what it is not", () => {
    const body = batch(batchFlag.RECONFIGURE);
    for (let end = 0; end < body.length; end++) {
      expect(() => configurationOfBatch(body.subarray(0, end)), `${end} bytes`).toThrow(FormatError);
    }
    expect(() => configurationOfBatch(Uint8Array.from([...body, 0]))).toThrow(FormatError);
    const other = batch(0);
    other[BATCH_HEADER_BYTES - 8] = batchFlag.RECONFIGURE;
    expect(() => configurationOfBatch(other)).toThrow(FormatError);
  });
});
