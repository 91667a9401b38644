import { bytesEqual, FormatError } from "../base/bytes.ts";
import { epochOf, formatZxid, makeZxid } from "../base/zxid.ts";
import type { EpochStart } from "../zab/epoch-ends.ts";
import { decodeNotify, peerMessage, readerOf, zabState } from "../zab/peer-message.ts";
import type { HistoryBatch } from "../zab/zab-contract.ts";
import { wholeBatchRange } from "./batch-range.ts";
import { type LogOutline, type LogRemains, outlineLog, type UnknownStart, type ZxidSpan } from "./log-outline.ts";
import { memberMessage } from "./member-message.ts";
import { describeLack, describeMissing } from "./mend-lack.ts";
import { decodeMendAsk, decodeMendTell, encodeMendAsk, type MendAsk, type MendTell } from "./mend-message.ts";
import { MendSources, type Source } from "./mend-sources.ts";

/** A member that has not answered by then is passed over, ms. */
export const MEND_TIMEOUT_MS = 3_000;
/** When nobody has it, all are asked again after this, ms: one of them may have been mended itself. */
export const MEND_AGAIN_MS = 1_000;
/** A member that cannot go on says so this often, ms. */
export const MEND_NOTICE_MS = 5_000;
/**
 * With a leader, what nobody had for so long is given up, ms: a member that has just started looks through its older
 * segments first, and may have it then.
 */
export const MEND_PATIENCE_MS = 5_000;
/** The key of what nobody can answer; being asked all the same, they say whether there is a leader at least. */
const UNANSWERABLE = 0;

export interface MendOptions {
  readonly remains: LogRemains;
  /** A part of the journal is lost of which nobody can tell what it was: no answer can make it whole. */
  readonly isOpen?: boolean;
  /** As far as the damaged journal tells them. */
  readonly starts: readonly EpochStart[];
  /** The ids of all other members. */
  readonly others: readonly number[];
}

/** What the machine asks of the world. All return at once. */
export interface MendEffects {
  send(peer: number, frame: Uint8Array): void;
  disconnect(peer: number, why: string): void;
  /** The good batch of the damaged journal that holds this zxid. */
  own(zxid: number): HistoryBatch | undefined;
  /** Answers another member that mends its journal, from what is good in this one. */
  lend(peer: number, ask: MendAsk, starts: readonly EpochStart[]): void;
  /** What is missing is known: it follows in order. What came before, if that is said again, does not count. */
  begin(outline: LogOutline): void;
  /** A missing batch; its bytes are the machine's again when this returns. */
  take(batch: HistoryBatch): void;
  /** All that was missing was taken. */
  finish(): void;
  /** Nobody has what is missing, but there is a leader: it has all that is committed. */
  giveUp(leader: number): void;
  onNotice(level: "info" | "warn" | "error", message: string, details: object): void;
  /** Monotonic ms. */
  now(): number;
}

/** A question on its way; `key` names what is wanted: a zxid, or minus an epoch. */
interface Pending extends MendAsk {
  readonly key: number;
  readonly peer: number;
  readonly askedAt: number;
}

interface Gift {
  batches: number;
  bytes: number;
}

/**
 * Gets for a damaged journal what it lost from the other members, whoever has it, before this member takes part in
 * anything (core.md 28). A synchronous machine: events are methods, effects return at once.
 *
 * First it has to be known of what batches the log consisted: where it ended, the journal tells; where epochs begin,
 * the others do. A zxid names one batch for ever, so from then on whatever is missing may come from anybody, in pieces,
 * also from one whose own log went another way behind it. One question is on its way at a time.
 */
export class HoleMender {
  private readonly options: MendOptions;
  private readonly effects: MendEffects;
  private readonly sources = new MendSources();
  private readonly starts = new Map<number, number>();
  private readonly gifts = new Map<number, Gift>();
  /** undefined: there is none. */
  private outline: LogOutline | UnknownStart | undefined;
  private pending: Pending | undefined;
  private lastNumber = 0;
  /** Which of the missing spans is being filled, and up to where it is. */
  private index = 0;
  private position = 0;
  private isOver = false;
  /** Nobody had it, then; until they are asked again. */
  private stuckAt: number | undefined;
  /** What nobody had, and since when. */
  private stuckFor: number | undefined;
  private stuckSince = 0;
  private noticedAt: number;

  constructor(options: MendOptions, effects: MendEffects) {
    this.options = options;
    this.effects = effects;
    this.noticedAt = effects.now();
  }

  /** Call once, before any event. */
  begin(): void {
    this.forget();
    this.advance();
  }

  linkUp(peer: number, canAnswer: boolean): void {
    this.linkDown(peer);
    this.sources.up(peer, canAnswer);
    this.advance();
  }

  linkDown(peer: number): void {
    this.sources.down(peer);
    if (this.pending?.peer !== peer) return;
    this.pending = undefined;
    this.advance();
  }

  /** A message came; it is the caller's again when this returns. What is not about this goes unheard. */
  receive(peer: number, frame: Uint8Array): void {
    try {
      switch (frame[0]) {
        case peerMessage.NOTIFY: {
          const { state, isEstablished } = decodeNotify(readerOf(frame));
          const source = this.sources.at(peer);
          if (source !== undefined) source.leads = isEstablished && state === zabState.LEADING;
          this.advance();
          return;
        }
        case memberMessage.MEND_ASK:
          this.effects.lend(peer, decodeMendAsk(readerOf(frame)), this.options.starts);
          return;
        case memberMessage.MEND_TELL:
          this.onTell(peer, decodeMendTell(readerOf(frame)));
          return;
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.refuse(peer, `message of type ${frame[0]}: ${error.message}`);
    }
  }

  /** Regular, several times per second. */
  tick(): void {
    if (this.isOver) return;
    const now = this.effects.now();
    const { pending } = this;
    if (pending !== undefined && now - pending.askedAt >= MEND_TIMEOUT_MS) {
      this.pending = undefined;
      this.lacks(pending.peer, pending.key, true);
    }
    if (now - this.noticedAt >= MEND_NOTICE_MS) {
      this.noticedAt = now;
      this.tellMissing();
    }
    if (this.stuckAt !== undefined && now - this.stuckAt >= MEND_AGAIN_MS) {
      this.stuckAt = undefined;
      this.sources.askAgain();
    }
    this.advance();
  }

  // ---- Asking -----------------------------------------------------------------------------------------------------

  private advance(): void {
    if (this.isOver || this.pending !== undefined) return;
    const { key } = this;
    if (key === undefined) {
      this.isOver = true;
      this.tellGifts();
      this.effects.finish();
      return;
    }
    const source = this.sources.next(key);
    if (source === undefined) {
      this.stop(key);
      return;
    }
    const asked = this.askedRange(source, key);
    const number = ++this.lastNumber;
    this.pending = { ...asked, number, key, peer: source.id, askedAt: this.effects.now() };
    this.stuckAt = undefined;
    this.effects.send(source.id, encodeMendAsk(this.pending));
  }

  /** What is wanted next; undefined when nothing is missing any more. */
  private get key(): number | undefined {
    const { outline } = this;
    if (outline === undefined) return UNANSWERABLE;
    if ("epoch" in outline) return -outline.epoch;
    return this.span === undefined ? undefined : this.position + 1;
  }

  /** With what both sides hold before and behind it: that has to be the same there, byte for byte. */
  private askedRange(source: Source, key: number): Omit<MendAsk, "number"> {
    const { span, effects } = this;
    const { fromZxid } = this.options.remains;
    if (span === undefined) {
      const throughZxid = key === UNANSWERABLE ? fromZxid + 1 : makeZxid(-key, 1);
      return { afterZxid: fromZxid, throughZxid, wantsBatches: false };
    }
    const isFirst = key === span.firstZxid && source.joinedAt !== key;
    const before = isFirst ? effects.own(span.firstZxid - 1) : undefined;
    if (isFirst) source.joinedAt = key;
    const hasBehind = effects.own(span.lastZxid + 1) !== undefined;
    return {
      afterZxid: before === undefined ? this.position : before.firstZxid - 1,
      throughZxid: hasBehind ? span.lastZxid + 1 : span.lastZxid,
      wantsBatches: true,
    };
  }

  /** Nobody there is has it. */
  private stop(key: number): void {
    const { effects, sources } = this;
    if (this.stuckFor !== key) this.stuckSince = effects.now();
    this.stuckFor = key;
    const leader = sources.leaderWithout(key);
    const mayCome = key !== UNANSWERABLE && effects.now() - this.stuckSince < MEND_PATIENCE_MS;
    if (leader === undefined || mayCome) {
      this.stuckAt ??= effects.now();
      return;
    }
    this.isOver = true;
    const text = `${this.lackOf(key)}; the leader, member ${leader}, has all that is committed`;
    this.effects.onNotice("warn", text, { leader });
    this.effects.giveUp(leader);
  }

  private lacks(peer: number, key: number, isSilent: boolean): void {
    const source = this.sources.at(peer);
    if (source === undefined) return;
    source.lacks = key;
    source.isSilent = isSilent;
  }

  /** It cannot be believed: neither from now on nor in what it gave before. */
  private refuse(peer: number, why: string): void {
    this.sources.refuse(peer);
    if (this.pending?.peer === peer) this.pending = undefined;
    this.effects.disconnect(peer, why);
    if (this.isOver) return;
    this.forget();
    this.advance();
  }

  /** Begins again with what the own journal tells. */
  private forget(): void {
    this.starts.clear();
    for (const { epoch, afterZxid } of this.options.starts) this.starts.set(epoch, afterZxid);
    this.draw();
  }

  // ---- What is told -----------------------------------------------------------------------------------------------

  private onTell(peer: number, tell: MendTell): void {
    const { pending } = this;
    // A late answer: somebody else has been asked meanwhile.
    if (pending === undefined || pending.peer !== peer || pending.number !== tell.number) return;
    this.learn(tell.starts);
    const batches = tell.batches.map((body) => ({ ...wholeBatchRange(body), body }));
    const problem = this.problemOf(pending, batches);
    if (problem !== undefined) throw new FormatError(problem);
    this.pending = undefined;
    const { lastZxid } = batches.at(-1) ?? { lastZxid: 0 };
    const before = this.position;
    for (const batch of batches) this.fit(peer, batch);
    if (this.position !== before || this.key !== pending.key) this.sources.prefer(peer);
    // What both hold may have filled the answer alone: then it is asked for what comes behind that.
    else if (tell.isAll || lastZxid === 0 || lastZxid > this.position) this.lacks(peer, pending.key, false);
    this.advance();
  }

  private learn(starts: readonly EpochStart[]): void {
    const { fromZxid } = this.options.remains;
    for (const { epoch, afterZxid } of starts) {
      const known = this.starts.get(epoch);
      if (known !== undefined && known !== afterZxid) {
        const at = `${formatZxid(known)}, it says after ${formatZxid(afterZxid)}`;
        throw new FormatError(`epoch ${epoch} begins after ${at}`);
      }
      const isWithout = epoch > epochOf(fromZxid) && afterZxid < fromZxid;
      if (isWithout) throw new FormatError(`epoch ${epoch} begins before what the snapshot here has`);
      this.starts.set(epoch, afterZxid);
    }
    if (this.outline !== undefined && "epoch" in this.outline && this.starts.has(this.outline.epoch)) this.draw();
  }

  /** What shows that these are not what was asked for, or not of this ensemble's history. */
  private problemOf(asked: MendAsk, batches: readonly HistoryBatch[]): string | undefined {
    let last = asked.afterZxid;
    for (const [index, { firstZxid, lastZxid, body }] of batches.entries()) {
      // Only the first may begin before it.
      const ascends = index === 0 ? lastZxid > last : firstZxid > last;
      if (!ascends || firstZxid > asked.throughZxid) return "batches that were not asked for";
      last = lastZxid;
      const own = this.effects.own(firstZxid) ?? this.effects.own(lastZxid);
      if (own === undefined) continue;
      const isSame = own.firstZxid === firstZxid && own.lastZxid === lastZxid && bytesEqual(own.body, body);
      if (!isSame) return `its batch at ${formatZxid(firstZxid)} is not the one that is here`;
    }
    return undefined;
  }

  /** Takes the batch if it is the next one missing. */
  private fit(peer: number, batch: HistoryBatch): void {
    const span = this.span;
    if (span === undefined) return;
    const { firstZxid, lastZxid, body } = batch;
    const { fromZxid } = this.options.remains;
    // The one that the snapshot's zxid falls into is taken whole.
    const isNext = firstZxid === this.position + 1 || (this.position === fromZxid && firstZxid <= fromZxid);
    if (!isNext || lastZxid <= this.position || lastZxid > span.lastZxid) return;
    this.effects.take(batch);
    const gift = this.gifts.get(peer) ?? { batches: 0, bytes: 0 };
    this.gifts.set(peer, { batches: gift.batches + 1, bytes: gift.bytes + body.length });
    this.position = lastZxid;
    if (lastZxid === span.lastZxid) this.toSpan(this.index + 1);
  }

  private get span(): ZxidSpan | undefined {
    const { outline } = this;
    return outline === undefined || "epoch" in outline ? undefined : outline.missing[this.index];
  }

  /** Finds out what is missing, and begins with its first part. */
  private draw(): void {
    const { isOpen, remains } = this.options;
    this.outline = isOpen ? undefined : outlineLog(remains, this.starts);
    this.gifts.clear();
    if (this.outline === undefined || "epoch" in this.outline) return;
    this.toSpan(0);
    this.effects.begin(this.outline);
  }

  private toSpan(index: number): void {
    this.index = index;
    this.position = (this.span?.firstZxid ?? 0) - 1;
  }

  // ---- For people -------------------------------------------------------------------------------------------------

  private tellMissing(): void {
    const { key } = this;
    // With a leader it will not be waiting for long.
    if (key === undefined || this.stuckFor !== key || this.sources.leaderWithout(key) !== undefined) return;
    const advice = "start the members that are away, restore this one from a backup, or see `muster ensemble recover`";
    const details = { missing: this.missing, ...this.sources.answers(key), unreachable: this.unreachable };
    this.effects.onNotice("error", `this member waits: ${this.lackOf(key)}; ${advice}`, details);
  }

  private get unreachable(): readonly number[] {
    const { linked } = this.sources;
    return this.options.others.filter((id) => !linked.includes(id));
  }

  private lackOf(key: number): string {
    return describeLack(this.missing, this.sources.answers(key), this.unreachable);
  }

  private get missing(): string {
    const { outline, options, index, position } = this;
    if (options.isOpen) return "a whole file, nobody knows up to where";
    const spans = outline === undefined || "epoch" in outline ? [] : outline.missing.slice(index);
    return describeMissing(
      outline,
      spans.map((span, at) => (at === 0 ? { ...span, firstZxid: position + 1 } : span)),
    );
  }

  private tellGifts(): void {
    for (const [peer, { batches, bytes }] of this.gifts) {
      const text = `member ${peer} had ${batches} batches that the damaged journal lacked`;
      this.effects.onNotice("info", text, { peer, batches, bytes });
    }
  }
}
