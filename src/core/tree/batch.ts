import { assert } from "../base/assert.ts";
import { ByteReader, ByteWriter, FormatError } from "../base/bytes.ts";
import { commandType } from "./command.ts";

/**
 * A batch: what arrived in one turn of the leader's loop, as one proposal and one journal record. A command's zxid is
 * its place in the batch (core.md 1). The header also carries the leader's digest at the last zxid it had applied, so
 * that replay and followers check themselves against it at equal zxid.
 */
export const BATCH_FORMAT = 1;
export const BATCH_HEADER_BYTES = 48;
/** Where the first command's type stands, after its size. */
const FIRST_TYPE_AT = BATCH_HEADER_BYTES + 4;

/** Bits of the header that say what the batch holds, for those who do not decode it. */
export const batchFlag = {
  /** Exactly one command, and that is a RECONFIGURE. In any other batch `apply` refuses one. */
  RECONFIGURE: 1,
} as const;

export interface BatchHeader {
  /** zxid of the first command; the others follow one by one. */
  firstZxid: number;
  count: number;
  /** Leader time, ms since 1970, never falling. */
  time: number;
  featureLevel: number;
  /** Last zxid the leader had applied when it closed the batch, and its digest there. */
  digestZxid: number;
  digest0: number;
  digest1: number;
  /** Of {@link batchFlag}; 0 unless given. */
  flags?: number;
}

/** Collects commands behind room for the header; closed by {@link BatchWriter.close}. */
export class BatchWriter {
  readonly writer = new ByteWriter(64 * 1024);
  count = 0;
  /** Of `batchFlag`, for whoever closes the batch. */
  flags = 0;
  private commandStart = 0;

  constructor() {
    this.reset();
  }

  get bytes(): number {
    return this.writer.length;
  }

  reset(): void {
    this.writer.reset();
    this.writer.ensure(BATCH_HEADER_BYTES);
    this.writer.length = BATCH_HEADER_BYTES;
    this.count = 0;
    this.flags = 0;
  }

  /** Begins a command; the caller encodes it into `writer`, then calls {@link end}. */
  begin(): ByteWriter {
    this.commandStart = this.writer.length;
    this.writer.u32(0);
    return this.writer;
  }

  /** Bytes of the command just encoded. */
  end(): number {
    const size = this.writer.length - this.commandStart - 4;
    this.writer.putU32(this.commandStart, size);
    this.count++;
    return size;
  }

  /** Takes in commands encoded elsewhere, each with its length before it. */
  append(commands: Uint8Array, count: number): void {
    this.writer.raw(commands);
    this.count += count;
  }

  /** Takes commands out again: those that stand from `start` to `end`. */
  remove(start: number, end: number, count: number): void {
    this.writer.bytes.copyWithin(start, end, this.writer.length);
    this.writer.length -= end - start;
    this.count -= count;
  }

  /** Drops the command just ended. */
  cancel(): void {
    this.writer.length = this.commandStart;
    this.count--;
  }

  /** Writes the header; the whole batch is then `writer.view()`. */
  close(header: BatchHeader): Uint8Array {
    const { flags = 0 } = header;
    assert(this.count === header.count && this.count > 0, "batch count");
    const isReconfigure = flags === batchFlag.RECONFIGURE && this.count === 1 && this.beginsWithReconfigure();
    assert(flags === 0 || isReconfigure, "batch flags");
    const end = this.writer.length;
    this.writer.length = 0;
    this.writer.u16(BATCH_FORMAT);
    this.writer.u16(header.featureLevel);
    this.writer.u32(header.count);
    this.writer.u53(header.firstZxid);
    this.writer.u53(header.time);
    this.writer.u53(header.digestZxid);
    this.writer.u32(header.digest0);
    this.writer.u32(header.digest1);
    this.writer.u53(flags);
    assert(this.writer.length === BATCH_HEADER_BYTES, "batch header size");
    this.writer.length = end;
    return this.writer.view();
  }

  private beginsWithReconfigure(): boolean {
    return this.writer.bytes[FIRST_TYPE_AT] === commandType.RECONFIGURE && this.writer.length > FIRST_TYPE_AT;
  }
}

/** Reads a batch: the header at once, then the commands one by one. */
export class BatchReader {
  readonly header: Required<BatchHeader> = {
    firstZxid: 0,
    count: 0,
    time: 0,
    featureLevel: 0,
    digestZxid: 0,
    digest0: 0,
    digest1: 0,
    flags: 0,
  };
  private readonly reader = new ByteReader(new Uint8Array(0));
  private readonly command = new ByteReader(new Uint8Array(0));

  open(bytes: Uint8Array): Required<BatchHeader> {
    const reader = this.reader.reset(bytes);
    const format = reader.u16();
    if (format !== BATCH_FORMAT) throw new FormatError(`batch format ${format} is not known to this program`);
    const header = this.header;
    header.featureLevel = reader.u16();
    header.count = reader.u32();
    header.firstZxid = reader.u53();
    header.time = reader.u53();
    header.digestZxid = reader.u53();
    header.digest0 = reader.u32();
    header.digest1 = reader.u32();
    header.flags = reader.u53();
    if (header.flags > batchFlag.RECONFIGURE) throw new FormatError(`unknown batch flags ${header.flags}`);
    if (header.count === 0) throw new FormatError("empty batch");
    if (header.flags === batchFlag.RECONFIGURE) {
      if (header.count !== 1) throw new FormatError("a reconfiguration that shares its batch");
      if (bytes[FIRST_TYPE_AT] !== commandType.RECONFIGURE) throw new FormatError("a batch flagged for what it is not");
    }
    return header;
  }

  /** A reader over the next command, reused by the next call. */
  next(): ByteReader {
    const size = this.reader.u32();
    const start = this.reader.skip(size);
    return this.command.reset(this.reader.bytes, start, start + size);
  }

  get remaining(): number {
    return this.reader.remaining;
  }
}
