/** A TRUNCATE or SNAPSHOT record: what stands before this place and above {@link above} is void. */
export interface Voiding {
  /** Number of the segment, and where the record begins in it. */
  readonly segment: number;
  readonly offset: number;
  /** Highest zxid it leaves standing; -1 for a SNAPSHOT, which leaves nothing. */
  readonly above: number;
  /** Where the journal goes on after it. */
  readonly lastZxid: number;
}

/** True when the voiding stands before that place. */
export function isBefore(voiding: Voiding | undefined, segment: number, offset: number): boolean {
  if (voiding === undefined) return false;
  return voiding.segment < segment || (voiding.segment === segment && voiding.offset < offset);
}

/** For each index, the lowest zxid any voiding from there on leaves standing. */
export function lowestVoidingFrom(voidings: readonly Voiding[]): number[] {
  const limits = [Number.POSITIVE_INFINITY];
  for (const { above } of voidings.toReversed()) limits.unshift(Math.min(above, limits[0] as number));
  return limits;
}

/**
 * From where on the history in force is complete, when reading begins in a segment with this base and then meets these
 * voidings: an installed snapshot sets it; a truncation below the base lowers it, since all that is in force above
 * that zxid stands behind the truncation.
 */
export function baseAfter(segmentBase: number, voidings: readonly Voiding[]): number {
  let base = segmentBase;
  for (const { above, lastZxid } of voidings) base = above < 0 ? lastZxid : Math.min(base, lastZxid);
  return base;
}
