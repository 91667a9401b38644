import { describe, expect, it } from "vitest";
import {
  BATCH_BYTES_TARGET,
  BATCH_COMMANDS_MAX,
  COMMAND_BYTES_MAX,
  defaultLimits,
  TTL_MS_MAX,
} from "../../../../src/core/base/limits.ts";
import { parseLimits } from "../../../../src/core/tree/apply-limits.ts";
import { FEATURE_LEVEL } from "../../../../src/core/tree/feature-level.ts";

describe("the limits", () => {
  it("core.md 6: one command touches at most 10,000 znodes, a session owns at most 20,000 ephemerals", () => {
    expect(defaultLimits).toMatchObject({ nodesPerCommandMax: 10_000, ephemeralsPerSessionMax: 20_000 });
  });

  it("core.md 13: a window keeps at most 1,024 numbers and 256 KiB of answers", () => {
    expect(defaultLimits).toMatchObject({ windowNumbersMax: 1_024, windowBytesMax: 256 * 1024 });
  });

  it("by default are within the ranges a command may set them to", () => {
    expect(parseLimits(JSON.stringify(defaultLimits), FEATURE_LEVEL)).toEqual(defaultLimits);
  });

  it("fit each other", () => {
    expect(defaultLimits.dataBytesMax + defaultLimits.pathBytesMax).toBeLessThan(COMMAND_BYTES_MAX);
    expect(BATCH_COMMANDS_MAX).toBeLessThan(2 ** 32);
    expect(BATCH_BYTES_TARGET).toBeLessThan(COMMAND_BYTES_MAX);
    // ZooKeeper keeps 40 bits of a TTL in an ephemeral owner.
    expect(TTL_MS_MAX).toBe(2 ** 40 - 1);
  });
});
