import { describe, expect, test } from "vitest";
import { LatencyStatistics } from "../../../../../src/api/zookeeper/four-letter-words/latency-statistics.ts";

function recorded(...latencies: readonly number[]): LatencyStatistics {
  const statistics = new LatencyStatistics();
  for (const latency of latencies) statistics.record(latency);
  return statistics;
}

describe("latencies", () => {
  test("are all 0 before the first and after a reset", () => {
    const statistics = recorded(3, 5);
    statistics.reset();
    for (const { min, average, averageText, max, count, sum } of [statistics, recorded()]) {
      expect({ min, average, averageText, max, count, sum }).toEqual({
        min: 0,
        average: 0,
        averageText: "0.0",
        max: 0,
        count: 0,
        sum: 0,
      });
    }
    statistics.record(7);
    expect([statistics.min, statistics.max]).toEqual([7, 7]);
  });

  test("have a least, a greatest and a sum", () => {
    const { min, max, count, sum, average } = recorded(5, 2, 9);
    expect({ min, max, count, sum, average }).toEqual({ min: 2, max: 9, count: 3, sum: 16, average: 16 / 3 });
  });

  test.for([
    [[4, 4], "4.0"],
    [[1, 2], "1.5"],
    [[1, 1, 2], "1.3333"],
    [[1, 2, 2], "1.6667"],
    [[1, ...Array.from({ length: 9999 }, () => 0)], "0.0001"],
    [[12_345_678], "12345678.0"],
  ] as const)("the average of %j is %s", ([latencies, text]) => {
    expect(recorded(...latencies).averageText).toBe(text);
  });
});
