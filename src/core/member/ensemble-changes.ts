import { FormatError } from "../base/bytes.ts";
import { errors, OK, type Reason, reasonOf } from "../base/errors.ts";
import { batchFlag } from "../tree/batch.ts";
import { type Command, commandType, type Issuer, writeRaiseFeatureLevel, writeReconfigure } from "../tree/command.ts";
import { featureLevelOf } from "../tree/feature-level.ts";
import type { TreeState } from "../tree/tree-state.ts";
import { applyChange, type ConfigurationChange, isRefusal } from "../zab/configuration-change.ts";
import {
  type ConfiguredMember,
  type EnsembleConfiguration,
  encodeConfiguration,
} from "../zab/ensemble-configuration.ts";
import { Quorum } from "../zab/quorum.ts";
import type { Zab } from "../zab/zab.ts";
import { type ChangeWord, encodeChange, memberMessage } from "./member-message.ts";
import type { Proposals } from "./proposals.ts";

/** What became of a change of the ensemble; see `coordination/port.ts`. */
export interface ChangeOutcome {
  /** Undefined: it is done. */
  readonly reason: Reason | undefined;
  readonly detail: string;
  /** The configuration in force, by the zxid that brought it. */
  readonly zxid: number;
}

export type ChangeDone = (outcome: ChangeOutcome) => void;

/** What can be asked of the leader. */
type Request =
  | { readonly kind: "reconfigure"; readonly change: ConfigurationChange }
  | { readonly kind: "transfer"; readonly to: number };

interface Asked {
  readonly request: Request;
  /** Of whom. */
  readonly leaderId: number;
  readonly done: ChangeDone;
}

/** Leadership is on its way from one member to another. */
interface Awaited {
  readonly from: number;
  /** 0: whoever is best. */
  readonly to: number;
  readonly until: number;
  readonly done: ChangeDone;
}

export interface ChangeHost {
  readonly memberId: number;
  readonly zab: Zab;
  readonly proposals: Proposals;
  /** The highest feature level this member offers. */
  readonly featureLevel: number;
  state(): TreeState;
  /** This member leads and serves. */
  isLeading(): boolean;
  requestTurnEnd(): void;
}

/** The new leader has to be found in so many time-outs after a hand-over. */
const TRANSFER_TIMEOUTS = 5;
const CHANGED_HANDS = "the leader changed meanwhile, so the outcome is unknown; look at the ensemble's status";

/**
 * Changes of the ensemble, by whichever member is asked: the leader decides and proposes, one change at a time (core.md
 * 25). That a quorum entered the leader's epoch makes an entry of its own unnecessary: whoever has an older,
 * uncommitted configuration cannot be elected any more. Also what the leader does unasked: raising the feature level
 * when every member knows it, and readmitting a member that was wiped, once it has everything again (core.md 26).
 */
export class EnsembleChanges {
  private readonly host: ChangeHost;
  private readonly issuer: Issuer;
  /** As the leader: the change that is proposed. */
  private proposed: { readonly number: number; readonly done: ChangeDone } | undefined;
  /** As a follower: asked of the leader. */
  private asked = new Map<number, Asked>();
  /** As the leader: leadership is being handed over for somebody. */
  private handing: { readonly to: number; readonly done: ChangeDone } | undefined;
  /** Handed over: who waits for the new leader. */
  private awaited: Awaited | undefined;
  /** As the leader: the feature level that is proposed. */
  private raisingTo = 0;
  private nextNumber = 1;

  constructor(host: ChangeHost) {
    this.host = host;
    this.issuer = { sessionId: 0, generation: host.memberId, identities: new Uint8Array([0]) };
  }

  reconfigure(change: ConfigurationChange, done: ChangeDone): void {
    this.ask({ kind: "reconfigure", change }, done);
  }

  transferLeadership(to: number, done: ChangeDone): void {
    this.ask({ kind: "transfer", to }, done);
  }

  /** A follower asks. */
  onChange(peer: number, { number, text }: ChangeWord): void {
    const request = readRequest(text);
    const answer = (outcome: ChangeOutcome): void => {
      const word = { number, text: JSON.stringify({ ...outcome, reason: outcome.reason ?? "" }) };
      this.host.zab.effects.send(peer, encodeChange(memberMessage.CHANGED, word));
    };
    if (this.host.isLeading()) this.decide(request, answer);
    else answer(this.outcome("NOT_LEADER", `member ${this.host.memberId} does not lead any more; ask again`));
  }

  /** The leader has answered. */
  onChanged({ number, text }: ChangeWord): void {
    const asked = this.asked.get(number);
    if (asked === undefined) return;
    this.asked.delete(number);
    const { reason, detail, zxid } = parse(text);
    if (typeof reason !== "string" || typeof detail !== "string" || !Number.isSafeInteger(zxid))
      throw new FormatError("what became of a change of the ensemble is not told as members tell it");
    const known = Object.hasOwn(errors, reason) ? (reason as Reason) : "INTERNAL";
    const outcome = { reason: reason === "" ? undefined : known, detail, zxid: zxid as number };
    if (asked.request.kind === "transfer" && outcome.reason === undefined)
      this.await(asked.leaderId, asked.request.to, asked.done);
    else asked.done(outcome);
  }

  /** A command was applied: perhaps the change that was proposed here. */
  applied(command: Command, code: number): void {
    if (command.type !== commandType.RECONFIGURE || command.number !== this.proposed?.number) return;
    if (command.generation !== this.host.memberId) return;
    const { done } = this.proposed;
    this.proposed = undefined;
    done(code === OK ? this.outcome(undefined, "") : this.outcome(reasonOf(code), "the change was not made"));
  }

  /** This member does not lead, or has no leader, any more. */
  lost(): void {
    const { proposed, handing } = this;
    this.proposed = undefined;
    this.handing = undefined;
    this.raisingTo = 0;
    proposed?.done(this.outcome("NOT_LEADER", CHANGED_HANDS));
    if (handing !== undefined) this.await(this.host.memberId, handing.to, handing.done);
    const asked = [...this.asked.values()];
    this.asked = new Map();
    for (const { request, leaderId, done } of asked) {
      if (request.kind === "transfer") this.await(leaderId, request.to, done);
      else done(this.outcome("NOT_LEADER", CHANGED_HANDS));
    }
  }

  /** This member leads and serves from now on. */
  led(): void {
    this.raiseFeatureLevel();
  }

  tick(now: number): void {
    const { zab } = this.host;
    this.lookForLeader(now);
    if (this.handing !== undefined && zab.handingTo === 0) {
      const { to, done } = this.handing;
      this.handing = undefined;
      done(this.outcome("TRANSFER_FAILED", `member ${to} did not catch up in time; this leader goes on`));
    }
    if (!this.host.isLeading() || !zab.isEstablished || this.isBusy) return;
    if (this.raiseFeatureLevel()) return;
    this.readmit();
  }

  private get isBusy(): boolean {
    return this.proposed !== undefined || this.host.zab.isChanging;
  }

  private ask(request: Request, done: ChangeDone): void {
    const { zab } = this.host;
    if (this.host.isLeading()) {
      this.decide(request, done);
    } else if (zab.isFollowing) {
      const number = this.nextNumber++;
      this.asked.set(number, { request, leaderId: zab.leaderId, done });
      zab.effects.send(zab.leaderId, encodeChange(memberMessage.CHANGE, { number, text: JSON.stringify(request) }));
    } else {
      done(this.outcome("NO_QUORUM", "there is no leader that could change the ensemble"));
    }
  }

  private decide(request: Request, done: ChangeDone): void {
    if (request.kind === "reconfigure") this.change(request.change, done);
    else this.transfer(request.to, done);
  }

  // ---- Reconfiguration ----

  private change(change: ConfigurationChange, done: ChangeDone): void {
    const { zab } = this.host;
    if (this.isBusy) {
      done(this.outcome("CHANGE_IN_PROGRESS", "another change of the ensemble is under way; see its outcome first"));
      return;
    }
    const level = this.host.state().featureLevel;
    if (level < featureLevelOf.RECONFIGURE) {
      const detail = `the ensemble is at feature level ${level}; it rises once every member runs this version`;
      done(this.outcome("UNSUPPORTED", detail));
      return;
    }
    const next = applyChange(zab.configuration, change, zab.joiners());
    if (isRefusal(next)) done(this.outcome(next.reason, next.detail));
    else if (this.mayChange(change, next, done)) this.propose(next, done);
  }

  /** What depends on who is connected and caught up now. */
  private mayChange(change: ConfigurationChange, next: EnsembleConfiguration, done: ChangeDone): boolean {
    const { zab, memberId } = this.host;
    const isVoter = next.members.some(({ id, role }) => id === change.id && role === "voter");
    // One that had a vote keeps it, here or not: its address is changed just because nobody reaches it.
    const isNew = change.kind === "add" || !zab.quorum.counts(change.id);
    if (isVoter && isNew && change.id !== memberId && !zab.isSynced(change.id)) {
      const detail = `member ${change.id} has not caught up with the leader; wait until its zxid is near the leader's`;
      done(this.outcome("MEMBER_NOT_SYNCED", detail));
      return false;
    }
    // Under the incarnation it would have: a wiped member that is here, and not readmitted, is not the one it was.
    const isHere = ({ id, incarnation }: ConfiguredMember): boolean =>
      id === memberId || (zab.isSynced(id) && zab.peers.incarnationOf(id) === incarnation);
    const present = next.members.filter(isHere).map(({ id }) => id);
    if (new Quorum(next).has(present)) return true;
    const detail = `of the members it would have, only ${present.join(", ")} are connected and caught up`;
    done(this.outcome("NEW_QUORUM_UNREACHABLE", detail));
    return false;
  }

  private propose(next: EnsembleConfiguration, done: ChangeDone): void {
    const number = this.nextNumber++;
    this.proposed = { number, done };
    const expected = this.host.state().configurationZxid;
    this.host.proposals.addAlone(batchFlag.RECONFIGURE, (writer) =>
      writeReconfigure(writer, this.issuer, number, expected, encodeConfiguration(next)),
    );
    this.host.requestTurnEnd();
  }

  private readmit(): void {
    const { zab } = this.host;
    if (this.host.state().featureLevel < featureLevelOf.RECONFIGURE) return;
    for (const id of zab.joiners().keys()) {
      const known = zab.configuration.members.find((member) => member.id === id);
      if (known === undefined || !zab.isSynced(id)) continue;
      this.change({ kind: "add", id, role: known.role }, () => undefined);
      return;
    }
  }

  /** The level rises when every member of the configuration is here and offers a higher one (core.md 5). */
  private raiseFeatureLevel(): boolean {
    const { zab, memberId, proposals } = this.host;
    const { featureLevel } = this.host.state();
    let level = this.host.featureLevel;
    for (const { id } of zab.configuration.members) {
      if (id !== memberId) level = Math.min(level, zab.wordsOf(id)?.featureLevel ?? 0);
    }
    if (level <= featureLevel || level <= this.raisingTo) return false;
    this.raisingTo = level;
    writeRaiseFeatureLevel(proposals.begin(), this.issuer, level);
    proposals.end();
    this.host.requestTurnEnd();
    return true;
  }

  // ---- Leadership ----

  private transfer(to: number, done: ChangeDone): void {
    const { zab, memberId } = this.host;
    if (to === memberId) {
      done(this.outcome(undefined, ""));
    } else if (to !== 0 && !zab.configuration.members.some(({ id }) => id === to)) {
      done(this.outcome("MEMBER_UNKNOWN", `member ${to} is not of this ensemble`));
    } else if (this.handing !== undefined) {
      done(this.outcome("CHANGE_IN_PROGRESS", "leadership is being handed over already"));
    } else {
      this.handing = { to, done };
      if (zab.handOver(to)) return;
      this.handing = undefined;
      const whom = to === 0 ? "no other voter" : `member ${to}`;
      const detail = `${whom} is connected, a voter, and caught up with this leader`;
      done(this.outcome("MEMBER_NOT_SYNCED", to === 0 ? detail : `it is not so that ${detail}`));
    }
  }

  private await(from: number, to: number, done: ChangeDone): void {
    const { zab } = this.host;
    const until = zab.effects.now() + TRANSFER_TIMEOUTS * zab.timeoutMs;
    this.awaited?.done(this.outcome("TRANSFER_FAILED", CHANGED_HANDS));
    this.awaited = { from, to, until, done };
  }

  private lookForLeader(now: number): void {
    const { awaited } = this;
    const { zab } = this.host;
    if (awaited === undefined) return;
    const isLed = zab.isEstablished || zab.isFollowing;
    if (!isLed && now < awaited.until) return;
    this.awaited = undefined;
    const { from, to } = awaited;
    if (isLed && (to === 0 ? zab.leaderId !== from : zab.leaderId === to)) awaited.done(this.outcome(undefined, ""));
    else awaited.done(this.outcome("TRANSFER_FAILED", isLed ? `member ${zab.leaderId} leads` : "nobody leads"));
  }

  private outcome(reason: Reason | undefined, detail: string): ChangeOutcome {
    return { reason, detail, zxid: this.host.zab.configurationZxid };
  }
}

/** The rules of a change itself are {@link applyChange}'s; here it only has to be one. */
function readRequest(text: string): Request {
  const { kind, change, to } = parse(text);
  if (kind === "reconfigure" && isRecord(change)) return { kind, change: change as unknown as ConfigurationChange };
  if (kind === "transfer" && Number.isSafeInteger(to)) return { kind, to: to as number };
  throw new FormatError("what is asked of the leader is neither a change of the ensemble nor a transfer");
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FormatError("a change of the ensemble is not JSON");
  }
  if (!isRecord(value)) throw new FormatError("a change of the ensemble is not a JSON object");
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
