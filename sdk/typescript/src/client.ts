import type { Diagnostics } from "./diagnostics.ts";
import type { EnsembleOptions } from "./ensemble-call.ts";
import { Credential as CredentialMessage } from "./gen/muster/coordination/v1/session.ts";
import { operationField } from "./operation-encoder.ts";
import type { CallOptions } from "./operation-queue.ts";
import { kind } from "./pending.ts";
import type { SessionCore } from "./session.ts";
import type { SessionState } from "./session-options.ts";
import type { Credential } from "./stat.ts";
import { type EnsembleStatus, readStatus } from "./status.ts";
import { Znodes } from "./znodes.ts";

/** The client's session as it is now; another one takes its place after an expiry. */
export interface SessionInfo {
  /** 0 while there is none. */
  readonly id: number;
  /** The time-out the server granted, ms. */
  readonly timeoutMs: number;
  readonly state: SessionState;
  /** How much longer the session is alive for sure, ms; 0 when it may be gone. */
  readonly marginMs: number;
}

/** @internal */
const cores = new WeakMap<MusterClient, SessionCore>();

/** What lies under a client, for packages that build on this one. @internal */
export function sessionCoreOf(client: MusterClient): SessionCore {
  return cores.get(client) as SessionCore;
}

/** One connection to an ensemble and the session on it. Made by `connect`. */
export class MusterClient implements AsyncDisposable {
  /** The tree of znodes. */
  readonly znodes: Znodes;
  /** What happens to the connection. */
  readonly diagnostics: Diagnostics;
  readonly #core: SessionCore;
  readonly #statusOptions: Omit<EnsembleOptions, "endpoints">;

  /** @internal */
  constructor(core: SessionCore, statusOptions: Omit<EnsembleOptions, "endpoints">) {
    this.#core = core;
    this.#statusOptions = statusOptions;
    this.znodes = new Znodes(core);
    this.diagnostics = core.diagnostics;
    cores.set(this, core);
  }

  get session(): SessionInfo {
    const { id, timeoutMs, state, marginEndsAt } = this.#core;
    return { id, timeoutMs, state, marginMs: Math.max(0, marginEndsAt - this.#core.now()) };
  }

  /** The highest zxid seen: hand it to another client as `minZxid` and it reads no older state. */
  get zxid(): number {
    return this.#core.zxid;
  }

  /** The ensemble's id, 32 hex digits. */
  get ensembleId(): string {
    return this.#core.ensembleId;
  }

  /** The member in use; undefined while there is none. */
  get endpoint(): string | undefined {
    return this.#core.endpoint;
  }

  /**
   * Asks how the ensemble is: the member in use, or the others in turn when it does not answer. Goes past the session,
   * on a connection of its own, so it is not ordered with the other calls; `timeoutMs` is each member's.
   */
  status(options?: CallOptions): Promise<EnsembleStatus> {
    const refusal = this.#core.queue.refusal(undefined, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    const { timeoutMs = this.#statusOptions.timeoutMs, signal } = options ?? {};
    return readStatus({ ...this.#statusOptions, endpoints: this.#core.endpoints, timeoutMs, signal });
  }

  /** Proves one more identity, now and on every later connection. */
  async authenticate(credential: Credential, options?: CallOptions): Promise<void> {
    const { queue } = this.#core;
    const refusal = queue.refusal(undefined, options);
    if (refusal !== undefined) throw refusal;
    const message = CredentialMessage.encode(credential).finish();
    queue.encoder.encoded(queue.nextNumber, operationField.authenticate, message);
    await queue.issue(kind.AUTHENTICATE, undefined, options);
    this.#core.remember(credential);
  }

  /**
   * Ends the session after everything called before has been answered: its ephemeral znodes go at once. Waits 5 s for
   * that at most; without a connection it does not wait, and the session ends with its time-out. What is then
   * unanswered rejects with CLIENT_CLOSED, which nobody has to catch. Idempotent; never rejects.
   */
  close(): Promise<void> {
    return this.#core.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
