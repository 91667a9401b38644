import type { DigestFacts } from "./word-facts.ts";

/** The answer to `hash`: a line `zxid: digest` each, the zxid in hexadecimal without `0x`; empty if there are none. */
export function digestText(digests: Iterable<DigestFacts>): string {
  let text = "";
  for (const { zxid, digest } of digests) text += `${zxid.toString(16)}: ${digest}\n`;
  return text;
}
