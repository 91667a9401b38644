import { MalformedError } from "./wire-reader.ts";

/** Decodes with generated code, whose errors are of many kinds, into the one kind the door knows. */
export function decodeMessage<T>(codec: { decode(input: Uint8Array): T }, bytes: Uint8Array): T {
  try {
    return codec.decode(bytes);
  } catch (error) {
    throw new MalformedError(error instanceof Error ? error.message : "not decodable");
  }
}
