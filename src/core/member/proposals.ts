import type { ByteWriter } from "../base/bytes.ts";
import { BATCH_BYTES_TARGET, BATCH_COMMANDS_MAX } from "../base/limits.ts";
import { SizeStatistics } from "../base/size-statistics.ts";
import { type BatchHeader, BatchWriter } from "../tree/batch.ts";
import type { Zab } from "../zab/zab.ts";
import type { Chunk } from "./submissions.ts";

/** Batches kept for reuse, and the largest worth keeping, bytes. */
const SPARES_MAX = 4;
const SPARE_BYTES_MAX = 2 * BATCH_BYTES_TARGET;

/** Where a follower's commands stand in a batch. */
interface Part {
  readonly batch: BatchWriter;
  readonly peer: number;
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

export interface ProposalEffects {
  hasRoom(bytes: number): boolean;
  now(): number;
}

/**
 * The leader's way from commands to proposals: what came in one turn, from its own clients, its followers and its
 * duties, is one batch, closed at the turn's end or when it is full. A batch the journal has no room for waits, in
 * order; nothing that was taken is lost while this member leads.
 */
export class Proposals {
  readonly sizes = new SizeStatistics();
  private readonly zab: Zab;
  private readonly effects: ProposalEffects;
  private readonly stamp: (now: number) => Omit<BatchHeader, "firstZxid" | "count">;
  private open = new BatchWriter();
  private full: BatchWriter[] = [];
  private readonly spares: BatchWriter[] = [];
  /** What followers sent and is not proposed yet, in order. */
  private parts: Part[] = [];

  /** `stamp` gives the header of a batch closed now, but for its zxid, count and flags. */
  constructor(zab: Zab, effects: ProposalEffects, stamp: Proposals["stamp"]) {
    this.zab = zab;
    this.effects = effects;
    this.stamp = stamp;
  }

  /** Nothing waits to be proposed. */
  get isSettled(): boolean {
    return this.open.count === 0 && this.full.length === 0;
  }

  /** Begins a command of the leader's own duties: encode it into the writer, then call {@link end}. */
  begin(): ByteWriter {
    this.makeRoom();
    return this.open.begin();
  }

  end(): void {
    this.open.end();
  }

  /** Takes commands over, a follower's or, for 0, this member's own; the bytes are copied. */
  add({ commands, count }: Chunk, peer = 0): void {
    this.makeRoom();
    const { open } = this;
    const start = open.bytes;
    open.append(commands, count);
    if (peer !== 0) this.parts.push({ batch: open, peer, start, end: open.bytes, count });
  }

  /** A follower has lost this leader, and sends again what is not applied: what is not even proposed would be twice. */
  forget(peer: number): void {
    for (const part of this.parts.filter((each) => each.peer === peer).reverse()) {
      const { batch, start, end, count } = part;
      batch.remove(start, end, count);
      const size = end - start;
      const moved = (other: Part): Part => ({ ...other, start: other.start - size, end: other.end - size });
      const rest = this.parts.filter((each) => each !== part);
      this.parts = rest.map((each) => (each.batch === batch && each.start >= end ? moved(each) : each));
    }
    this.full = this.full.filter(({ count }) => count > 0);
  }

  /** One command that has to be a batch of its own, with these flags. */
  addAlone(flags: number, write: (writer: ByteWriter) => void): void {
    this.closeOpen();
    write(this.open.begin());
    this.open.end();
    this.open.flags = flags;
    this.closeOpen();
  }

  /** Proposes everything taken so far, as far as the journal has room and zab takes proposals. */
  proposeAll(): void {
    while (this.full.length > 0) {
      if (!this.propose(this.full[0] as BatchWriter)) return;
      this.full.shift();
    }
    if (this.open.count > 0) this.propose(this.open);
  }

  /** This member does not lead any more: whoever asked for what has not been proposed asks again. */
  clear(): void {
    this.parts = [];
    this.full = [];
    this.open.reset();
  }

  private makeRoom(): void {
    if (this.open.bytes >= BATCH_BYTES_TARGET || this.open.count >= BATCH_COMMANDS_MAX) this.closeOpen();
  }

  private closeOpen(): void {
    if (this.open.count === 0) return;
    this.full.push(this.open);
    this.open = this.spares.pop() ?? new BatchWriter();
  }

  private propose(batch: BatchWriter): boolean {
    if (!this.effects.hasRoom(batch.bytes)) return false;
    const firstZxid = this.zab.nextZxid(batch.count);
    if (firstZxid === 0) return false;
    this.sizes.record(batch.bytes);
    this.zab.propose(
      batch.close({ ...this.stamp(this.effects.now()), firstZxid, count: batch.count, flags: batch.flags }),
    );
    if (this.parts.length > 0) this.parts = this.parts.filter((part) => part.batch !== batch);
    batch.reset();
    const isSpare = batch !== this.open && this.spares.length < SPARES_MAX;
    if (isSpare && batch.writer.bytes.length <= SPARE_BYTES_MAX) this.spares.push(batch);
    return true;
  }
}
