import { describe, expect, it } from "vitest";
import { defaultLimits } from "../../../../src/core/base/limits.ts";
import { limitsText, parseLimits as parseAt } from "../../../../src/core/tree/apply-limits.ts";
import { FEATURE_LEVEL, FIRST_FEATURE_LEVEL } from "../../../../src/core/tree/feature-level.ts";

const text = (change: { readonly [name: string]: unknown }): string => JSON.stringify({ ...defaultLimits, ...change });

const parseLimits = (given: string) => parseAt(given, FEATURE_LEVEL);

describe("limitsText", () => {
  it("core.md 5: is what the first feature level always wrote, to the byte", () => {
    expect(limitsText(defaultLimits, FIRST_FEATURE_LEVEL)).toBe(
      '{"dataBytesMax":1048576,"pathBytesMax":4096,"multiOperationsMax":10000,"nodesPerCommandMax":10000,' +
        '"ephemeralsPerSessionMax":20000,"sessionsMax":1000000,"sessionTimeoutMinMs":1000,' +
        '"sessionTimeoutMaxMs":600000,"windowNumbersMax":1024,"windowBytesMax":262144,' +
        '"quotaScanNodesMax":200000,"aclEntriesMax":128,"enforceQuota":1}',
    );
  });

  it("is read back at every level", () => {
    const changed = { ...defaultLimits, enforceQuota: 0 };
    for (let level = FIRST_FEATURE_LEVEL; level <= FEATURE_LEVEL; level++) {
      expect(parseAt(limitsText(changed, level), level)).toEqual(changed);
    }
  });
});

describe("parseLimits", () => {
  it("core.md 3: takes all limits at once, as the command carries them", () => {
    const changed = { ...defaultLimits, dataBytesMax: 1, enforceQuota: 0, sessionTimeoutMaxMs: 86_400_000 };
    expect(parseLimits(JSON.stringify(changed))).toEqual(changed);
  });

  it("refuses limits with one missing, one unknown, or in another order of magnitude", () => {
    for (const name of Object.keys(defaultLimits)) {
      const { [name as "dataBytesMax"]: _, ...rest } = defaultLimits;
      expect(parseLimits(JSON.stringify(rest)), name).toBeUndefined();
      for (const value of [-1, 0.5, "1", null, 2 ** 53, Number.MAX_VALUE]) {
        expect(parseLimits(text({ [name]: value })), `${name} ${value}`).toBeUndefined();
      }
      if (name !== "enforceQuota") expect(parseLimits(text({ [name]: 0 })), `${name} 0`).toBeUndefined();
    }
    expect(parseLimits(text({ more: 1 }))).toBeUndefined();
  });

  it("refuses time-outs of which the shortest is longer than the longest", () => {
    expect(parseLimits(text({ sessionTimeoutMinMs: 5_000, sessionTimeoutMaxMs: 4_999 }))).toBeUndefined();
    expect(parseLimits(text({ sessionTimeoutMinMs: 5_000, sessionTimeoutMaxMs: 5_000 }))).toBeDefined();
  });

  it.each(["", "{", "null", "[]", "7", '"x"', "{}"])("core.md 4: is total: %j is no limits", (wrong) => {
    expect(parseLimits(wrong)).toBeUndefined();
  });

  it("core.md 6: lets no limit be raised beyond what keeps apply bounded", () => {
    expect(parseLimits(text({ nodesPerCommandMax: 100_001 }))).toBeUndefined();
    expect(parseLimits(text({ ephemeralsPerSessionMax: 100_001 }))).toBeUndefined();
    expect(parseLimits(text({ multiOperationsMax: 100_001 }))).toBeUndefined();
    expect(parseLimits(text({ pathBytesMax: 65_536 }))).toBeUndefined();
    expect(parseLimits(text({ pathBytesMax: 65_535 }))).toBeDefined();
  });
});
