import type { ConfigurationChange } from "../core/base/ensemble-change.ts";
import type { Reason } from "../core/base/errors.ts";
import type { Answer } from "../core/tree/answer.ts";
import type { Identity, ReadOperation, WatchMode, WriteOperation } from "../core/tree/operation.ts";
import type { WatchEvent } from "../core/tree/watch-event.ts";

export type { ConfigurationChange } from "../core/base/ensemble-change.ts";

/**
 * The one narrow port the front doors and the products see. Its first implementation is the local member
 * (`local-coordination.ts`); a second one, over an existing ZooKeeper ensemble, must stay possible, so nothing here
 * speaks of the member, the journal or the tree's internals.
 *
 * Everything is synchronous calls in and callbacks out, because the hot path has no promise per operation. Callbacks
 * may come during the call that causes them.
 */
export interface Coordination {
  /** A new client connection, without a session until it opens or resumes one. */
  connect(listener: ConnectionListener, identities: readonly Identity[]): Connection;
  status(): Status;
  /** Of {@link status}, for whoever asks often. */
  readonly role: MemberRole;
  /** Last applied by the member. */
  readonly zxid: number;
  /** Every open session of the ensemble; for diagnosis, since it walks them all. */
  sessions(): SessionInfo[];
  /** What the whole state came to after recent zxids, oldest first: equal on all members, or they differ. */
  digests(): DigestInfo[];
  /**
   * Changes the ensemble by one member; whichever member is asked, the leader decides. `done` comes once: with the
   * zxid of the committed change, or why it was not made. OUTCOME_UNKNOWN: look at the status.
   */
  reconfigure(change: ConfigurationChange, done: (outcome: ChangeOutcome) => void): void;
  /** Hands leadership to a voter, 0 for whichever is best; `done` comes once it leads, or with why it does not. */
  transferLeadership(to: number, done: (outcome: ChangeOutcome) => void): void;
  /**
   * Asks one member, or all of the ensemble, something that only they know: volatile, outside the log, whether there
   * is a quorum or not. `done` comes once, within `ASK_MS` of a loop that is not blocked, with an answer or a reason
   * from each of them. This member is asked as any other. `bytes` are not copied: they never change any more.
   */
  ask(to: number | "all", topic: string, bytes: Uint8Array, done: (outcome: AskOutcome) => void): void;
  /**
   * Answers what is asked about a topic here; of a topic there is one answerer. It is called on the loop that
   * consensus runs on: it answers from memory, and hands anything longer to others.
   *
   * @returns ends it
   */
  answer(topic: string, answerer: (question: Question) => void): () => void;
}

/** What was heard of an {@link Coordination.ask}. */
export interface AskOutcome {
  /** Of those that were heard in time, a refusal included; by member, ascending. */
  readonly answers: readonly AskAnswer[];
  /** The others, by member, ascending. */
  readonly missing: readonly MissingMember[];
  /** Some are missing: what is known is not all there is. */
  readonly partial: boolean;
}

export interface AskAnswer {
  readonly memberId: number;
  /** Undefined: answered. UNSUPPORTED: nobody answers this topic there. INTERNAL: a defect there; see its log. */
  readonly reason: Reason | undefined;
  /** For people; empty when it is answered. */
  readonly detail: string;
  /** Empty with a reason; its own to keep. */
  readonly bytes: Uint8Array;
}

export interface MissingMember {
  readonly memberId: number;
  /**
   * DEADLINE_EXCEEDED: not heard in time. MEMBER_NOT_CONNECTED: there is no link to it, or it was lost meanwhile.
   * MEMBER_UNKNOWN: there is no such member. UNSUPPORTED: its program cannot be asked, or not yet. OVERLOADED: too
   * much is asked already. TOO_LARGE: what is asked is more than `ASK_BYTES_MAX`.
   */
  readonly reason: Reason;
}

/** Something asked of this member. Answered once, at once or later; what comes after `ASK_MS` is lost, without harm. */
export interface Question {
  /** Who asks: a member's id, this one's as well. */
  readonly from: number;
  readonly bytes: Uint8Array;
  /** At most `ASK_ANSWER_BYTES_MAX`, or the asker is told TOO_LARGE instead. Not copied. */
  answer(bytes: Uint8Array): void;
  /** `detail` is for people. */
  refuse(reason: Reason, detail: string): void;
}

/** What became of a change of the ensemble. */
export interface ChangeOutcome {
  /** Undefined: it is done. */
  readonly reason: Reason | undefined;
  /** For people: what is in the way, and what to do. Empty when it is done. */
  readonly detail: string;
  /** The configuration in force, by the zxid that brought it; 0 if it is not known. */
  readonly zxid: number;
}

export interface ReadOptions {
  /** Wait until this zxid is applied here (bounded by the member's option, then NOT_CAUGHT_UP). 0: no wait. */
  readonly minZxid: number;
  /** Confirm leadership by a quorum round that begins now, then answer at or after its commit point. */
  readonly linearizable: boolean;
  /**
   * A watch of the path read, registered at exactly the point of the tree the answer shows, as ZooKeeper's reads leave
   * one. Not registered where the read fails, except by `exists` of a path that is not there. Not for a multi-read or
   * for ephemerals. A watch of the connection with the same id is replaced.
   */
  readonly watch?: { readonly watchId: number; readonly mode: WatchMode } | undefined;
}

export interface WatchRequest {
  /** Chosen by the client, unique on the connection: names the watch in events and in removal. */
  readonly watchId: number;
  readonly path: string;
  readonly mode: WatchMode;
  /** 0: from now. Otherwise events after this zxid are delivered first, or the answer is COMPACTED. */
  readonly afterZxid: number;
}

/**
 * One client connection, owner of at most one session. Requests on it are answered in order: a read behind the
 * session's own unanswered write waits for it. Request numbers are chosen by the client, rising within a session.
 *
 * Without a session, writes are still answered but are not at-most-once, and ephemeral znodes are refused.
 */
export interface Connection {
  /** 0 until `onOpened`. */
  readonly sessionId: number;
  /** Bytes submitted on this connection whose answers are outstanding: what a door bounds by pausing its socket. */
  readonly outstandingBytes: number;
  /** Replaces the identities ACLs are checked with, from the next request on. */
  setIdentities(identities: readonly Identity[]): void;
  /** Opens a session: `onOpened` or `onClosed` follows. `secretHash` is the SHA-256 of the secret (32 bytes). */
  open(secretHash: Uint8Array, timeoutMs: number): void;
  /** Takes an open session over, from whichever connection has it: `onOpened` or `onClosed` follows. */
  resume(sessionId: number, secretHash: Uint8Array): void;
  /** Keeps the session alive; `onTouched(token)` follows once the leader has acknowledged it, else nothing does. */
  touch(token: number): void;
  /**
   * Asks for a change; `operation` is encoded before this returns, so the caller may reuse it. All numbers below
   * `answeredBelow` have been answered, as far as the client knows: their kept answers may be dropped.
   */
  submit(number: number, answeredBelow: number, operation: WriteOperation): void;
  /** Asks for a read; `operation` is kept until it is answered. */
  read(number: number, operation: ReadOperation, options: ReadOptions): void;
  /** A barrier: answered (kind "none") with a zxid that covers every write answered anywhere before this call. */
  sync(number: number): void;
  /** Registers a watch, in order with the reads and writes around it. Answered with kind "none", or COMPACTED. */
  addWatch(number: number, request: WatchRequest): void;
  /** Removes a watch; answered with kind "none", or NO_WATCH. */
  removeWatch(number: number, watchId: number): void;
  /** Closes the session through the log, after everything before it: `onClosed` follows. */
  close(): void;
  /**
   * The client is gone: no more callbacks; the session, if any, lives on until its time-out. Idempotent; may be called
   * from inside a callback.
   */
  detach(): void;
}

/** What a connection is told. Per session, events of a zxid come before any answer at or after that zxid. */
export interface ConnectionListener {
  onOpened(session: OpenedSession): void;
  /** The scratch rule of {@link Answer} holds. */
  onAnswer(answer: Answer): void;
  /** All events of one zxid for this connection. */
  onEvents(events: readonly WatchEvent[], zxid: number): void;
  /** Every event at or below `status().zxid` has been told before. */
  onTouched(token: number): void;
  /** The session is over (SESSION_EXPIRED, SESSION_MOVED, WRONG_SECRET, ...) or, without a reason, closed as asked. */
  onClosed(reason: Reason | undefined, zxid: number): void;
  /**
   * Nothing more is coming in this turn of the loop: the moment to write what has been collected. Comes after every
   * answer, so after every fall of `outstandingBytes`.
   */
  onTurnEnd(): void;
}

export interface OpenedSession {
  readonly sessionId: number;
  readonly timeoutMs: number;
  readonly zxid: number;
  readonly resumed: boolean;
  /** Of its owner: 1 for a new session, one more with each move to another connection. */
  readonly generation: number;
}

export type MemberRole = "starting" | "looking" | "leader" | "follower" | "observer" | "stopped";

/** What a member is by configuration; `joining` is one that is connected and not, or no longer, of the ensemble. */
export type VotingRole = "voter" | "observer" | "joining";

export interface SessionInfo {
  readonly sessionId: number;
  readonly timeoutMs: number;
  /** Paths, in the order of creation. */
  readonly ephemerals: readonly string[];
}

export interface DigestInfo {
  readonly zxid: number;
  /** 16 hex digits. */
  readonly digest: string;
}

export interface Status {
  readonly ensembleId: string;
  readonly memberId: number;
  readonly role: MemberRole;
  readonly epoch: number;
  /** Who leads, as far as this member knows; 0: nobody. */
  readonly leaderId: number;
  /** The zxid that brought the configuration in force; 0 for the one the ensemble began with. */
  readonly configurationZxid: number;
  /** Last applied. */
  readonly zxid: number;
  /** What keeps the member from serving, for people; empty when it serves. */
  readonly notReady: readonly string[];
  readonly members: readonly MemberInfo[];
  readonly counts: {
    readonly nodes: number;
    readonly sessions: number;
    readonly ephemerals: number;
    readonly watches: number;
    readonly connections: number;
    readonly outstandingBytes: number;
    readonly dataBytes: number;
  };
}

/** A member of the configuration or a joiner, as the member asked knows it. */
export interface MemberInfo {
  readonly id: number;
  readonly role: MemberRole;
  readonly votingRole: VotingRole;
  /** What its vote weighs; says nothing of an observer or a joiner. */
  readonly weight: number;
  /** 0: none. */
  readonly group: number;
  /** Heard within the peer time-out by the member asked; always true of itself. */
  readonly isReachable: boolean;
  /** Last applied, as far as it is known. */
  readonly zxid: number;
  /** Last in its journal, as far as it is known. */
  readonly lastZxid: number;
  /** Of its program; empty while it is not known. */
  readonly version: string;
  readonly grpcAddress: string;
  readonly httpAddress: string;
  /** "": that door is closed, or it is not known. */
  readonly zookeeperAddress: string;
  readonly peerAddress: string;
}
