import type { Digest } from "../tree/digest.ts";

/** Digests remembered, by zxid. */
const RING_SIZE = 4096;

/** The digests at recent batch ends, so that a batch's header can be compared at equal zxid (core.md 29). */
export class DigestRing {
  private readonly zxids = new Float64Array(RING_SIZE);
  private readonly lanes = new Uint32Array(RING_SIZE * 2);
  private next = 0;
  /** The latest. */
  zxid = 0;
  lane0 = 0;
  lane1 = 0;

  /** The latest, as one value. */
  get latest(): { readonly zxid: number; readonly lane0: number; readonly lane1: number } {
    return this;
  }

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

  /** False only when the digest at that zxid is known and differs. */
  agrees(zxid: number, lane0: number, lane1: number): boolean {
    if (zxid === 0) return true;
    for (let back = 1; back <= RING_SIZE; back++) {
      const at = (this.next - back + RING_SIZE) % RING_SIZE;
      const known = this.zxids[at] as number;
      if (known < zxid) return true;
      if (known === zxid) return this.lanes[at * 2] === lane0 && this.lanes[at * 2 + 1] === lane1;
    }
    return true;
  }
}
