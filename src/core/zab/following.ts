import { assert } from "../base/assert.ts";
import {
  type EpochZxid,
  encodeAckEpoch,
  encodeCurrentEpoch,
  encodeEpochMessage,
  encodeEpochZxid,
  encodePulse,
  type NewEpoch,
  type Pulse,
  peerMessage,
  type Sync,
} from "./peer-message.ts";
import type { RoleHost } from "./role-host.ts";

/**
 * - joining: said where it stands;
 * - promised: the promise is on disk, ACKEPOCH sent;
 * - syncing: the leader's history is coming;
 * - installing: a snapshot is coming first;
 * - entering: NEWLEADER came, the epoch record is on its way to the disk;
 * - synced: ACKLEADER sent.
 */
export type FollowingStage = "joining" | "promised" | "syncing" | "installing" | "entering" | "synced";

/** A learner - follower, observer or joining member - of one leader (DSN'11, figures 3 to 5, right column). */
export class Following {
  readonly leaderId: number;
  stage: FollowingStage = "joining";
  /** It has had the leader's history once, committed: it serves, also while the leader begins a new epoch. */
  isServing = false;
  private readonly host: RoleHost;
  private historyEnd = 0;
  private ackedZxid = 0;

  constructor(host: RoleHost, leaderId: number) {
    this.host = host;
    this.leaderId = leaderId;
  }

  /** Where the history ends that NEWLEADER stood behind. */
  get initialHistoryEnd(): number {
    return this.historyEnd;
  }

  begin(): void {
    this.stage = "joining";
    const { acceptedEpoch, promisedTo, currentEpoch, lastZxid, isDamaged } = this.host.replica;
    this.send(encodeCurrentEpoch({ acceptedEpoch, promisedTo, currentEpoch, lastZxid, isDamaged }));
  }

  onNewEpoch({ epoch, attempt }: NewEpoch): void {
    const { replica } = this.host;
    if (epoch > replica.acceptedEpoch) {
      this.stage = "joining";
      replica.promise(epoch, this.leaderId, () => this.acknowledgeEpoch(epoch, attempt));
    } else if (epoch === replica.acceptedEpoch && replica.promisedTo === this.leaderId) {
      this.stage = "joining";
      // Promised before, but perhaps not on disk yet.
      replica.whenDurable(() => this.acknowledgeEpoch(epoch, attempt));
    } else {
      this.begin();
    }
  }

  private acknowledgeEpoch(epoch: number, attempt: number): void {
    const { replica, effects } = this.host;
    this.stage = "promised";
    const { currentEpoch, lastZxid } = replica;
    const { wantsSnapshot } = this.host;
    const { zxid: appliedZxid } = effects.digest();
    this.send(encodeAckEpoch({ epoch, attempt, currentEpoch, lastZxid, appliedZxid, wantsSnapshot }));
  }

  onSync({ epoch, bySnapshot, zxid }: Sync): void {
    const { replica } = this.host;
    if (epoch !== replica.acceptedEpoch || this.stage === "joining") return;
    this.ackedZxid = 0;
    if (bySnapshot) {
      this.stage = "installing";
      this.isServing = false;
      return;
    }
    replica.truncate(zxid);
    this.stage = "syncing";
  }

  /** The snapshot that SYNC announced is in place; the log goes on from there. */
  onSnapshotInstalled(zxid: number, configuration: Uint8Array, configurationZxid: number): void {
    assert(this.awaitsSnapshot, "a snapshot is taken over when the leader has announced it");
    const { replica } = this.host;
    replica.reset(zxid, configuration, configurationZxid);
    this.stage = "syncing";
    this.send(encodeEpochZxid(peerMessage.INSTALLED, replica.acceptedEpoch, zxid));
  }

  get awaitsSnapshot(): boolean {
    return this.stage === "installing";
  }

  /** The leader's log is coming, or has come. */
  private get takesLog(): boolean {
    return this.stage === "syncing" || this.stage === "entering" || this.stage === "synced";
  }

  onPropose(frame: Uint8Array): void {
    if (!this.takesLog) return;
    // The frame is the transport's; the log keeps its own. (`slice` of a Buffer would not copy.)
    this.host.replica.append(new Uint8Array(frame), 0);
  }

  onNewLeader({ epoch, zxid }: EpochZxid): void {
    const { replica } = this.host;
    if (this.stage !== "syncing" || epoch !== replica.acceptedEpoch) return;
    assert(replica.lastZxid === zxid, "NEWLEADER stands behind the whole history");
    this.stage = "entering";
    this.historyEnd = zxid;
    // Behind the data in the journal: when it is on disk, so are they (ARCHITECTURE decision 4).
    replica.enterEpoch(epoch, () => {
      this.stage = "synced";
      this.send(encodeEpochMessage(peerMessage.ACKLEADER, epoch));
    });
  }

  onCommit({ epoch, zxid }: EpochZxid): void {
    const { replica, effects } = this.host;
    if (!this.takesLog || epoch !== replica.acceptedEpoch) return;
    if (zxid > replica.commitZxid) {
      replica.commit(zxid);
      effects.committed();
    }
    if (this.stage !== "synced" || this.isServing || replica.commitZxid < this.historyEnd) return;
    this.isServing = true;
    if (replica.isDamaged) {
      replica.isDamaged = false;
      effects.mended();
    }
    effects.following(this.leaderId, epoch);
  }

  onPing({ epoch, round, zxid, digest0, digest1 }: Pulse): void {
    const { replica, effects } = this.host;
    // A later promise binds it to another leader, whose epoch may have begun.
    if (epoch !== replica.acceptedEpoch || replica.promisedTo !== this.leaderId) return;
    effects.digestHeard(this.leaderId, zxid, digest0, digest1);
    effects.beforePong();
    const own = effects.digest();
    const pong = { epoch, round, zxid: own.zxid, digest0: own.lane0, digest1: own.lane1 };
    this.send(encodePulse(peerMessage.PONG, pong));
  }

  /** The own journal has got further. */
  durable(): void {
    const { replica } = this.host;
    if (!this.takesLog) return;
    if (replica.durableZxid <= this.ackedZxid) return;
    this.ackedZxid = replica.durableZxid;
    this.send(encodeEpochZxid(peerMessage.ACK, replica.acceptedEpoch, this.ackedZxid));
  }

  tick(now: number): void {
    if (!this.host.peers.isHeard(this.leaderId, now)) this.host.look("the leader is silent");
  }

  private send(frame: Uint8Array): void {
    this.host.effects.send(this.leaderId, frame);
  }
}
