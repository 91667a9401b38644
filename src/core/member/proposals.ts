import type { ByteWriter } from "../base/bytes.ts";
import { errors } from "../base/errors.ts";
import { BATCH_BYTES_TARGET, BATCH_COMMANDS_MAX, COMMAND_BYTES_MAX } from "../base/limits.ts";
import { type BatchHeader, BatchWriter } from "../tree/batch.ts";
import type { Zab } from "../zab/zab.ts";

/** Batches kept for reuse, and the largest worth keeping, bytes. */
const SPARES_MAX = 4;
const SPARE_BYTES_MAX = 2 * BATCH_BYTES_TARGET;

/** A batch on its way from proposal to apply. */
export interface InFlight {
  readonly batch: BatchWriter;
  readonly lastZxid: number;
  /** Monotonic ms. */
  readonly proposedAt: number;
}

export interface ProposalEffects {
  hasRoom(bytes: number): boolean;
  requestTurnEnd(): void;
  now(): number;
}

/**
 * From commands to proposals: what is encoded in one turn is one batch, closed at the turn's end or when it is full. A
 * batch the journal has no room for waits, in order; nothing that was taken is lost.
 */
export class Proposals {
  /** Proposed, not yet wholly applied; the first is being applied. */
  readonly inFlight: InFlight[] = [];
  /** Bytes of commands taken and not yet applied. */
  outstandingBytes = 0;
  /** Their number. */
  outstandingCommands = 0;
  private readonly zab: Zab;
  private readonly effects: ProposalEffects;
  private readonly stamp: (now: number) => Omit<BatchHeader, "firstZxid" | "count">;
  private open = new BatchWriter();
  private readonly full: BatchWriter[] = [];
  private readonly spares: BatchWriter[] = [];

  /** `stamp` gives the header of a batch closed now, but for its zxid and count. */
  constructor(zab: Zab, effects: ProposalEffects, stamp: Proposals["stamp"]) {
    this.zab = zab;
    this.effects = effects;
    this.stamp = stamp;
  }

  /** Nothing waits to be proposed. */
  get isSettled(): boolean {
    return this.open.count === 0 && this.full.length === 0;
  }

  get isIdle(): boolean {
    return this.inFlight.length === 0 && this.isSettled;
  }

  /** Where the command begun last is being encoded. */
  get writer(): ByteWriter {
    return this.open.writer;
  }

  /** Begins a command: encode it into the writer, then call {@link end}. */
  begin(): ByteWriter {
    return this.open.begin();
  }

  /** Takes the command just encoded; its size in bytes, or minus an error's code. */
  end(): number {
    const { open } = this;
    const size = open.end();
    if (size > COMMAND_BYTES_MAX) {
      open.cancel();
      return -errors.MESSAGE_TOO_LARGE.code;
    }
    this.outstandingBytes += size;
    this.outstandingCommands++;
    if (open.bytes >= BATCH_BYTES_TARGET || open.count >= BATCH_COMMANDS_MAX) {
      this.full.push(open);
      this.open = this.takeSpare();
      this.proposeFull();
    }
    this.effects.requestTurnEnd();
    return size;
  }

  /** Proposes everything taken so far, as far as the journal has room and zab takes proposals. */
  proposeAll(): void {
    if (!this.proposeFull() || this.open.count === 0) return;
    if (this.propose(this.open)) this.open = this.takeSpare();
  }

  /** A command of this size has been applied. */
  applied(size: number): void {
    this.outstandingBytes -= size;
    this.outstandingCommands--;
  }

  /** The first batch in flight has been applied. */
  finishFirst(): void {
    const { batch } = this.inFlight.shift() as InFlight;
    batch.reset();
    const worthKeeping = batch.writer.bytes.length <= SPARE_BYTES_MAX;
    if (worthKeeping && this.spares.length < SPARES_MAX) this.spares.push(batch);
  }

  private proposeFull(): boolean {
    while (this.full.length > 0) {
      if (!this.propose(this.full[0] as BatchWriter)) return false;
      this.full.shift();
    }
    return true;
  }

  private propose(batch: BatchWriter): boolean {
    if (!this.effects.hasRoom(batch.bytes)) return false;
    const firstZxid = this.zab.nextZxid(batch.count);
    if (firstZxid === 0) return false;
    const now = this.effects.now();
    const body = batch.close({ ...this.stamp(now), firstZxid, count: batch.count });
    this.inFlight.push({ batch, lastZxid: firstZxid + batch.count - 1, proposedAt: now });
    this.zab.propose(body, firstZxid, batch.count);
    return true;
  }

  private takeSpare(): BatchWriter {
    return this.spares.pop() ?? new BatchWriter();
  }
}
