/**
 * Bytes on their way to a learner and not acknowledged, at most; then it waits, and the log goes on without it. Below
 * what the transport queues before it gives a link up.
 */
export const LEARNER_WINDOW_BYTES = 16 * 1024 * 1024;

/**
 * - joining: it has said where it stands, and was sent the epoch;
 * - promised: the promise is on its disk;
 * - syncing: the leader's history is on its way;
 * - complete: NEWLEADER was sent behind the history;
 * - synced: it has acknowledged NEWLEADER; what it acknowledges from now on counts.
 */
export type LearnerStage = "joining" | "promised" | "syncing" | "complete" | "synced";

/** Where what it is sent comes from: the log in memory, the journal on disk, or a snapshot. */
export type LearnerSource = "log" | "journal" | "snapshot";

/** A follower or observer, as its leader knows it. */
export class Learner {
  readonly id: number;
  stage: LearnerStage = "joining";
  source: LearnerSource = "log";
  acceptedEpoch = 0;
  promisedTo = 0;
  currentEpoch = 0;
  lastZxid = 0;
  appliedZxid = 0;
  wantsSnapshot = false;
  isDamaged = false;
  /** Of asking it for a promise: one may be lost, when the learner gives this leader up and comes back. */
  attempt = 0;
  /** The last zxid sent. */
  sentZxid = 0;
  /** NEWLEADER follows this zxid. */
  historyEnd = 0;
  /** NEWLEADER stood behind this zxid. */
  completeAt = 0;
  /** On its disk. */
  ackedZxid = 0;
  /** It has been synced since it joined: a new epoch under the same leader makes no difference to that. */
  wasSynced = false;
  /** The commit point it was told; -1 for none, since that of an empty history is 0 and has to be told too. */
  toldCommit = -1;
  /** The latest round it has answered. */
  round = 0;
  /** Batches of a journal read are awaited. */
  isReading = false;
  /** Sent and not acknowledged: last zxids and sizes, oldest first. */
  private readonly unacked: { readonly zxid: number; readonly bytes: number }[] = [];
  private unackedBytes = 0;
  private readonly windowBytes: number;

  constructor(id: number, windowBytes: number) {
    this.id = id;
    this.windowBytes = windowBytes;
  }

  get hasWindow(): boolean {
    return this.unackedBytes < this.windowBytes;
  }

  /** A batch was sent. */
  sent(zxid: number, bytes: number): void {
    this.sentZxid = zxid;
    this.unacked.push({ zxid, bytes });
    this.unackedBytes += bytes;
  }

  acked(zxid: number): void {
    this.ackedZxid = Math.max(this.ackedZxid, zxid);
    let count = 0;
    for (let first = this.unacked[0]; first !== undefined && first.zxid <= zxid; first = this.unacked[count]) {
      this.unackedBytes -= first.bytes;
      count++;
    }
    if (count > 0) this.unacked.splice(0, count);
  }

  /** Synchronization begins, again perhaps. */
  beginSync(source: LearnerSource, sentZxid: number, historyEnd: number): void {
    this.stage = "syncing";
    this.source = source;
    this.sentZxid = sentZxid;
    this.historyEnd = historyEnd;
    this.ackedZxid = 0;
    this.toldCommit = -1;
    this.isReading = false;
    this.unacked.length = 0;
    this.unackedBytes = 0;
  }
}
