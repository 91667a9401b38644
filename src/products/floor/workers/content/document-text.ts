import { invalid, tooLarge } from "../content-fault.ts";
import { DOCUMENT_BYTES_MAX } from "./content-limits.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text of a document; a byte order mark is left out. */
export function documentText(content: Uint8Array, bytesMax: number = DOCUMENT_BYTES_MAX): string {
  if (content.length > bytesMax) {
    throw tooLarge("bytes", "", `there are ${content.length} bytes, and ${bytesMax} is the most: make it smaller`);
  }
  try {
    return decoder.decode(content);
  } catch {
    throw invalid("utf-8", "", "the bytes are not UTF-8: save the document in that encoding");
  }
}
