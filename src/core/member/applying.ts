import { assert } from "../base/assert.ts";
import { OK } from "../base/errors.ts";
import type { Answer } from "../tree/answer.ts";
import { AnswerReader, emptyAnswer } from "../tree/answer-codec.ts";
import { commandType } from "../tree/command-type.ts";
import type { MemberCore } from "./member-core.ts";

/** Commands applied before other work gets its turn. */
const APPLY_SLICE = 512;

/**
 * Applies what is committed, in order, and answers this member's clients. Of each command: its events first, since
 * whoever sees an answer has seen what it reveals; then its answer; then whatever waited for just that.
 */
export class Applying {
  private readonly core: MemberCore;
  private readonly answerReader = new AnswerReader();
  private readonly answer: Answer = emptyAnswer();
  /** The last zxid at which this tree differed from a leader's, and that is no reason to stop: by a verdict. */
  private passedAt = 0;
  private running = false;

  constructor(core: MemberCore) {
    this.core = core;
  }

  /** Commands are being applied: whoever is told something is told of the turn's end as well. */
  get isRunning(): boolean {
    return this.running;
  }

  /** A slice of what is committed. */
  run(): void {
    if (this.running) return;
    this.running = true;
    const { state, zab, effects } = this.core;
    let budget = APPLY_SLICE;
    for (let next = zab.nextCommitted(); next !== undefined && budget > 0; next = zab.nextCommitted()) {
      if (state.isBetweenBatches) {
        if (!this.mayApply(next.body)) break;
        const { proposedAt, firstZxid, lastZxid } = next;
        if (proposedAt > 0) effects.committed(effects.now() - proposedAt, lastZxid - firstZxid + 1);
        state.beginBatch(next.body);
      }
      for (; budget > 0 && !state.isBetweenBatches; budget--) this.applyNext();
      if (!state.isBetweenBatches) break;
      state.endBatch();
      zab.applied();
    }
    this.running = false;
  }

  /** There is more to apply, and nothing in the way. */
  get hasMore(): boolean {
    return this.core.standing.stuckAt === 0 && this.core.zab.nextCommitted() !== undefined;
  }

  /** A quorum has what this tree has at that zxid: whoever differed there was wrong. */
  trusted(zxid: number): void {
    const { standing } = this.core;
    // The digest is of everything: who has what a quorum has is right there, whatever was in doubt before.
    const isProven = standing.probationSince !== 0 && zxid >= standing.probationSince;
    if (isProven) standing.probationSince = 0;
    if (standing.stuckAt === zxid) this.pass(zxid);
    else if (isProven) this.core.effects.requestApply();
  }

  /**
   * Nobody remembers what was right there. Who is held up there goes on, since it may be right as well as wrong, and
   * is all that a quorum can be made with perhaps; but it serves nobody until it is proven right further on, and keeps
   * no snapshot of what it has: a restart replays up to the same difference.
   */
  unknowable(zxid: number): void {
    const { standing, effects, clients, submissions, state, zab } = this.core;
    if (standing.stuckAt !== zxid || zab.wantsSnapshot) return;
    effects.transition({ kind: "on-probation", zxid });
    standing.probationSince = zxid;
    clients.endAll("NOT_READY", state.tree.zxid);
    submissions.clear();
    this.pass(zxid);
  }

  private pass(zxid: number): void {
    this.passedAt = zxid;
    this.core.standing.stuckAt = 0;
    this.core.effects.requestApply();
  }

  /** A quorum has another tree: this one serves no more, until a snapshot takes its place. */
  condemned(zxid: number): void {
    const { standing, effects, clients, submissions, state, zab } = this.core;
    // Once is enough: to give the leader up again would only put off the snapshot.
    if (zab.wantsSnapshot) return;
    standing.stuckAt = zxid;
    effects.transition({ kind: "condemned", zxid });
    clients.endAll("NOT_READY", state.tree.zxid);
    submissions.clear();
    zab.distrustTree("its tree differs from a quorum's");
  }

  /** No quorum has any tree: this one is left as it is until the member ends. */
  doubted(zxid: number): void {
    this.core.standing.stuckAt = zxid;
  }

  /** The leader that proposed the batch had the same tree; if not, it has to be found out who is right (core.md 29). */
  private mayApply(body: Uint8Array): boolean {
    const { standing, state, zab, effects, divergence } = this.core;
    if (standing.stuckAt !== 0) return false;
    const zxid = state.disagreement(body);
    if (zxid === 0 || zxid === this.passedAt) return true;
    // In doubt already: it may differ at every batch of a long history, and what it has in the end is compared anyway.
    if (standing.probationSince !== 0) return true;
    // Where there is one voter, nobody can say who is right.
    assert(zab.quorum.voters().length > 1, "the tree's digest differs from the one the leader had at the same zxid");
    standing.stuckAt = zxid;
    effects.transition({ kind: "diverged", zxid });
    divergence.heldUp(zxid);
    return false;
  }

  private applyNext(): void {
    const { answer } = this;
    const { state, submissions, duties, changes, clients } = this.core;
    const bytes = state.applyNext();
    state.hub.flush();
    this.answerReader.read(bytes, answer);
    answer.number = state.command.number;
    const isOurs = submissions.applied(state.command);
    duties.applied(state.command, answer);
    changes.applied(state.command, answer.code);
    if (state.command.type === commandType.RAISE_FEATURE_LEVEL && answer.code === OK) {
      this.core.effects.transition({ kind: "feature-level", level: state.command.featureLevel, zxid: answer.zxid });
    }
    clients.deliver(state.command, answer, state.commandBytes, isOurs);
  }
}
