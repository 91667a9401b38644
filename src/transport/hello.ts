import { ByteReader, ByteWriter, FormatError } from "../core/base/bytes.ts";
import { ABOUT_BYTES_MAX, BULK_HEADER_BYTES_MAX, TEXT_BYTES_MAX } from "./transport-limits.ts";

/** The versions of the protocol between members that this program speaks. */
export const PROTOCOL_VERSION_MIN = 1;
export const PROTOCOL_VERSION_MAX = 1;

export type Purpose = "data" | "bulk";

/** What each side says of itself before anything else. */
export interface Hello {
  readonly versionMin: number;
  readonly versionMax: number;
  readonly purpose: Purpose;
  /** 32 hex digits, or "" while the sender belongs to no ensemble. */
  readonly ensembleId: string;
  readonly senderId: number;
  /** Whom the sender means to reach. */
  readonly targetId: number;
  readonly incarnation: string;
  /** Random per process: tells a restarted sender from the same one dialling again. */
  readonly processId: string;
  /** Rises with each HELLO of the process: tells which of two connections was meant later. */
  readonly attempt: number;
  /** Where the sender wants to be dialled. */
  readonly address: string;
  readonly about: Uint8Array;
  /** Of a bulk connection, from its dialler; otherwise empty. */
  readonly bulkHeader: Uint8Array;
}

const purposes: readonly Purpose[] = ["data", "bulk"];
const ENSEMBLE_ID = /^([0-9a-f]{32})?$/;

export function encodeHello(hello: Hello): Uint8Array {
  const writer = new ByteWriter(256);
  writer.u16(hello.versionMin);
  writer.u16(hello.versionMax);
  writer.u8(purposes.indexOf(hello.purpose));
  writer.string(hello.ensembleId);
  writer.u32(hello.senderId);
  writer.u32(hello.targetId);
  writer.string(hello.incarnation);
  writer.string(hello.processId);
  writer.u53(hello.attempt);
  writer.string(hello.address);
  writer.block(hello.about);
  writer.block(hello.bulkHeader);
  return writer.copy();
}

/**
 * Throws FormatError. Fields that a later version appended are passed over: the versions are compared only once all
 * of this could be read.
 */
export function decodeHello(bytes: Uint8Array): Hello {
  const reader = new ByteReader(bytes);
  const versionMin = reader.u16();
  const versionMax = reader.u16();
  const purpose = purposes[reader.u8()];
  if (purpose === undefined) throw new FormatError("the purpose is not known");
  const ensembleId = text(reader, "ensemble id");
  if (!ENSEMBLE_ID.test(ensembleId)) throw new FormatError("the ensemble id is not 32 hex digits");
  const senderId = reader.u32();
  const targetId = reader.u32();
  if (senderId === 0 || targetId === 0) throw new FormatError("0 is no member's id");
  return {
    versionMin,
    versionMax,
    purpose,
    ensembleId,
    senderId,
    targetId,
    incarnation: text(reader, "incarnation"),
    processId: text(reader, "process id"),
    attempt: reader.u53(),
    address: text(reader, "address"),
    about: block(reader, ABOUT_BYTES_MAX, "about"),
    bulkHeader: block(reader, BULK_HEADER_BYTES_MAX, "bulk header"),
  };
}

function text(reader: ByteReader, name: string): string {
  const before = reader.position;
  const value = reader.string();
  if (reader.position - before > TEXT_BYTES_MAX) throw new FormatError(`the ${name} is too long`);
  return value;
}

/** A copy: the frame's bytes do not outlive it. */
function block(reader: ByteReader, bytesMax: number, name: string): Uint8Array {
  const value = reader.block();
  if (value.length > bytesMax) throw new FormatError(`the ${name} is too long`);
  return value.slice();
}
