import { LatencyHistogram, type Percentiles } from "./latency-histogram.ts";

const FIRST_CAPACITY = 1 << 16;
/** Windows are looked at this often, ms: a dip must not hide between two of them. */
const WINDOW_STEP_MS = 50;

/** A stretch without an answer. */
export interface Silence {
  readonly ms: number;
  /** The moment of the answer that ended it; where none did, the end of what was looked at. */
  readonly endedAt: number;
}

/** Every answer of a load in the order they came: when, to whom, and how long its request had waited. */
export class AnswerSeries {
  private size = 0;
  private at = new Float64Array(FIRST_CAPACITY);
  private due = new Float64Array(FIRST_CAPACITY);
  private client = new Uint16Array(FIRST_CAPACITY);
  private epoch = new Uint32Array(FIRST_CAPACITY);

  /**
   * @param due when its request was due, which is no later than when it was sent
   * @param epoch of the leader that committed it; 0 where the answer does not say
   */
  add(at: number, due: number, client: number, epoch: number): void {
    if (this.size === this.at.length) this.grow();
    this.at[this.size] = at;
    this.due[this.size] = due;
    this.client[this.size] = client;
    this.epoch[this.size] = epoch;
    this.size++;
  }

  count(from: number, to: number): number {
    return this.indexAt(to) - this.indexAt(from);
  }

  /** The longest stretch without an answer between two moments, of one client's answers or of all. */
  longestSilence(from: number, to: number, client?: number): Silence {
    let longest: Silence = { ms: 0, endedAt: from };
    let last = from;
    const see = (at: number): void => {
      if (at - last > longest.ms) longest = { ms: at - last, endedAt: at };
      last = at;
    };
    const end = this.indexAt(to);
    for (let i = this.indexAt(from); i < end; i++) {
      if (client === undefined || this.client[i] === client) see(this.at[i] as number);
    }
    see(to);
    return longest;
  }

  /** When the first write that a later leader committed was answered; undefined while there is none. */
  firstOfLaterEpoch(epoch: number, from: number): number | undefined {
    for (let i = this.indexAt(from); i < this.size; i++) if ((this.epoch[i] as number) > epoch) return this.at[i];
    return undefined;
  }

  /** Answers in the poorest of all stretches of a second between two moments. */
  poorestSecond(from: number, to: number): number {
    let poorest = Number.POSITIVE_INFINITY;
    for (let begin = from; begin + 1000 <= to; begin += WINDOW_STEP_MS) {
      poorest = Math.min(poorest, this.count(begin, begin + 1000));
    }
    return poorest;
  }

  /** How long the requests due between two moments waited for their answers; those without an answer are left out. */
  waits(from: number, to: number): Percentiles {
    const histogram = new LatencyHistogram();
    // An answer never comes before its request was due.
    for (let i = this.indexAt(from); i < this.size; i++) {
      const due = this.due[i] as number;
      if (due >= from && due < to) histogram.record((this.at[i] as number) - due);
    }
    return histogram.percentiles();
  }

  /** The first answer at or after a moment. */
  private indexAt(moment: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.at[middle] as number) < moment) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private grow(): void {
    const capacity = this.size * 2;
    this.at = copied(this.at, new Float64Array(capacity));
    this.due = copied(this.due, new Float64Array(capacity));
    this.client = copied(this.client, new Uint16Array(capacity));
    this.epoch = copied(this.epoch, new Uint32Array(capacity));
  }
}

function copied<T extends Float64Array | Uint16Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
