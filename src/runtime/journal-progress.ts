/** How far the journal has come, for whoever has to wait until everything is on disk. */
export class JournalProgress {
  private last = 0;
  private lastDurable = 0;
  private waiting: { readonly target: number; readonly resolve: () => void }[] = [];

  /** A record was appended under this sequence number, which is given back. */
  appended(sequence: number): number {
    this.last = sequence;
    return sequence;
  }

  /** Every record up to `sequence` is fsynced. */
  durable(sequence: number): void {
    this.lastDurable = sequence;
    if (this.waiting.length === 0) return;
    for (const { target, resolve } of this.waiting) if (target <= sequence) resolve();
    this.waiting = this.waiting.filter(({ target }) => target > sequence);
  }

  /** Resolves when all that was appended so far is on disk. */
  settled(): Promise<void> {
    const target = this.last;
    if (this.lastDurable >= target) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting.push({ target, resolve });
    });
  }
}
