import { bytesEqual } from "../../src/core/base/bytes.ts";
import { counterOf, epochOf, formatZxid } from "../../src/core/base/zxid.ts";
import { demand } from "./violation.ts";

export interface LoggedBatch {
  readonly firstZxid: number;
  readonly lastZxid: number;
  readonly body: Uint8Array;
  /** Its leader's tree was wrong, so the digest in it may be. */
  readonly isByTainted?: boolean;
}

/** What a recovery found: complete from behind `baseZxid` on. */
export interface FoundJournal {
  readonly baseZxid: number;
  readonly lastZxid: number;
  readonly batches: Iterable<LoggedBatch>;
}

/**
 * The ground truth: the history in the journals, kept whole although segments are pruned, merged over all recoveries.
 *
 * Rules: a zxid means one command for ever; what anybody outside has seen is never missing again; what a recovery did
 * not find never comes back; there is no gap.
 */
export class JournalHistory {
  /** In force, oldest first: proposed or recovered, and not lost since. */
  readonly batches: LoggedBatch[] = [];
  /** Highest zxid whose effect somebody outside has seen. */
  revealed = 0;
  private readonly ever = new Map<number, LoggedBatch>();
  private readonly lost = new Set<number>();
  private readonly observesProposals: boolean;

  /** Without an observer of proposals (real processes) whatever a recovery finds behind the known end is believed. */
  constructor(observesProposals: boolean) {
    this.observesProposals = observesProposals;
  }

  get lastZxid(): number {
    return this.batches.at(-1)?.lastZxid ?? 0;
  }

  /** A leader wants this batch in the log. */
  proposed({ firstZxid, lastZxid, body }: LoggedBatch): void {
    const last = this.lastZxid;
    const follows = firstZxid === last + 1 || (counterOf(firstZxid) === 1 && epochOf(firstZxid) > epochOf(last));
    demand(follows, "no gap", () => `${formatZxid(firstZxid)} was proposed after ${formatZxid(last)}`);
    this.add({ firstZxid, lastZxid, body: body.slice() });
  }

  /** Somebody outside has seen what the state at this zxid is. */
  reveal(zxid: number): void {
    this.revealed = Math.max(this.revealed, zxid);
  }

  /**
   * A member starts with what its journal gave back; an ensemble of one commits all of it.
   *
   * @returns how many batches were lost: nobody has seen them
   */
  recovered({ baseZxid, lastZxid, batches }: FoundJournal): number {
    demand(
      lastZxid >= this.revealed,
      "nothing acknowledged is lost",
      () => `${formatZxid(this.revealed)} was seen, but the journal ends at ${formatZxid(lastZxid)}`,
    );
    let at = this.batches.findIndex((batch) => batch.lastZxid > baseZxid);
    if (at < 0) at = this.batches.length;
    for (const found of batches) {
      const known = this.batches[at++];
      if (known === undefined) this.adopt(found);
      else this.compare(known, found);
    }
    const end = this.batches[at - 1]?.lastZxid ?? 0;
    demand(
      end === lastZxid,
      "no gap",
      () => `the journal ends at ${formatZxid(lastZxid)}, its batches at ${formatZxid(end)}`,
    );
    const lost = this.batches.splice(at);
    for (const { firstZxid } of lost) this.lost.add(firstZxid);
    // Recovery has made it durable before anything rests on it.
    this.reveal(lastZxid);
    return lost.length;
  }

  private adopt({ firstZxid, lastZxid, body }: LoggedBatch): void {
    const came = this.lost.has(firstZxid) ? "was cut off by a recovery before" : "was never proposed";
    demand(!this.observesProposals, "nothing lost comes back", () => `${formatZxid(firstZxid)} ${came}`);
    this.add({ firstZxid, lastZxid, body: body.slice() });
  }

  private add(batch: LoggedBatch): void {
    const before = this.ever.get(batch.firstZxid);
    demand(
      before === undefined,
      "a zxid means one command",
      () => `${formatZxid(batch.firstZxid)} to ${formatZxid(batch.lastZxid)} was given out before`,
    );
    this.ever.set(batch.firstZxid, batch);
    this.batches.push(batch);
  }

  private compare(known: LoggedBatch, found: LoggedBatch): void {
    const same = known.firstZxid === found.firstZxid && bytesEqual(known.body, found.body);
    demand(same, "a zxid means one command", () => `the journal has another batch at ${formatZxid(found.firstZxid)}`);
  }
}
