import { errors } from "../../src/core/base/errors.ts";
import { epochOf, formatZxid } from "../../src/core/base/zxid.ts";
import type { Answer } from "../../src/core/tree/answer.ts";
import { BatchReader } from "../../src/core/tree/batch.ts";
import { Command, commandType, decodeCommand } from "../../src/core/tree/command.ts";
import type { Identity } from "../../src/core/tree/operation.ts";
import type { Tree } from "../../src/core/tree/tree.ts";
import { show } from "../model/compare.ts";
import type { NumberedRequest } from "./client-message.ts";
import { compareState } from "./compare-state.ts";
import { ConnectionChecker } from "./connection-checker.ts";
import { type FoundJournal, JournalHistory, type LoggedBatch } from "./journal-history.ts";
import { operationText } from "./model-command.ts";
import { type Applied, ModelReplay } from "./model-replay.ts";
import { demand } from "./violation.ts";

/** What the checker has to know of the member a connection is to. */
export interface MemberView {
  /** Last applied. */
  readonly zxid: number;
  readonly leads: boolean;
  /** Leads, and is not being stopped. */
  readonly serves: boolean;
  /** Events after this zxid have to be kept for watches that resume. */
  readonly historyFromZxid: number;
}

/** An expiry was decided so long before it is proposed at most, ms: what comes meanwhile comes too late. */
const DECIDED_MS_MAX = 500;

/** Answers that say nothing about whether the request was applied. */
const UNDECIDED: readonly number[] = [
  errors.STALE_REQUEST.code,
  errors.SESSION_MOVED.code,
  errors.SESSION_EXPIRED.code,
];

/**
 * Judges a run by what can be seen from outside and by the journals: the history is whatever the journals agree on, and
 * everything a client is told must be what the naive model says at that zxid. Throws a Violation at the first
 * difference. Knows nothing of how the members work.
 */
export class HistoryChecker {
  readonly history: JournalHistory;
  readonly replay: ModelReplay;
  /** The model's cursor for each cursor a member gave out. */
  readonly cursors = new Map<string, Uint8Array>();
  readonly counts = new Map<string, number>();
  private readonly connections = new Set<ConnectionChecker>();
  /** First answers, and what was asked, by session and number. */
  private readonly answers = new Map<string, string>();
  private readonly asked = new Map<string, string>();
  private readonly closes = new Set<number>();
  /** When a session's requests came, and when it was last told that it lives. */
  private readonly heardAt = new Map<number, number[]>();
  private readonly toldAt = new Map<number, number>();
  /** Generation whose expiry is in the log, by session. */
  private readonly expiring = new Map<number, number>();
  private readonly seenZxids = new Map<number, number>();
  private leadingSince = 0;
  private epoch = 0;
  private isStarting = true;

  constructor(observesProposals = true) {
    this.history = new JournalHistory(observesProposals);
    this.replay = new ModelReplay(this.history);
  }

  count(what: string, by: number): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  // ---- Members ----

  /** A leader appends a batch to its journal. */
  proposed(batch: LoggedBatch, now: number): void {
    this.history.proposed(batch);
    const epoch = epochOf(batch.firstZxid);
    demand(epoch === this.epoch, "proposals are of the leader's epoch", () => `${epoch}, not ${this.epoch}`);
    const reader = new BatchReader();
    const command = new Command();
    for (let left = reader.open(batch.body).count; left > 0; left--) {
      decodeCommand(reader.next(), command);
      if (command.type === commandType.EXPIRE_SESSION) this.expires(command.target, command.targetGeneration, now);
    }
  }

  /** A member was established as the leader of an epoch. */
  leads(epoch: number, now: number): void {
    demand(epoch > this.epoch, "an epoch is led once", () => `epoch ${epoch} after ${this.epoch}`);
    this.epoch = epoch;
    // A new epoch under the same leader restarts nothing.
    if (this.isStarting) this.leadingSince = now;
    this.isStarting = false;
  }

  /** A member starts: what its journal gave back. */
  recovered(journal: FoundJournal): void {
    this.count("batches lost", this.history.recovered(journal));
    this.isStarting = true;
    this.expiring.clear();
    this.connections.clear();
  }

  /** The whole state of a member that has applied everything it has: at each recovery, and at the end. */
  compareAll(tree: Tree): void {
    this.advance(tree.zxid);
    this.compareDigest(tree);
    compareState(this.replay.model, tree);
  }

  /** A member is between two events, and no batch is half applied. */
  settled(tree: Tree): void {
    this.advance(tree.zxid);
    this.compareDigest(tree);
    for (const connection of this.connections) connection.settled();
  }

  // ---- Connections ----

  connect(view: MemberView, identities: readonly Identity[]): ConnectionChecker {
    const connection = new ConnectionChecker(this, view, identities);
    this.connections.add(connection);
    return connection;
  }

  forget(connection: ConnectionChecker): void {
    this.connections.delete(connection);
  }

  askedWrite(sessionId: number, { number, operation }: Extract<NumberedRequest, { kind: "write" }>): void {
    if (sessionId !== 0) this.asked.set(`${sessionId}:${number}`, operationText(operation));
  }

  askedClose(sessionId: number): void {
    this.closes.add(sessionId);
  }

  /** The first answer to a request is its answer for ever: anything else was applied twice. */
  answeredWrite(sessionId: number, number: number, answer: Answer): void {
    if (UNDECIDED.includes(answer.code)) return;
    const key = `${sessionId}:${number}`;
    const text = show(answer);
    const first = this.answers.get(key);
    if (first === undefined) this.answers.set(key, text);
    else this.count("repeats answered", 1);
    demand(first === undefined || first === text, "nothing is applied twice", () => `${key}\n  ${first}\n  ${text}`);
  }

  /** A session's client was heard. */
  heard(sessionId: number, now: number): void {
    if (sessionId === 0) return;
    const times = this.heardAt.get(sessionId);
    if (times === undefined) this.heardAt.set(sessionId, [now]);
    else times.push(now);
  }

  /** A client is told that its session lives, and relies on it for a whole time-out. */
  acknowledgedTouch(sessionId: number, generation: number, now: number): void {
    this.toldAt.set(sessionId, now);
    demand(
      sessionId === 0 || this.expiring.get(sessionId) !== generation,
      "core.md 10: a keep-alive is not answered when the end is on its way",
      () => formatZxid(sessionId),
    );
  }

  /** The latest zxid a session has read at. */
  lastZxidOf(sessionId: number): number {
    return this.seenZxids.get(sessionId) ?? 0;
  }

  sawZxid(sessionId: number, zxid: number): void {
    if (sessionId !== 0) this.seenZxids.set(sessionId, zxid);
  }

  /** Somebody has seen the state at this zxid: the model follows. */
  advance(zxid: number): void {
    demand(zxid >= this.replay.zxid, "reads never go back", () => `to ${formatZxid(zxid)}`);
    this.history.reveal(zxid);
    this.replay.advance(zxid, (applied) => this.follow(applied));
  }

  private follow(applied: Applied): void {
    const { command, zxid } = applied;
    this.count(command.kind, 1);
    if (command.kind === "request" && command.issuer.sessionId !== 0) {
      const { sessionId, number } = command.issuer;
      const asked = this.asked.get(`${sessionId}:${number}`);
      const text = operationText(command.operation);
      demand(asked === text, "the log holds what was asked", () => `${formatZxid(zxid)}: ${text}\n  asked: ${asked}`);
    } else if (command.kind === "close-session") {
      const { sessionId } = command.issuer;
      const isAsked = this.closes.has(sessionId);
      demand(isAsked, "the log holds what was asked", () => `${formatZxid(zxid)}: close of ${formatZxid(sessionId)}`);
    }
    for (const connection of this.connections) connection.applied(applied);
  }

  private compareDigest(tree: Tree): void {
    const { state } = this.replay.tree;
    demand(
      tree.zxid === state.zxid && tree.state.digest.equals(state.digest.lanes()),
      "the digest is that of the whole history",
      () => `at ${formatZxid(tree.zxid)}: ${tree.state.digest.lanes()}, not ${state.digest.lanes()}`,
    );
  }

  /** An expiry is in the log: its session was silent for long enough when it was decided. */
  private expires(sessionId: number, generation: number, now: number): void {
    const session = this.replay.model.sessions.get(sessionId);
    // Moved since: it will be refused.
    if (session === undefined || session.generation !== generation) return;
    this.expiring.set(sessionId, generation);
    const requests = (this.heardAt.get(sessionId) ?? []).filter((at) => at <= now - DECIDED_MS_MAX);
    const heardAt = Math.max(this.leadingSince, this.toldAt.get(sessionId) ?? 0, requests.at(-1) ?? 0);
    demand(
      now - heardAt >= session.timeoutMs,
      "core.md 11: no session expires before its time",
      () => `${formatZxid(sessionId)} after ${now - heardAt} of ${session.timeoutMs} ms`,
    );
  }
}
