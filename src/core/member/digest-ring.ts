import type { Digest } from "../tree/digest.ts";

/** Digests remembered, by zxid. */
const RING_SIZE = 4096;
/** Shown to people who compare members. */
const RECENT_MAX = 128;

/** A tree's digest at the end of a batch. */
export interface DigestAt {
  readonly zxid: number;
  readonly lane0: number;
  readonly lane1: number;
}

/** The digests at recent batch ends, so that members can compare at equal zxid (core.md 29). */
export class DigestRing implements DigestAt {
  private readonly zxids = new Float64Array(RING_SIZE);
  private readonly lanes = new Uint32Array(RING_SIZE * 2);
  private next = 0;
  /** The latest. */
  zxid = 0;
  lane0 = 0;
  lane1 = 0;

  push(zxid: number, digest: Digest): void {
    const at = this.next;
    this.zxids[at] = zxid;
    this.lanes[at * 2] = digest.lane0;
    this.lanes[at * 2 + 1] = digest.lane1;
    this.next = (at + 1) % RING_SIZE;
    this.zxid = zxid;
    this.lane0 = digest.lane0;
    this.lane1 = digest.lane1;
  }

  /** The latest ones, {@link RECENT_MAX} at most, oldest first. */
  recent(): DigestAt[] {
    const found: DigestAt[] = [];
    for (let back = RECENT_MAX; back >= 1; back--) {
      const at = (this.next - back + RING_SIZE) % RING_SIZE;
      const zxid = this.zxids[at] as number;
      if (zxid === 0) continue;
      found.push({ zxid, lane0: this.lanes[at * 2] as number, lane1: this.lanes[at * 2 + 1] as number });
    }
    return found;
  }

  /** undefined when no batch ended there, or too long ago. */
  at(zxid: number): DigestAt | undefined {
    if (zxid === 0) return undefined;
    for (let back = 1; back <= RING_SIZE; back++) {
      const at = (this.next - back + RING_SIZE) % RING_SIZE;
      const known = this.zxids[at] as number;
      if (known === zxid) return { zxid, lane0: this.lanes[at * 2] as number, lane1: this.lanes[at * 2 + 1] as number };
      if (known < zxid) return undefined;
    }
    return undefined;
  }

  /** False only when the digest at that zxid is known and differs. */
  agrees(zxid: number, lane0: number, lane1: number): boolean {
    // What is heard is nearly always of the very last batches.
    if (zxid === this.zxid) return lane0 === this.lane0 && lane1 === this.lane1;
    const known = this.at(zxid);
    return known === undefined || (known.lane0 === lane0 && known.lane1 === lane1);
  }
}
