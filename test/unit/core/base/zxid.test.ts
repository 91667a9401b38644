import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import {
  COUNTER_MAX,
  counterOf,
  EPOCH_MAX,
  epochOf,
  formatZxid,
  isZxid,
  makeZxid,
} from "../../../../src/core/base/zxid.ts";
import "../../../support/fixed-seed.ts";

describe("a zxid", () => {
  it("is made of an epoch and a counter, and gives both back, up to the largest safe integer", () => {
    fc.assert(
      fc.property(fc.nat({ max: EPOCH_MAX }), fc.nat({ max: COUNTER_MAX }), (epoch, counter) => {
        const zxid = makeZxid(epoch, counter);
        expect(isZxid(zxid)).toBe(true);
        expect([epochOf(zxid), counterOf(zxid)]).toEqual([epoch, counter]);
      }),
    );
    expect(makeZxid(EPOCH_MAX, COUNTER_MAX)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("orders by epoch, then by counter", () => {
    const list = [makeZxid(1, 0), makeZxid(1, COUNTER_MAX), makeZxid(2, 0), makeZxid(2, 1)];
    expect([...list].sort((a, b) => a - b)).toEqual(list);
  });

  it("refuses what does not fit", () => {
    const wrong: [number, number][] = [
      [-1, 0],
      [EPOCH_MAX + 1, 0],
      [1.5, 0],
      [0, -1],
      [0, COUNTER_MAX + 1],
      [0, 0.5],
    ];
    for (const [epoch, counter] of wrong) expect(() => makeZxid(epoch, counter)).toThrow(InvariantError);
    expect([-1, 0.5, Number.NaN, 2 ** 53].map(isZxid)).toEqual([false, false, false, false]);
  });

  it("is shown in hex", () => {
    expect(formatZxid(makeZxid(0x1a, 0xff))).toBe("0x1a000000ff");
    expect(formatZxid(0)).toBe("0x0");
  });
});
