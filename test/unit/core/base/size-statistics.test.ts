import { expect, test } from "vitest";
import { SizeStatistics } from "../../../../src/core/base/size-statistics.ts";

test("sizes are -1 before the first and after a reset, and a size may be 0", () => {
  const sizes = new SizeStatistics();
  expect(sizes).toMatchObject({ last: -1, min: -1, max: -1 });
  for (const bytes of [5, 0, 9, 7]) sizes.record(bytes);
  expect(sizes).toMatchObject({ last: 7, min: 0, max: 9 });
  sizes.reset();
  expect(sizes).toMatchObject({ last: -1, min: -1, max: -1 });
});
