import { assert } from "../base/assert.ts";
import { epochOf, makeZxid } from "../base/zxid.ts";

/** zxids from the first to the last, all of one epoch. */
export interface ZxidSpan {
  readonly firstZxid: number;
  readonly lastZxid: number;
}

/** What is left of a log. */
export interface LogRemains {
  /** Everything up to here is there otherwise: in a snapshot. */
  readonly fromZxid: number;
  /** Where the log ended. */
  readonly lastZxid: number;
  /** Its good batches above `fromZxid`, ascending; some may have been voided by a truncation that is lost. */
  readonly spans: readonly ZxidSpan[];
}

/** Of what batches a log consisted. */
export interface LogOutline {
  /** What is not there of it, ascending; each begins and ends with a batch. */
  readonly missing: readonly ZxidSpan[];
  /** What is there and was voided. */
  readonly voided: readonly ZxidSpan[];
}

/** The start of an epoch that is not known yet, and has to be. */
export interface UnknownStart {
  readonly epoch: number;
}

/**
 * Tells of what batches a log consisted, from where it ended and where epochs begin. A log that holds a batch of an
 * epoch holds that epoch from its start on without a gap, and before it what its first leader had: so it goes down from
 * the end, epoch by epoch, whatever truncations there were meanwhile.
 *
 * @param starts by epoch, the last zxid before it
 * @returns undefined when that contradicts the snapshot, which nothing can be true of
 */
export function outlineLog(
  { fromZxid, lastZxid, spans }: LogRemains,
  starts: ReadonlyMap<number, number>,
): LogOutline | UnknownStart | undefined {
  /** Whole parts of epochs, the last one first: above `after`, up to `through`. */
  const parts: { after: number; through: number }[] = [];
  for (let through = lastZxid; through > fromZxid; ) {
    const epoch = epochOf(through);
    const isLowest = epoch === epochOf(fromZxid);
    const after = isLowest ? fromZxid : makeZxid(epoch, 0);
    // Where only the beginning of the epoch is known of, none of it is.
    if (through > after) parts.push({ after, through });
    if (isLowest) break;
    const before = starts.get(epoch);
    if (before === undefined) return { epoch };
    if (before < fromZxid) return undefined;
    through = before;
  }
  return fill(parts.reverse(), spans, fromZxid);
}

function fill(
  parts: readonly { after: number; through: number }[],
  spans: readonly ZxidSpan[],
  fromZxid: number,
): LogOutline {
  const missing: ZxidSpan[] = [];
  const voided: ZxidSpan[] = [];
  let at = 0;
  let latest = 0;
  for (const { after, through } of parts) {
    let last = after;
    for (let span = spans[at]; span !== undefined && span.lastZxid <= through; span = spans[++at]) {
      assert(span.lastZxid > latest, "what is left of a log ascends");
      latest = span.lastZxid;
      // A batch that the snapshot's zxid falls into counts from there on.
      const first = span.firstZxid <= fromZxid ? fromZxid + 1 : span.firstZxid;
      if (first <= last) {
        voided.push(span);
        continue;
      }
      if (first > last + 1) missing.push({ firstZxid: last + 1, lastZxid: first - 1 });
      last = span.lastZxid;
    }
    if (last < through) missing.push({ firstZxid: last + 1, lastZxid: through });
  }
  return { missing, voided: [...voided, ...spans.slice(at)] };
}
