import { assert } from "../base/assert.ts";
import { ByteReader, ByteWriter, FormatError } from "../base/bytes.ts";

/**
 * A batch: what arrived in one turn of the leader's loop, as one proposal and one journal record. A command's zxid is
 * its place in the batch (core.md 1). The header also carries the leader's digest at the last zxid it had applied, so
 * that replay and followers check themselves against it at equal zxid.
 */
export const BATCH_FORMAT = 1;
/** The newest behaviour of `apply` this program knows (core.md 5). */
export const FEATURE_LEVEL = 2;
/** The behaviour every tree begins with; a command raises it once all members know more (core.md 5). */
export const FIRST_FEATURE_LEVEL = 1;
/** Below its level a command is answered UNSUPPORTED; commands not named here came with the first. */
export const featureLevelOf = { RECONFIGURE: 2 } as const;
export const BATCH_HEADER_BYTES = 48;

/** Behaviour newer than this program's, in a batch or in a command that raises it: nothing of it may be applied. */
export class FeatureLevelError extends FormatError {
  constructor(level: number) {
    super(`feature level ${level} is newer than this program's ${FEATURE_LEVEL}`);
  }
}

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
}

/** Collects commands behind room for the header; closed by {@link BatchWriter.close}. */
export class BatchWriter {
  readonly writer = new ByteWriter(64 * 1024);
  count = 0;
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

  /** Drops the command just ended. */
  cancel(): void {
    this.writer.length = this.commandStart;
    this.count--;
  }

  /** Writes the header; the whole batch is then `writer.view()`. */
  close(header: BatchHeader): Uint8Array {
    assert(this.count === header.count && this.count > 0, "batch count");
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
    this.writer.u53(0);
    assert(this.writer.length === BATCH_HEADER_BYTES, "batch header size");
    this.writer.length = end;
    return this.writer.view();
  }
}

/** Reads a batch: the header at once, then the commands one by one. */
export class BatchReader {
  readonly header: BatchHeader = {
    firstZxid: 0,
    count: 0,
    time: 0,
    featureLevel: 0,
    digestZxid: 0,
    digest0: 0,
    digest1: 0,
  };
  private readonly reader = new ByteReader(new Uint8Array(0));
  private readonly command = new ByteReader(new Uint8Array(0));

  open(bytes: Uint8Array): BatchHeader {
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
    if (reader.u53() !== 0) throw new FormatError("reserved bytes of the batch header are not zero");
    if (header.count === 0) throw new FormatError("empty batch");
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
