import { ByteReader, ByteWriter, FormatError } from "../core/base/bytes.ts";
import { ABOUT_BYTES_MAX } from "./transport-limits.ts";

/** What a member announces of itself and may change while its links are up. */
export interface AnnouncedIdentity {
  /** 32 hex digits, or "" while it belongs to no ensemble. */
  readonly ensembleId: string;
  readonly about: Uint8Array;
}

/** The payload of an IDENTITY frame. */
export function encodeIdentity(identity: AnnouncedIdentity): Uint8Array {
  const writer = new ByteWriter(256);
  writer.string(identity.ensembleId);
  writer.block(identity.about);
  return writer.copy();
}

/** Throws FormatError. Copies: the frame's bytes do not outlive it. */
export function decodeIdentity(bytes: Uint8Array): AnnouncedIdentity {
  const reader = new ByteReader(bytes);
  const ensembleId = reader.string();
  if (!/^([0-9a-f]{32})?$/.test(ensembleId)) throw new FormatError("the ensemble id is not 32 hex digits");
  const about = reader.block();
  if (about.length > ABOUT_BYTES_MAX) throw new FormatError("the about is too long");
  return { ensembleId, about: about.slice() };
}
