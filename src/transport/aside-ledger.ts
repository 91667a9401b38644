/**
 * How much of what waits on a link is asides. A link's bytes leave in the order they were added, so an aside is gone
 * once the system has taken as many bytes as had been added with its last one.
 */
export class AsideLedger {
  /** Of those not gone, oldest first. */
  private waiting: { readonly end: number; readonly bytes: number }[] = [];
  private bytes = 0;

  /** An aside was added; `end` is how many bytes had been with it. */
  added(end: number, bytes: number): void {
    this.waiting.push({ end, bytes });
    this.bytes += bytes;
  }

  /** Bytes of asides still waiting when the system has taken `taken`. */
  waitingBytes(taken: number): number {
    let gone = 0;
    for (const { end, bytes } of this.waiting) {
      if (end > taken) break;
      this.bytes -= bytes;
      gone++;
    }
    if (gone > 0) this.waiting = this.waiting.slice(gone);
    return this.bytes;
  }
}
