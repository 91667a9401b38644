import { usageError } from "./cli-error.ts";
import type { CliIo } from "./io.ts";
import { readLines } from "./line-reader.ts";

/** Longest answer read, characters. */
const ANSWER_CHARS_MAX = 200;

/**
 * Asks for a phrase to be typed before what cannot be undone; false when something else was typed. Where nobody can be
 * asked, `--yes` has to have said it.
 */
export async function confirmByTyping(io: CliIo, phrase: string): Promise<boolean> {
  if (!io.stderrIsTerminal) {
    throw usageError("there is no terminal to ask at: add --yes to go on without being asked; nothing was done");
  }
  io.stderr.write(`Type ${JSON.stringify(phrase)} to go on: `);
  for await (const { text } of readLines(io.stdin, ANSWER_CHARS_MAX, "standard input")) return text.trim() === phrase;
  return false;
}
