import { connectionsText } from "./connection-text.ts";
import { digestText } from "./digest-text.ts";
import { dumpText } from "./dump-text.ts";
import { environmentText } from "./environment-text.ts";
import { monitorText } from "./monitor-text.ts";
import { foldersText, optionsText } from "./options-text.ts";
import { serverText, statText } from "./server-text.ts";
import { watchesByPathText, watchesBySessionText, watchSummaryText } from "./watch-text.ts";
import type { WordFacts } from "./word-facts.ts";
import type { Word } from "./words.ts";

const NOT_SERVING = "This ZooKeeper instance is not currently serving requests";

/**
 * What ZooKeeper 3.8 answers to a word (org.apache.zookeeper.server.command), as text without a frame, after which it
 * closes the connection. `allowed` is its option 4lw.commands.whitelist; in ZooKeeper only `srvr` is allowed unless
 * said otherwise. `crst` and `srst` are answered here and done by whom {@link resetOf} tells.
 */
export function answerWord(word: Word, facts: WordFacts, allowed: ReadonlySet<Word>): string {
  if (!allowed.has(word)) return `${word} is not executed because it is not in the whitelist.\n`;
  switch (word) {
    case "ruok":
      return "imok";
    case "envi":
      return environmentText(facts.version, facts.environment());
    case "isro":
      return readOnlyText(facts);
    default:
      if (facts.mode !== undefined) return servingAnswer(word, facts);
      // The one answer of these without a newline, as in ZooKeeper.
      return word === "hash" ? NOT_SERVING : `${NOT_SERVING}\n`;
  }
}

/** What the word begins anew, if it is answered: the statistics of every connection, or those of the door. */
export function resetOf(
  word: Word,
  { mode }: WordFacts,
  allowed: ReadonlySet<Word>,
): "connections" | "door" | undefined {
  if (mode === undefined || !allowed.has(word)) return undefined;
  if (word === "crst") return "connections";
  return word === "srst" ? "door" : undefined;
}

function servingAnswer(word: Exclude<Word, "ruok" | "envi" | "isro">, facts: WordFacts): string {
  switch (word) {
    case "srvr":
      return serverText(facts);
    case "stat":
      return statText(facts);
    case "mntr":
      return monitorText(facts);
    case "conf":
      return optionsText(facts);
    case "cons":
      return connectionsText(facts.connections());
    case "crst":
      return "Connection stats reset.\n";
    case "dump":
      return dumpText(facts);
    case "wchs":
      return watchSummaryText(facts.watches());
    case "wchc":
      return watchesBySessionText(facts.watches());
    case "wchp":
      return watchesByPathText(facts.watches());
    case "dirs":
      return foldersText(facts.folders());
    case "srst":
      return "Server stats reset.\n";
    case "hash":
      return digestText(facts.digests());
  }
}

function readOnlyText({ mode }: WordFacts): string {
  if (mode === undefined) return "null";
  return mode === "read-only" ? "ro" : "rw";
}
