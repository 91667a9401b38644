import { Metadata } from "@grpc/grpc-js";
import { MusterError } from "./errors.ts";

/** A token, or what reads it anew for each connection and call, so that it can be changed without a restart. */
export type TokenOption = string | (() => string);

/** What a header can carry; a token has no other characters, and what was read from a file may have a line end. */
const HEADER_TEXT = /^[\x21-\x7e]+$/;

/** The metadata of a stream or call by the holder of a token; throws INVALID_ARGUMENT for what can be none. */
export function callMetadata(token: TokenOption | undefined): Metadata {
  const metadata = new Metadata();
  if (token === undefined) return metadata;
  const text = (typeof token === "string" ? token : token()).trim();
  // The value is a secret: it is not repeated in the message.
  if (!HEADER_TEXT.test(text)) {
    throw new MusterError("INVALID_ARGUMENT", { message: "the token is empty or has characters that no token has" });
  }
  metadata.set("authorization", `Bearer ${text}`);
  return metadata;
}
