/** Two numbers of two sides that stand for the same. */
type Pair = readonly [left: bigint, right: bigint];

/**
 * Which zxids, sessions and times of one side are which of the other: found while comparing, kept ever after. Zxids
 * correspond one to one and in the same order; what is from before the run is one and the same "before".
 */
export class Correspondence {
  private readonly before: Pair;
  private readonly rightOf = new Map<bigint, bigint>();
  private readonly leftOf = new Map<bigint, bigint>();
  /** By left, and so by right. */
  private readonly ordered: Pair[] = [];
  private readonly sessions = new Map<bigint, bigint>([[0n, 0n]]);
  private readonly times: readonly [Map<bigint, bigint>, Map<bigint, bigint>] = [new Map(), new Map()];

  /** `before`: the zxids of both sides up to which everything is from before. */
  constructor(before: Pair) {
    this.before = before;
  }

  /** Why these cannot be the same zxid; undefined if they are from now on. */
  zxids(left: bigint, right: bigint): string | undefined {
    const [isOldLeft, isOldRight] = [left <= this.before[0], right <= this.before[1]];
    if (isOldLeft && isOldRight) return undefined;
    if (isOldLeft !== isOldRight) return "one is from before the run";
    const known = this.rightOf.get(left);
    if (known !== undefined) return known === right ? undefined : `the other side's was 0x${known.toString(16)}`;
    if (this.leftOf.has(right)) return "the right one was another of the left side's";
    const at = this.place(left);
    const [below, above] = [this.ordered[at - 1], this.ordered[at]];
    if (below !== undefined && below[1] > right) return "older than what is older on the other side";
    if (above !== undefined && above[1] < right) return "newer than what is newer on the other side";
    this.ordered.splice(at, 0, [left, right]);
    this.rightOf.set(left, right);
    this.leftOf.set(right, left);
    return undefined;
  }

  /** The n-th newest zxid known on both sides. */
  recent(n: number): Pair {
    return this.ordered[this.ordered.length - 1 - n] ?? this.before;
  }

  addSession(left: bigint, right: bigint): void {
    this.sessions.set(left, right);
  }

  isSameSession(left: bigint, right: bigint): boolean {
    return this.sessions.get(left) === right;
  }

  /** Whether this side has shown this time, and no other, for what happened at this zxid. */
  isTimeOf(side: 0 | 1, zxid: bigint, time: bigint): boolean {
    if (zxid <= this.before[side]) return true;
    const known = this.times[side].get(zxid);
    if (known === undefined) this.times[side].set(zxid, time);
    return known === undefined || known === time;
  }

  private place(left: bigint): number {
    let [low, high] = [0, this.ordered.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ordered[middle]![0] < left) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
