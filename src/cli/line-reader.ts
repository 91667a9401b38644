import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { usageError } from "./cli-error.ts";

export interface NumberedLine {
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

/**
 * Lines of a stream as they come, numbered; one longer than `charsMax` is an error instead of memory. The end of the
 * stream ends the last line.
 */
export async function* readLines(source: Readable, charsMax: number, name: string): AsyncGenerator<NumberedLine> {
  const decoder = new StringDecoder("utf8");
  let number = 0;
  let pieces: string[] = [];
  let length = 0;
  const push = (piece: string) => {
    length += piece.length;
    if (length > charsMax)
      throw usageError(`${name}:${number + 1}: is longer than ${charsMax} characters; is it an export?`);
    pieces.push(piece);
  };
  const take = (): NumberedLine => {
    const text = pieces.join("");
    pieces = [];
    length = 0;
    number++;
    return { text, number };
  };
  for await (const chunk of source) {
    const parts = (typeof chunk === "string" ? chunk : decoder.write(chunk as Buffer)).split("\n");
    for (const [index, part] of parts.entries()) {
      push(part);
      if (index < parts.length - 1) yield take();
    }
  }
  push(decoder.end());
  if (length > 0) yield take();
}
