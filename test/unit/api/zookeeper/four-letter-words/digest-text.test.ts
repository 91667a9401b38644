import { expect, test } from "vitest";
import { digestText } from "../../../../../src/api/zookeeper/four-letter-words/digest-text.ts";
import { sampleFacts } from "./sample-facts.ts";

test("hash has a line for each digest", () => {
  expect(digestText(sampleFacts().digests())).toBe("100000080: 16458319755\n100000100: 12937889782\n");
  expect(digestText([])).toBe("");
});
