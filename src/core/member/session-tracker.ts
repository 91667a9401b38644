import { assert } from "../base/assert.ts";

/** Deadlines are looked at in steps of this many ms; an expiry is late by three of them, or three ticks, at most. */
const STEP_MS = 100;
/** A tick later than this was a pause of the loop, during which no client could be heard. */
const PAUSE_MS = 250;
/** Expiries proposed per step at most, so that many at once do not crowd out other work. */
export const EXPIRIES_PER_STEP_MAX = 200;

interface Tracked {
  readonly id: number;
  readonly timeoutMs: number;
  deadline: number;
  /** Overdue at the tick before: expires if nothing has been heard since. */
  suspect: boolean;
  /** Heard since the last tick. */
  isTouched: boolean;
  /** Overdue twice: expires if a quorum confirms the leader and nothing has been heard until then. */
  isDue: boolean;
  /** Its end has been decided: a request heard now comes too late. */
  isExpiring: boolean;
}

/**
 * The leader's clock over sessions (core.md 11): monotonic time without the pauses of its own loop. A touch only moves
 * a deadline; sessions lie in buckets by the step they fall due and are looked at then. What is overdue is looked at
 * once more a step later, after the sockets have been polled, before it expires.
 */
export class SessionTracker {
  private readonly sessions = new Map<number, Tracked>();
  private buckets = new Map<number, Tracked[]>();
  /** Session time: monotonic time less all pauses. */
  private time = 0;
  private lastTick: number | undefined;
  private step = 0;
  /** To be looked at again at the next tick: overdue for the first time, or beyond what one tick may propose. */
  private again: Tracked[] = [];
  private touched: Tracked[] = [];

  get size(): number {
    return this.sessions.size;
  }

  add(id: number, timeoutMs: number): void {
    const deadline = this.time + timeoutMs;
    const tracked: Tracked = {
      id,
      timeoutMs,
      deadline,
      suspect: false,
      isTouched: true,
      isDue: false,
      isExpiring: false,
    };
    this.sessions.set(id, tracked);
    this.touched.push(tracked);
    this.place(tracked);
  }

  remove(id: number): void {
    this.sessions.delete(id);
  }

  /**
   * The session's client was heard. False when that comes too late: whoever is told that its session lives relies on it
   * for a whole time-out, and its end may be on its way already.
   */
  touch(id: number): boolean {
    const tracked = this.sessions.get(id);
    if (tracked === undefined || tracked.isExpiring) return false;
    if (tracked.isTouched) return true;
    tracked.isTouched = true;
    this.touched.push(tracked);
    return true;
  }

  /** Forgets everything: another member leads. */
  clear(): void {
    this.sessions.clear();
    this.buckets = new Map();
    this.again = [];
    this.touched = [];
  }

  /**
   * Decides that a session that was due ends, unless it was heard meanwhile: to be called once a quorum has answered a
   * round that began after it was due.
   */
  decide(id: number): boolean {
    const tracked = this.sessions.get(id);
    if (tracked === undefined || !tracked.isDue || tracked.isTouched) return false;
    tracked.isExpiring = true;
    return true;
  }

  /** Decides that a session ends, due or not; false: there is none of this id whose end is not decided already. */
  condemn(id: number): boolean {
    const tracked = this.sessions.get(id);
    if (tracked === undefined || tracked.isExpiring) return false;
    tracked.isExpiring = true;
    return true;
  }

  /** Advances to `now` (monotonic ms) and returns the sessions that are due to expire: see {@link decide}. */
  tick(now: number): number[] {
    const elapsed = this.lastTick === undefined ? 0 : now - this.lastTick;
    assert(elapsed >= 0, "monotonic time does not fall");
    this.lastTick = now;
    // A pause adds one step at most: deadlines move on with it.
    this.time += elapsed > PAUSE_MS ? STEP_MS : elapsed;
    this.moveDeadlines();
    const due: number[] = [];
    const { again } = this;
    this.again = [];
    for (const tracked of again) this.look(tracked, due);
    const last = Math.floor(this.time / STEP_MS);
    for (; this.step <= last; this.step++) this.openBucket(due);
    return due;
  }

  private moveDeadlines(): void {
    for (const tracked of this.touched) {
      tracked.isTouched = false;
      tracked.suspect = false;
      tracked.isDue = false;
      tracked.deadline = this.time + tracked.timeoutMs;
    }
    this.touched = [];
  }

  private openBucket(due: number[]): void {
    const bucket = this.buckets.get(this.step);
    if (bucket === undefined) return;
    this.buckets.delete(this.step);
    for (const tracked of bucket) this.look(tracked, due);
  }

  private look(tracked: Tracked, due: number[]): void {
    if (this.sessions.get(tracked.id) !== tracked) return;
    if (tracked.deadline > this.time) {
      this.place(tracked);
    } else if (!tracked.suspect) {
      tracked.suspect = true;
      this.again.push(tracked);
    } else if (due.length >= EXPIRIES_PER_STEP_MAX) {
      this.again.push(tracked);
    } else {
      due.push(tracked.id);
      tracked.isDue = true;
      // Looked at again, should the proposal be lost.
      tracked.deadline = this.time + tracked.timeoutMs;
      tracked.suspect = false;
      this.place(tracked);
    }
  }

  private place(tracked: Tracked): void {
    const step = Math.max(this.step + 1, Math.ceil(tracked.deadline / STEP_MS));
    const bucket = this.buckets.get(step);
    if (bucket === undefined) this.buckets.set(step, [tracked]);
    else bucket.push(tracked);
  }
}
