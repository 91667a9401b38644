import { describe, expect, test } from "vitest";
import { answerWord, resetOf } from "../../../../../src/api/zookeeper/four-letter-words/answer-word.ts";
import { type Word, words } from "../../../../../src/api/zookeeper/four-letter-words/words.ts";
import { sampleFacts } from "./sample-facts.ts";

const all: ReadonlySet<Word> = new Set(words);
const notServing = "This ZooKeeper instance is not currently serving requests";

describe("a word", () => {
  test.for([
    ["ruok", /^imok$/],
    ["srvr", /^Zookeeper version: [^\n]*\nLatency .*\nProposal sizes /s],
    ["stat", /^Zookeeper version: .*\nClients:\n/],
    ["mntr", /^zk_version\t/],
    ["conf", /^clientPort=/],
    ["cons", /^ \/127\.0\.0\.1:58326\[1\]/],
    ["crst", /^Connection stats reset\.\n$/],
    ["dump", /^SessionTracker dump:\n/],
    ["envi", /^Environment:\nzookeeper\.version=3\.8\.0-/],
    ["isro", /^rw$/],
    ["wchs", /^2 connections watching 3 paths\n/],
    ["wchc", /^0x1c7c210001\n\t\/app\/none2\n/],
    ["wchp", /^\/app\/none2\n\t0x1c7c210001\n/],
    ["dirs", /^datadir_size: 597\n/],
    ["srst", /^Server stats reset\.\n$/],
    ["hash", /^100000080: /],
  ] as const)("%s has its answer", ([word, answer]) => {
    expect(answerWord(word, sampleFacts(), all)).toMatch(answer);
  });

  test.for(words)("%s is not answered unless it is allowed", (word) => {
    const others = new Set(words.filter((other) => other !== word));
    const text = `${word} is not executed because it is not in the whitelist.\n`;
    expect(answerWord(word, sampleFacts(), others)).toBe(text);
  });

  test.for(words)("%s while the member does not serve", (word) => {
    const answer = answerWord(word, sampleFacts({ mode: undefined }), all);
    if (word === "ruok") expect(answer).toBe("imok");
    else if (word === "isro") expect(answer).toBe("null");
    else if (word === "envi") expect(answer).toMatch(/^Environment:\n/);
    else expect(answer).toBe(word === "hash" ? notServing : `${notServing}\n`);
  });

  test("isro tells a member that serves reads only", () => {
    expect(answerWord("isro", sampleFacts({ mode: "read-only" }), all)).toBe("ro");
  });
});

describe("what begins anew", () => {
  test.for(words)("with %s", (word) => {
    const expected = { crst: "connections", srst: "door" }[word as string];
    expect(resetOf(word, sampleFacts(), all)).toBe(expected);
  });

  test("is nothing if the word is not answered", () => {
    expect(resetOf("crst", sampleFacts({ mode: undefined }), all)).toBeUndefined();
    expect(resetOf("srst", sampleFacts(), new Set(["srvr"]))).toBeUndefined();
  });
});
