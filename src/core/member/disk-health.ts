/** What is looked back at, ms (core.md 22). */
export const DISK_WINDOW_MS = 5_000;
/** A disk is slow when the 99th percentile of its fsyncs is above this, ms. */
export const SLOW_FSYNC_MS = 500;
/** And when that lasts: from where its first slow fsync began to where the last one ended, ms. One hiccup does not. */
export const SLOW_SPAN_MS = DISK_WINDOW_MS / 2;

/** A slot of the window. */
const SLOT_MS = 500;
const SLOTS = DISK_WINDOW_MS / SLOT_MS;

/** The fsyncs of the last {@link DISK_WINDOW_MS}, for people. */
export interface DiskFigures {
  readonly fsyncs: number;
  /** Of these, slower than {@link SLOW_FSYNC_MS}. */
  readonly slow: number;
  readonly slowestMs: number;
}

interface Slot {
  /** Number of the slot since time began: what is older than the window counts no more. */
  number: number;
  fsyncs: number;
  slow: number;
  slowestMs: number;
  slowFrom: number;
  slowTo: number;
}

/** Decides from the durations of its fsyncs whether a disk is slow now. Constant in memory, however fast it is. */
export class DiskHealth {
  private readonly slots: Slot[] = Array.from({ length: SLOTS }, () => emptySlot(-1));

  /** An fsync that took `ms` has ended. */
  fsynced(now: number, ms: number): void {
    const number = Math.floor(now / SLOT_MS);
    const at = number % SLOTS;
    let slot = this.slots[at] as Slot;
    if (slot.number !== number) {
      slot = emptySlot(number);
      this.slots[at] = slot;
    }
    slot.fsyncs++;
    slot.slowestMs = Math.max(slot.slowestMs, ms);
    if (ms <= SLOW_FSYNC_MS) return;
    slot.slow++;
    slot.slowFrom = Math.min(slot.slowFrom, now - ms);
    slot.slowTo = Math.max(slot.slowTo, now);
  }

  isSlow(now: number): boolean {
    const { fsyncs, slow, slowFrom, slowTo } = this.window(now);
    // The 99th percentile, by nearest rank, is above the bound just when more than a hundredth is.
    return slow > Math.floor(fsyncs / 100) && slowTo - slowFrom >= SLOW_SPAN_MS;
  }

  figures(now: number): DiskFigures {
    const { fsyncs, slow, slowestMs } = this.window(now);
    return { fsyncs, slow, slowestMs };
  }

  private window(now: number): Slot {
    const sum = emptySlot(Math.floor(now / SLOT_MS));
    for (const slot of this.slots) {
      if (slot.number <= sum.number - SLOTS) continue;
      sum.fsyncs += slot.fsyncs;
      sum.slow += slot.slow;
      sum.slowestMs = Math.max(sum.slowestMs, slot.slowestMs);
      sum.slowFrom = Math.min(sum.slowFrom, slot.slowFrom);
      sum.slowTo = Math.max(sum.slowTo, slot.slowTo);
    }
    return sum;
  }
}

function emptySlot(number: number): Slot {
  return { number, fsyncs: 0, slow: 0, slowestMs: 0, slowFrom: Number.POSITIVE_INFINITY, slowTo: 0 };
}
