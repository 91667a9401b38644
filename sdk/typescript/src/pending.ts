import type { MusterError } from "./errors.ts";

/** What an operation is, as far as its answer goes. */
export const kind = {
  CREATE: 0,
  SET: 1,
  DELETE: 2,
  DELETE_TREE: 3,
  SET_ACL: 4,
  MULTI: 5,
  GET: 6,
  EXISTS: 7,
  LIST: 8,
  GET_ACL: 9,
  COUNT: 10,
  EPHEMERALS: 11,
  MULTI_READ: 12,
  SYNC: 13,
  ADD_WATCH: 14,
  REMOVE_WATCH: 15,
  AUTHENTICATE: 16,
} as const;
export type Kind = (typeof kind)[keyof typeof kind];

/** Writes go through the log: unrepeatable on another session, and proof of life once answered with a zxid. */
export function isWrite(of: Kind): boolean {
  return of <= kind.MULTI;
}

/** One operation that has a number, from the call until its answer. */
export class Pending {
  readonly number: number;
  readonly kind: Kind;
  /** What errors name. */
  readonly path: string | undefined;
  /** Its encoding: an entry of a batch at `chunk[start, end)`; `first` says that room for a header precedes it. */
  readonly chunk: Buffer;
  readonly start: number;
  readonly end: number;
  readonly first: boolean;
  /** When it was issued, for the margin and the default time-out. */
  readonly issuedAt: number;
  /** When its own time-out passes; 0: the client's default applies. */
  deadline = 0;
  /** What the answer's decoding needs besides: the kinds of a multi's parts, a path. */
  detail: unknown = undefined;
  /** It was sent at least once: a write may take effect from then on. */
  sent = false;
  /** Its promise is settled: an answer finds nobody. */
  settled = false;
  /** Nothing more is expected from the server. */
  done = false;
  /** Detaches it from its caller's signal. */
  cleanup: (() => void) | undefined = undefined;
  promise!: Promise<unknown>;
  resolve!: (value: unknown) => void;
  reject!: (error: MusterError) => void;

  constructor(
    number: number,
    of: Kind,
    path: string | undefined,
    encoding: { readonly chunk: Buffer; readonly start: number; readonly end: number; readonly first: boolean },
    issuedAt: number,
  ) {
    this.number = number;
    this.kind = of;
    this.path = path;
    this.chunk = encoding.chunk;
    this.start = encoding.start;
    this.end = encoding.end;
    this.first = encoding.first;
    this.issuedAt = issuedAt;
  }
}

/** The operations in flight and in waiting, by number: numbers rise by one, so a ring addresses them directly. */
export class PendingRing {
  #slots: (Pending | undefined)[] = new Array(64).fill(undefined);
  /** The first number not done; all numbers below it have been answered. */
  first = 1;
  /** The number the next operation gets. */
  next = 1;

  get size(): number {
    return this.next - this.first;
  }

  push(pending: Pending): void {
    if (this.size === this.#slots.length) this.#grow();
    this.#slots[this.#slot(this.next)] = pending;
    this.next += 1;
  }

  get(number: number): Pending | undefined {
    return number >= this.first && number < this.next ? this.#slots[this.#slot(number)] : undefined;
  }

  /** Lets go of the operations at the front that are done. */
  advance(): void {
    while (this.first < this.next) {
      const slot = this.#slot(this.first);
      if (this.#slots[slot]?.done !== true) return;
      this.#slots[slot] = undefined;
      this.first += 1;
    }
  }

  /** Works far above 2^31 too: `&` takes a number's low bits. */
  #slot(number: number): number {
    return number & (this.#slots.length - 1);
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array(old.length * 2).fill(undefined);
    for (let number = this.first; number < this.next; number++) {
      this.#slots[this.#slot(number)] = old[number & (old.length - 1)];
    }
  }
}
