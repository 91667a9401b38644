import {
  int32Size,
  lengthDelimitedSize,
  utf8Size,
  varintSize,
  writeBytesField,
  writeInt32,
  writeTextField,
  writeUtf8,
  writeVarint,
} from "./wire-writer.ts";

/** Smallest and largest chunk, bytes. */
const CHUNK_BYTES_MIN = 8 * 1024;
const CHUNK_BYTES_MAX = 512 * 1024;
/** Room before the first operation of a batch for the batch's own header (at most 1 + 5 + 1 + 8 bytes). */
export const HEADER_ROOM = 16;

/** Tags of Operation's fields: number << 3 | wire type; those from 16 on take two bytes. */
export const operationField = {
  create: 4,
  set: 5,
  delete: 6,
  deleteTree: 7,
  setAcl: 8,
  multi: 9,
  get: 10,
  exists: 11,
  list: 12,
  getAcl: 13,
  count: 14,
  ephemerals: 15,
  multiRead: 16,
  sync: 17,
  addWatch: 18,
  removeWatch: 19,
  authenticate: 20,
} as const;
export type OperationField = (typeof operationField)[keyof typeof operationField];

/** How fresh a read must be. */
export interface Freshness {
  readonly minZxid: number;
  readonly linearizable: boolean;
}

/**
 * Encodes operations back to back into chunks, each as one entry of an OperationBatch, so that any run of them is the
 * body of a batch without another copy. What was encoded last stands at `chunk[start, end)`; it is never moved or
 * overwritten, so it can be sent again after a reconnect. `first` says that {@link HEADER_ROOM} bytes before it are
 * free.
 *
 * Byte for byte what the generated codec makes; a property test says so.
 */
export class OperationEncoder {
  chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES_MIN);
  start = 0;
  end = 0;
  first = false;
  #position = 0;
  #batchBytes = 0;
  #sealed = true;

  /** The batch so far goes out: the next operation begins another. */
  seal(): void {
    this.#sealed = true;
  }

  /** get, exists, get_acl, count, ephemerals, delete_tree: an operation that names a path and nothing else. */
  path(number: number, field: OperationField, path: string, freshness?: Freshness): void {
    const pathSize = utf8Size(path);
    const size = pathSize === 0 ? 0 : lengthDelimitedSize(pathSize);
    const at = this.#begin(number, field, size, freshness);
    if (pathSize !== 0) writeTextField(this.chunk, at, 0x0a, path, pathSize);
  }

  set(number: number, path: string, data: Uint8Array | string, version: number | undefined): void {
    const pathSize = utf8Size(path);
    const dataSize = typeof data === "string" ? utf8Size(data) : data.length;
    let size = pathSize === 0 ? 0 : lengthDelimitedSize(pathSize);
    if (dataSize !== 0) size += lengthDelimitedSize(dataSize);
    if (version !== undefined) size += 1 + int32Size(version);
    let at = this.#begin(number, operationField.set, size, undefined);
    const { chunk } = this;
    if (pathSize !== 0) at = writeTextField(chunk, at, 0x0a, path, pathSize);
    if (dataSize !== 0) at = writeData(chunk, at, data, dataSize);
    if (version !== undefined) {
      chunk[at] = 0x18;
      writeInt32(chunk, at + 1, version);
    }
  }

  delete(number: number, path: string, version: number | undefined): void {
    const pathSize = utf8Size(path);
    let size = pathSize === 0 ? 0 : lengthDelimitedSize(pathSize);
    if (version !== undefined) size += 1 + int32Size(version);
    let at = this.#begin(number, operationField.delete, size, undefined);
    const { chunk } = this;
    if (pathSize !== 0) at = writeTextField(chunk, at, 0x0a, path, pathSize);
    if (version !== undefined) {
      chunk[at] = 0x10;
      writeInt32(chunk, at + 1, version);
    }
  }

  /** A create with neither ACL nor TTL; the others go through {@link encoded}. `mode` as in the proto's CreateMode. */
  create(number: number, path: string, data: Uint8Array | string, mode: number, ifAbsent: boolean): void {
    const pathSize = utf8Size(path);
    const dataSize = typeof data === "string" ? utf8Size(data) : data.length;
    let size = pathSize === 0 ? 0 : lengthDelimitedSize(pathSize);
    if (dataSize !== 0) size += lengthDelimitedSize(dataSize);
    if (mode !== 0) size += 2;
    if (ifAbsent) size += 2;
    let at = this.#begin(number, operationField.create, size, undefined);
    const { chunk } = this;
    if (pathSize !== 0) at = writeTextField(chunk, at, 0x0a, path, pathSize);
    if (dataSize !== 0) at = writeData(chunk, at, data, dataSize);
    if (mode !== 0) {
      chunk[at++] = 0x18;
      chunk[at++] = mode;
    }
    if (ifAbsent) {
      chunk[at++] = 0x30;
      chunk[at] = 1;
    }
  }

  /** An operation whose message the generated codec has encoded already. */
  encoded(number: number, field: OperationField, message: Uint8Array, freshness?: Freshness): void {
    const at = this.#begin(number, field, message.length, freshness);
    this.chunk.set(message, at);
  }

  /** Writes everything up to the operation's own message of `size` bytes; returns where that goes. */
  #begin(number: number, field: OperationField, size: number, freshness: Freshness | undefined): number {
    const minZxid = freshness === undefined ? 0 : freshness.minZxid;
    const linearizable = freshness?.linearizable === true;
    const tag = (field << 3) | 2;
    let body = varintSize(tag) + varintSize(size) + size;
    if (number !== 0) body += 1 + varintSize(number);
    if (minZxid !== 0) body += 1 + varintSize(minZxid);
    if (linearizable) body += 2;
    this.#reserve(1 + varintSize(body) + body);

    const { chunk } = this;
    let at = this.start;
    chunk[at++] = 0x12;
    at = writeVarint(chunk, at, body);
    if (number !== 0) {
      chunk[at++] = 0x08;
      at = writeVarint(chunk, at, number);
    }
    if (minZxid !== 0) {
      chunk[at++] = 0x10;
      at = writeVarint(chunk, at, minZxid);
    }
    if (linearizable) {
      chunk[at++] = 0x18;
      chunk[at++] = 1;
    }
    at = writeVarint(chunk, at, tag);
    return writeVarint(chunk, at, size);
  }

  #reserve(bytes: number): void {
    if (this.#sealed) this.#batchBytes = 0;
    const room = this.#sealed ? HEADER_ROOM : 0;
    this.first = this.#sealed;
    if (this.#position + room + bytes > this.chunk.length) {
      // The batch is larger than its chunk: the next chunk takes twice as much, so that batches come to fit one.
      const wanted = Math.min(Math.max(CHUNK_BYTES_MIN, 4 * this.#batchBytes), CHUNK_BYTES_MAX);
      this.chunk = Buffer.allocUnsafeSlow(Math.max(wanted, HEADER_ROOM + bytes));
      this.#position = 0;
      this.first = true;
    }
    this.start = this.#position + (this.first ? HEADER_ROOM : 0);
    this.end = this.start + bytes;
    this.#position = this.end;
    this.#batchBytes += bytes;
    this.#sealed = false;
  }
}

function writeData(chunk: Buffer, position: number, data: Uint8Array | string, size: number): number {
  if (typeof data !== "string") return writeBytesField(chunk, position, 0x12, data);
  chunk[position] = 0x12;
  return writeUtf8(chunk, writeVarint(chunk, position + 1, size), data, size);
}

/**
 * Writes a batch's header so that it ends where the operations begin; returns where it starts. `bytes` is the size of
 * the operations that follow.
 */
export function writeBatchHeader(chunk: Buffer, operationsStart: number, bytes: number, answeredBelow: number): number {
  const answeredSize = answeredBelow === 0 ? 0 : 1 + varintSize(answeredBelow);
  const length = answeredSize + bytes;
  const start = operationsStart - answeredSize - varintSize(length) - 1;
  chunk[start] = 0x1a;
  let at = writeVarint(chunk, start + 1, length);
  if (answeredBelow !== 0) {
    chunk[at++] = 0x08;
    at = writeVarint(chunk, at, answeredBelow);
  }
  return start;
}
