import { Float64Column, grownRows, Uint32Column } from "./columns.ts";

/**
 * What only ephemeral, container and TTL znodes have, and the lists they are found by: each session's ephemerals, all
 * containers, all TTL znodes, each in the order they joined. A row belongs to one znode and is in one list.
 */
export class SpecialTable {
  readonly node = new Uint32Column();
  /** The owner's session id; 0 but for ephemerals. */
  readonly owner = new Float64Column();
  readonly ttlMs = new Float64Column();
  private readonly next = new Uint32Column();
  private readonly previous = new Uint32Column();
  private rows = 1;
  private capacity = 0;
  private freeHead = 0;

  add(node: number, owner: number, ttlMs: number): number {
    const row = this.takeRow();
    this.node.set(row, node);
    this.owner.set(row, owner);
    this.ttlMs.set(row, ttlMs);
    return row;
  }

  free(row: number): void {
    this.node.set(row, 0);
    this.next.set(row, this.freeHead);
    this.freeHead = row;
  }

  following(row: number): number {
    return this.next.get(row);
  }

  append(list: SpecialList, row: number): void {
    this.insert(list, row, list.last, 0);
  }

  /** Takes a row out; it remembers its neighbours for {@link putBack}. */
  takeOut(list: SpecialList, row: number): void {
    const previous = this.previous.get(row);
    const next = this.next.get(row);
    if (previous === 0) list.first = next;
    else this.next.set(previous, next);
    if (next === 0) list.last = previous;
    else this.previous.set(next, previous);
    list.size--;
  }

  /** Undoes `takeOut`; several are undone in reverse order. */
  putBack(list: SpecialList, row: number): void {
    this.insert(list, row, this.previous.get(row), this.next.get(row));
  }

  private insert(list: SpecialList, row: number, previous: number, next: number): void {
    this.previous.set(row, previous);
    this.next.set(row, next);
    if (previous === 0) list.first = row;
    else this.next.set(previous, row);
    if (next === 0) list.last = row;
    else this.previous.set(next, row);
    list.size++;
  }

  private takeRow(): number {
    if (this.freeHead !== 0) {
      const row = this.freeHead;
      this.freeHead = this.next.get(row);
      return row;
    }
    if (this.rows >= this.capacity) {
      for (const column of [this.node, this.owner, this.ttlMs, this.next, this.previous]) column.grow();
      this.capacity = grownRows(this.capacity);
    }
    return this.rows++;
  }
}

/** The ends of one list in the table. */
export class SpecialList {
  first = 0;
  last = 0;
  size = 0;
}
