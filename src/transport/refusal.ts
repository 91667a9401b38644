import { ByteReader, ByteWriter, FormatError } from "../core/base/bytes.ts";
import { TEXT_BYTES_MAX } from "./transport-limits.ts";

/** Why a handshake was refused, in the order of the wire's codes, from 1. Only ever appended to. */
const rules = ["malformed", "version", "ensemble", "identity", "certificate", "superseded", "stopping"] as const;

export type RefusalRule = (typeof rules)[number] | "unknown";

/** A handshake's end: which rule, and for people what exactly, as the refused side reads it. */
export interface Refusal {
  /** `superseded` is no fault: another connection of the same two members was kept. */
  readonly rule: RefusalRule;
  readonly text: string;
}

export function encodeRefusal(refusal: Refusal): Uint8Array {
  const writer = new ByteWriter(64);
  writer.u8(rules.indexOf(refusal.rule as (typeof rules)[number]) + 1);
  writer.utf8(refusal.text);
  return writer.copy();
}

/** A rule from a newer program reads as `unknown`; an unreadable refusal says so. */
export function decodeRefusal(bytes: Uint8Array): Refusal {
  try {
    const reader = new ByteReader(bytes);
    return { rule: rules[reader.u8() - 1] ?? "unknown", text: decodeReason(reader.raw(reader.remaining)) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { rule: "unknown", text: "no reason given" };
  }
}

/** A peer's words for the log: bounded, on one line, nothing that steers a terminal. */
export function decodeReason(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, TEXT_BYTES_MAX));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "?");
}
