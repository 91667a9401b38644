import { assert } from "../base/assert.ts";
import { COUNTER_MAX, counterOf, EPOCH_MAX, epochOf, makeZxid } from "../base/zxid.ts";
import { type EnsembleConfiguration, encodeConfiguration } from "./ensemble-configuration.ts";
import { encodeEpoch, encodePromise } from "./epoch-record.ts";
import { type JournalRecord, type RecordType, recordType } from "./journal-record.ts";
import { Quorum } from "./quorum.ts";

/** What the journal brought back at start. */
export interface RecoveredZab {
  /** Highest epoch promised to anyone, 0 if none. */
  readonly acceptedEpoch: number;
  /** Epoch whose data this member has, 0 if none. */
  readonly currentEpoch: number;
  readonly lastZxid: number;
  readonly configuration: EnsembleConfiguration | undefined;
}

export interface ZabEffects {
  /** Queues a journal record; `durable(sequence)` follows when it and everything before it is fsynced. */
  append(record: JournalRecord): number;
  /** This member leads `epoch`, its initial history is committed: proposals may begin. */
  established(epoch: number): void;
}

type Phase = "looking" | "discovery" | "synchronization" | "broadcast";

export interface ZabOptions {
  readonly memberId: number;
  /** The configuration an empty journal begins with. */
  readonly bootstrap: EnsembleConfiguration;
  /** An epoch ends when its counter comes this near to its end; a test sets it low. Default: one batch below 2^32. */
  readonly counterMax?: number;
}

/**
 * Atomic broadcast among the voters of the configuration, of which there is one in this version: the phases, their
 * journal records and their order on disk are Zab's (DSN'11, figures 3 to 5), and every decision asks {@link Quorum}.
 *
 * Invariants: the promise is on disk before the epoch's data, the data before the epoch record, the epoch record before
 * the first proposal; a zxid is committed once a quorum has it on disk; zxids of an epoch have no gap.
 */
export class Zab {
  readonly configuration: EnsembleConfiguration;
  private readonly options: ZabOptions;
  private readonly effects: ZabEffects;
  private readonly quorum: Quorum;
  private readonly counterMax: number;
  private phase: Phase = "looking";
  private acceptedEpoch: number;
  private epochNow: number;
  private lastProposed: number;
  private committed: number;
  /** The sequence of the record the phase waits for. */
  private awaited = 0;
  private readonly needsConfiguration: boolean;
  /** Proposals not yet on a quorum's disks, by sequence, oldest first. */
  private readonly outstanding: { sequence: number; lastZxid: number }[] = [];

  constructor(options: ZabOptions, recovered: RecoveredZab, effects: ZabEffects) {
    this.options = options;
    this.effects = effects;
    this.configuration = recovered.configuration ?? options.bootstrap;
    this.needsConfiguration = recovered.configuration === undefined;
    this.quorum = new Quorum(this.configuration);
    this.counterMax = options.counterMax ?? COUNTER_MAX - 65_536;
    this.acceptedEpoch = recovered.acceptedEpoch;
    this.epochNow = recovered.currentEpoch;
    this.lastProposed = recovered.lastZxid;
    this.committed = 0;
    assert(recovered.acceptedEpoch >= recovered.currentEpoch, "the accepted epoch is at least the current one");
    assert(recovered.currentEpoch >= epochOf(recovered.lastZxid), "the current epoch is at least the last zxid's");
  }

  get epoch(): number {
    return this.epochNow;
  }

  /** Leads, and takes proposals. */
  get isEstablished(): boolean {
    return this.phase === "broadcast";
  }

  /** Everything up to here is on a quorum's disks and may be applied. */
  get commitZxid(): number {
    return this.committed;
  }

  get lastZxid(): number {
    return this.lastProposed;
  }

  /** Looks for a leader; the only voter finds itself. */
  start(): void {
    assert(this.phase === "looking", "zab starts once");
    assert(this.quorum.has([this.options.memberId]), "this version leads ensembles of one voter only");
    if (this.needsConfiguration) {
      this.append(recordType.CONFIGURATION, encodeConfiguration(this.configuration));
    }
    this.discover();
  }

  /** The zxid the next proposal's first command gets, or 0 while there can be none. */
  nextZxid(count: number): number {
    if (this.phase !== "broadcast") return 0;
    const last = epochOf(this.lastProposed) === this.epochNow ? counterOf(this.lastProposed) : 0;
    if (last + count > this.counterMax) {
      // The counter is used up: a new epoch under the same leader, without an election.
      this.discover();
      return 0;
    }
    return makeZxid(this.epochNow, last + 1);
  }

  /** Proposes a batch that begins at `nextZxid(count)`. */
  propose(body: Uint8Array, firstZxid: number, count: number): void {
    assert(this.phase === "broadcast", "only an established leader proposes");
    const lastZxid = firstZxid + count - 1;
    const sequence = this.effects.append({ type: recordType.BATCH, firstZxid, lastZxid, body });
    this.lastProposed = lastZxid;
    this.outstanding.push({ sequence, lastZxid });
  }

  /** Every record up to `sequence` is fsynced here; returns true when the commit point moved. */
  durable(sequence: number): boolean {
    if (this.awaited !== 0 && sequence >= this.awaited) this.advance();
    const before = this.committed;
    while (this.outstanding.length > 0) {
      const oldest = this.outstanding[0] as { sequence: number; lastZxid: number };
      if (oldest.sequence > sequence || !this.quorum.has([this.options.memberId])) break;
      this.outstanding.shift();
      this.committed = oldest.lastZxid;
    }
    return this.committed !== before;
  }

  /**
   * A read barrier (core.md 16): the zxid a linearizable read that arrives now must wait for, or undefined when
   * leadership cannot be confirmed. The only voter's own word is a quorum round.
   */
  barrier(): number | undefined {
    return this.phase === "broadcast" ? this.committed : undefined;
  }

  private discover(): void {
    assert(this.acceptedEpoch < EPOCH_MAX, "out of epochs");
    this.phase = "discovery";
    this.acceptedEpoch++;
    const promise = { epoch: this.acceptedEpoch, leaderId: this.options.memberId };
    this.awaited = this.append(recordType.PROMISE, encodePromise(promise));
  }

  private advance(): void {
    this.awaited = 0;
    if (this.phase === "discovery") {
      // The only voter's history is the initial history: nothing to synchronise, so the epoch record may follow.
      this.phase = "synchronization";
      this.awaited = this.append(recordType.EPOCH, encodeEpoch(this.acceptedEpoch));
      return;
    }
    assert(this.phase === "synchronization", "no other phase waits for the journal");
    this.phase = "broadcast";
    this.epochNow = this.acceptedEpoch;
    this.committed = this.lastProposed;
    this.effects.established(this.epochNow);
  }

  private append(type: RecordType, body: Uint8Array): number {
    return this.effects.append({ type, firstZxid: this.lastProposed, lastZxid: this.lastProposed, body });
  }
}
