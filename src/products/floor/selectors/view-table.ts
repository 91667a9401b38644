import { assert } from "../../../core/base/assert.ts";
import { everything, type Selector } from "./selector.ts";

/** Filtered views of one service or namespace at most. */
export const VIEWS_MAX = 64;

/** A subscriber's hold on a view. */
export interface ViewLease<View> {
  readonly view: View;
  /** There are as many views as there may be: this one is of everything, and the client filters. */
  readonly clientFilters: boolean;
  /** The subscriber is gone; a view without subscribers is forgotten. Idempotent. */
  release(): void;
}

interface Entry<View> {
  readonly view: View;
  leases: number;
}

/**
 * The views of one service or namespace (products.md 8): subscribers whose selectors have the same canonical text share
 * one, so that its content is filtered and encoded once. At most {@link VIEWS_MAX} are filtered; beyond them a
 * subscriber gets the view of everything, of which there is always one more.
 */
export class ViewTable<View> {
  private readonly make: (selector: Selector) => View;
  private readonly entries = new Map<string, Entry<View>>();

  constructor(make: (selector: Selector) => View) {
    this.make = make;
  }

  /** The views that have subscribers. */
  *views(): IterableIterator<View> {
    for (const { view } of this.entries.values()) yield view;
  }

  acquire(selector: Selector): ViewLease<View> {
    const isFull = !this.entries.has(selector.text) && selector.text !== everything.text && this.filtered >= VIEWS_MAX;
    const shown = isFull ? everything : selector;
    const entry = this.entry(shown);
    entry.leases++;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      assert(entry.leases > 0, "a view with fewer leases than holders");
      if (--entry.leases === 0) this.entries.delete(shown.text);
    };
    return { view: entry.view, clientFilters: isFull, release };
  }

  private get filtered(): number {
    return this.entries.size - (this.entries.has(everything.text) ? 1 : 0);
  }

  private entry(selector: Selector): Entry<View> {
    const known = this.entries.get(selector.text);
    if (known !== undefined) return known;
    const made = { view: this.make(selector), leases: 0 };
    this.entries.set(selector.text, made);
    return made;
  }
}
