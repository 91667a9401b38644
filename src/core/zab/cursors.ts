import { assert } from "../base/assert.ts";
import type { Learner } from "./learner.ts";
import { encodeEpochZxid, encodePropose, encodeSync, peerMessage } from "./peer-message.ts";
import type { Reign } from "./reign.ts";
import type { HistoryBatch } from "./zab-contract.ts";

/**
 * One cursor per learner over the leader's history: a snapshot where nothing else will do, then the journal, then the
 * log in memory, and on with every proposal, leaving nothing out. The learner's window is all that bounds its pace.
 */
export class Cursors {
  private readonly reign: Reign;

  constructor(reign: Reign) {
    this.reign = reign;
  }

  /** The learner has promised the epoch: begins to make its history that of the leader. */
  synchronize(learner: Learner): void {
    const { replica } = this.reign.host;
    const shared = replica.ends.common(learner.lastZxid);
    // What it has applied was committed, so this history has it, unless its tree is not to be trusted.
    // One that wants a snapshot gets its log all the same, and then the tree (`tellCommit`): a snapshot is at what it
    // has acknowledged, or later, and it may take this learner's help to commit that, or to find out who is right about
    // a difference that keeps this member from applying it.
    if (shared === undefined || shared < learner.appliedZxid) {
      this.sendSnapshot(learner, shared ?? 0);
      return;
    }
    learner.beginSync("log", shared, replica.lastZxid);
    this.reign.host.effects.send(learner.id, encodeSync({ epoch: this.reign.epoch, bySnapshot: false, zxid: shared }));
    this.pump(learner);
  }

  private sendSnapshot(learner: Learner, atLeastZxid: number): void {
    const { effects, replica } = this.reign.host;
    learner.beginSync("snapshot", 0, replica.lastZxid);
    effects.send(learner.id, encodeSync({ epoch: this.reign.epoch, bySnapshot: true, zxid: 0 }));
    effects.sendSnapshot(learner.id, atLeastZxid);
  }

  /** The learner has the snapshot at `zxid` in place. */
  onInstalled(learner: Learner, zxid: number): void {
    if (learner.source !== "snapshot" || learner.stage !== "syncing") return;
    learner.source = "log";
    learner.sentZxid = zxid;
    learner.wantsSnapshot = false;
    this.pump(learner);
  }

  /** Batches of the own journal, for the learner. */
  onHistoryRead(learner: Learner, batches: readonly HistoryBatch[]): void {
    if (learner.source !== "journal" || !learner.isReading) return;
    learner.isReading = false;
    for (const { firstZxid, lastZxid, body } of batches) {
      if (lastZxid <= learner.sentZxid) continue;
      assert(firstZxid > learner.sentZxid, "a journal's batches are those of the log");
      const frame = encodePropose(body);
      this.reign.host.effects.send(learner.id, frame);
      learner.sent(lastZxid, frame.length);
    }
    this.tellCommit(learner);
    this.pump(learner);
  }

  /** The own journal does not reach back so far. */
  onHistoryGone(learner: Learner): void {
    if (learner.source !== "journal" || !learner.isReading) return;
    this.sendSnapshot(learner, learner.sentZxid);
  }

  /**
   * How far it may apply what it was sent: while it is synchronised too, or a long history would have to wait there,
   * all of it, in memory. Once that is everything, it may have the tree it wants.
   */
  tellCommit(learner: Learner): void {
    if (!this.reign.isEstablished || learner.stage === "joining" || learner.stage === "promised") return;
    if (learner.source === "snapshot") return;
    const { commitZxid } = this.reign.host.replica;
    const zxid = Math.min(commitZxid, learner.sentZxid);
    if (zxid > learner.toldCommit) {
      learner.toldCommit = zxid;
      this.reign.host.effects.send(learner.id, encodeEpochZxid(peerMessage.COMMIT, this.reign.epoch, zxid));
    }
    if (learner.stage !== "synced" || !learner.wantsSnapshot) return;
    if (learner.sentZxid <= commitZxid) this.sendSnapshot(learner, learner.sentZxid);
  }

  /** Sends what the learner has room for; NEWLEADER once it has the history. */
  pump(learner: Learner): void {
    if (learner.stage === "joining" || learner.stage === "promised" || learner.source === "snapshot") return;
    // Its log stands still until all of it is committed.
    if (learner.stage === "synced" && learner.wantsSnapshot) return;
    const { log } = this.reign.host.replica;
    const position = log.positionAfter(learner.sentZxid);
    if (position === undefined) {
      learner.source = "journal";
      if (learner.isReading || !learner.hasWindow) return;
      learner.isReading = true;
      this.reign.host.effects.readHistory(learner.id, learner.sentZxid);
      return;
    }
    learner.source = "log";
    for (let at = position; at < log.end && learner.hasWindow; at++) {
      const { frame, lastZxid } = log.at(at);
      this.reign.host.effects.send(learner.id, frame);
      learner.sent(lastZxid, frame.length);
    }
    this.completeSync(learner);
    this.tellCommit(learner);
  }

  private completeSync(learner: Learner): void {
    if (learner.stage !== "syncing" || learner.sentZxid < learner.historyEnd) return;
    learner.stage = "complete";
    learner.completeAt = learner.sentZxid;
    this.reign.host.effects.send(
      learner.id,
      encodeEpochZxid(peerMessage.NEWLEADER, this.reign.epoch, learner.sentZxid),
    );
  }
}
