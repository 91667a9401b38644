import { MusterError } from "./errors.ts";
import type { MemberStream } from "./member-stream.ts";
import type { ProbeAnswer, SessionTransport } from "./transport.ts";

/** A member that owes an answer and says nothing at all for this long is doubted, ms. */
export const SILENCE_MS = 1_000;
/** How long it then has to prove that it is alive, on a connection of its own, ms. */
export const PROBE_MS = 1_000;
/** Each proof makes the next doubt come twice as late, this often. */
const DOUBLINGS_MAX = 3;
/** So often in a row a member may say that it does not serve before another one is tried. */
const EXCUSES_MAX = 2;

const never = Number.POSITIVE_INFINITY;

/** The session's clock. */
export interface DoubtClock {
  now(): number;
  /** {@link Doubt.look} is to be called no later than this. */
  wakeBy(at: number): void;
}

/** What it has to know of the session, and what it can do. */
export interface DoubtedSession {
  /** When the oldest answers that are owed on the stream were asked for. */
  owedSince(): readonly (number | undefined)[];
  /** Whether there is another member to go to. */
  hasOthers(): boolean;
  /** The stream is to be given up. */
  leave(error: MusterError): void;
}

/**
 * Tells a member that is slow from one that is gone. An answer may take its time - an election, a wait for a zxid - but
 * a member that was stopped, or whose machine is cut off, keeps its connection and says nothing; one without a quorum
 * lives and cannot answer. Waiting for the session's time-out would cost tens of seconds, so whoever owes an answer and
 * is silent is asked how it is.
 */
export class Doubt {
  readonly #transport: SessionTransport;
  readonly #clock: DoubtClock;
  readonly #session: DoubtedSession;
  #stream: MemberStream | undefined;
  #heardAt = 0;
  #proofs = 0;
  #excuses = 0;
  #probe: { readonly cancel: () => void; readonly endsAt: number } | undefined;

  constructor(transport: SessionTransport, clock: DoubtClock, session: DoubtedSession) {
    this.#transport = transport;
    this.#clock = clock;
    this.#session = session;
  }

  /** A stream to a member begins: its first word is owed. */
  begin(stream: MemberStream): void {
    this.heard(stream.sentAt);
    this.#stream = stream;
  }

  /** The member said something. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#proofs = 0;
    this.#excuses = 0;
    this.#cancel();
  }

  /** The stream is over. */
  end(): void {
    this.#cancel();
    this.#stream = undefined;
  }

  /** When to {@link look} next. */
  nextAt(): number {
    if (this.#probe !== undefined) return this.#probe.endsAt;
    return Math.max(this.#owedSince, this.#heardAt) + SILENCE_MS * 2 ** this.#proofs;
  }

  /** Asks a member that has been silent for too long; leaves it when it did not answer. */
  look(now: number): void {
    const stream = this.#stream;
    if (stream === undefined || now < this.nextAt()) return;
    const { endpoint } = stream;
    if (this.#probe !== undefined) {
      this.#leave("UNREACHABLE", `no sign of life from ${endpoint}`);
      return;
    }
    let over = false;
    const cancel = this.#transport.probe(endpoint, (answer) => {
      if (over) return;
      over = true;
      this.#probe = undefined;
      this.#judge(answer, endpoint);
    });
    // It may have answered at once.
    if (over) return;
    const stop = (): void => {
      over = true;
      cancel();
    };
    this.#probe = { cancel: stop, endsAt: now + PROBE_MS };
  }

  /** Infinity while nothing is owed. */
  get #owedSince(): number {
    if (this.#stream === undefined) return never;
    if (!this.#stream.live) return this.#stream.sentAt;
    return Math.min(never, ...this.#session.owedSince().map((since) => since ?? never));
  }

  #judge(answer: ProbeAnswer, endpoint: string): void {
    this.#heardAt = this.#clock.now();
    if (answer === "unreachable") this.#leave("UNREACHABLE", `no sign of life from ${endpoint}`);
    else if (answer === "serving" || !this.#session.hasOthers())
      this.#proofs = Math.min(this.#proofs + 1, DOUBLINGS_MAX);
    else if (++this.#excuses >= EXCUSES_MAX) this.#leave("NOT_READY", `${endpoint} does not serve`);
    this.#clock.wakeBy(this.nextAt());
  }

  #leave(reason: "UNREACHABLE" | "NOT_READY", message: string): void {
    this.end();
    this.#session.leave(new MusterError(reason, { message }));
  }

  #cancel(): void {
    this.#probe?.cancel();
    this.#probe = undefined;
  }
}
