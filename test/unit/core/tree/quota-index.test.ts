import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  countedPath,
  isAboveSoftLimit,
  limitedPath,
  parseQuotaLimits,
  passesHardLimit,
  type Quota,
  QuotaIndex,
  type QuotaLimits,
  quotaStatsText,
} from "../../../../src/core/tree/quota-index.ts";
import { isAtOrBelow } from "../../../model/naive-rules.ts";
import "../../../support/fixed-seed.ts";

const NONE: QuotaLimits = { countSoft: -1, countHard: -1, bytesSoft: -1, bytesHard: -1 };

function quota(path: string, limits: Partial<QuotaLimits> = {}, count = 0, bytes = 0): Quota {
  return { path, limits: { ...NONE, ...limits }, count, bytes };
}

describe("the znodes of quotas", () => {
  it("name the path they are about", () => {
    expect(limitedPath("/zookeeper/quota/a/b/zookeeper_limits")).toBe("/a/b");
    expect(limitedPath("/zookeeper/quota/zookeeper_limits")).toBe("/");
    expect(countedPath("/zookeeper/quota/a/zookeeper_stats")).toBe("/a");
    expect(countedPath("/zookeeper/quota/a/zookeeper_limits")).toBeUndefined();
    for (const path of [
      "/a/zookeeper_limits",
      "/zookeeper/quota",
      "/zookeeper/quota/a",
      "/zookeeper/quotas/a/zookeeper_limits",
    ]) {
      expect(limitedPath(path), path).toBeUndefined();
    }
  });
});

describe("parseQuotaLimits", () => {
  it.each<[string, Partial<QuotaLimits>]>([
    ["", {}],
    ["count=5,bytes=10", { countSoft: 5, bytesSoft: 10 }],
    ["count=-1,bytes=-1=;byteHardLimit=7;countHardLimit=3", { bytesHard: 7, countHard: 3 }],
    ["count=1,bytes=2=;byteHardLimit=3;countHardLimit=4", { countSoft: 1, bytesSoft: 2, bytesHard: 3, countHard: 4 }],
    ["count=0", { countSoft: 0 }],
    ["count=x,bytes=1e3,countHardLimit=,byteHardLimit=0x10", {}],
    ["count=1.5;bytes= 3", {}],
    [`count=${2 ** 53}`, {}],
    ["accounts=9", {}],
  ])("reads %j", (text, limits) => expect(parseQuotaLimits(text)).toEqual({ ...NONE, ...limits }));

  it("never fails, whatever a client wrote there", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        for (const value of Object.values(parseQuotaLimits(`${a}count=${b},bytes=${a}`))) {
          expect(Number.isSafeInteger(value) && value >= -1).toBe(true);
        }
      }),
    );
  });
});

describe("QuotaIndex", () => {
  it("finds the quotas of a path and of everything above it, and none for what lies below /zookeeper", () => {
    const segment = fc.constantFrom("a", "b", "ab", "zookeeper");
    const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`);
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 8 }), path, (limited, at) => {
        const index = new QuotaIndex();
        for (const each of limited) index.set(each, quota(each));
        const expected = isAtOrBelow(at, "/zookeeper") ? [] : limited.filter((each) => isAtOrBelow(at, each));
        expect(
          index
            .above(at)
            .map((each) => each.path)
            .sort(),
        ).toEqual(expected.sort());
      }),
      { numRuns: 500 },
    );
  });

  it("is written with its counts for the snapshot", () => {
    const index = new QuotaIndex();
    index.set("/a", quota("/a", { countHard: 9 }, 3, 14));
    index.set('/b"', quota('/b"'));
    index.set("/c", quota("/c"));
    index.set("/c", undefined);
    expect(JSON.parse(index.toText())).toEqual([
      ["/a", 3, 14],
      ['/b"', 0, 0],
    ]);
    expect([index.size, index.get("/a")?.count, index.get("/c")]).toEqual([2, 3, undefined]);
    expect(quotaStatsText(quota("/a", {}, 3, 14))).toBe("count=3,bytes=14");
  });
});

describe("quota limits", () => {
  it("refuse growth above a hard limit, and nothing that shrinks or stays", () => {
    const full = quota("/a", { countHard: 5, bytesHard: 100 }, 5, 100);
    expect(passesHardLimit(full, 1, 0)).toBe(true);
    expect(passesHardLimit(full, 0, 1)).toBe(true);
    expect(passesHardLimit(full, 0, 0)).toBe(false);
    expect(passesHardLimit(full, -1, -5)).toBe(false);
    const over = quota("/a", { countHard: 0, bytesHard: 0 }, 5, 100);
    expect(passesHardLimit(over, 0, -1)).toBe(false);
    expect(passesHardLimit(quota("/a", {}, 1e9, 1e9), 1, 1)).toBe(false);
    expect(passesHardLimit(quota("/a", { bytesHard: 100 }, 0, 90), 1, 10)).toBe(false);
  });

  it("warn above a soft limit", () => {
    expect(isAboveSoftLimit(quota("/a", { countSoft: 5 }, 5))).toBe(false);
    expect(isAboveSoftLimit(quota("/a", { countSoft: 5 }, 6))).toBe(true);
    expect(isAboveSoftLimit(quota("/a", { bytesSoft: 0 }, 0, 1))).toBe(true);
    expect(isAboveSoftLimit(quota("/a", { countHard: 0, bytesHard: 0 }, 6, 6))).toBe(false);
  });
});
