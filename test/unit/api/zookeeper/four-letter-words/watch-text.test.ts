import { describe, expect, test } from "vitest";
import {
  watchesByPathText,
  watchesBySessionText,
  watchSummaryText,
} from "../../../../../src/api/zookeeper/four-letter-words/watch-text.ts";
import { sampleFacts } from "./sample-facts.ts";

const { watches } = sampleFacts();

describe("watches", () => {
  test("are counted in wchs, each session once for a path", () => {
    expect(watchSummaryText(watches())).toBe("2 connections watching 3 paths\nTotal watches:4\n");
  });

  test("are listed by session in wchc", () => {
    expect(watchesBySessionText(watches())).toBe(
      "0x1c7c210001\n\t/app/none2\n\t/app/x\n0x1c7c210000\n\t/app/none\n\t/app/x\n\n",
    );
  });

  test("are listed by path in wchp", () => {
    expect(watchesByPathText(watches())).toBe(
      "/app/none2\n\t0x1c7c210001\n/app/x\n\t0x1c7c210001\n\t0x1c7c210000\n/app/none\n\t0x1c7c210000\n\n",
    );
  });

  test("may be none", () => {
    expect(watchSummaryText([])).toBe("0 connections watching 0 paths\nTotal watches:0\n");
    expect([watchesBySessionText([]), watchesByPathText([])]).toEqual(["\n", "\n"]);
  });
});
