interface Entry {
  readonly at: number;
  readonly order: number;
  readonly work: () => void;
}

/** Virtual time: what is to happen, by time and then by the order in which it was asked for. */
export class Timeline {
  /** Monotonic, ms. */
  now = 0;
  /** Events run so far. */
  steps = 0;
  private readonly heap: Entry[] = [];
  private order = 0;

  after(delayMs: number, work: () => void): void {
    this.at(this.now + delayMs, work);
  }

  /** At that time, or now if it has passed. */
  at(time: number, work: () => void): void {
    const { heap } = this;
    const entry = { at: Math.max(time, this.now), order: this.order++, work };
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const above = (index - 1) >>> 1;
      if (!isBefore(entry, heap[above] as Entry)) break;
      heap[index] = heap[above] as Entry;
      index = above;
    }
    heap[index] = entry;
  }

  /** Runs the next event; false when nothing is to happen any more. */
  step(): boolean {
    const next = this.pop();
    if (next === undefined) return false;
    this.now = next.at;
    this.steps++;
    next.work();
    return true;
  }

  private pop(): Entry | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Entry, heap[below] as Entry)) below++;
      if (!isBefore(heap[below] as Entry, last)) break;
      heap[index] = heap[below] as Entry;
      index = below;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
