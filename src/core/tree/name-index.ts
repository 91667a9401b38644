import { assert } from "../base/assert.ts";

/** What the index needs of the nodes it holds. */
export interface NamedNodes {
  hashOf(node: number): number;
  matches(node: number, parent: number, bytes: Uint8Array, start: number, end: number): boolean;
}

const EMPTY = 0;
const DELETED = 0xffffffff;
const SLOTS_MIN = 1024;
/** Slots of the old table moved per insertion or removal while a rehash is under way. */
const MOVES_PER_CHANGE = 16;

/**
 * The one way from (parent, name) to a node: an open-addressing table of node numbers with linear probing. It grows by
 * moving a few slots at each change, never all at once (core.md 37), so a lookup may have to look into two tables.
 */
export class NameIndex {
  private readonly nodes: NamedNodes;
  private slots = new Uint32Array(SLOTS_MIN);
  /** Used and deleted slots of `slots`. */
  private filled = 0;
  /** The table being emptied, and how far. */
  private old: Uint32Array | undefined;
  private moved = 0;
  private live = 0;

  constructor(nodes: NamedNodes) {
    this.nodes = nodes;
  }

  get size(): number {
    return this.live;
  }

  find(hash: number, parent: number, bytes: Uint8Array, start: number, end: number): number {
    const found = this.findIn(this.slots, hash, parent, bytes, start, end);
    if (found !== 0 || this.old === undefined) return found;
    return this.findIn(this.old, hash, parent, bytes, start, end);
  }

  insert(hash: number, node: number): void {
    this.advance();
    this.put(hash, node);
    this.live++;
    if (this.filled * 4 > this.slots.length * 3) this.beginRehash();
  }

  remove(hash: number, node: number): void {
    this.advance();
    const removed = removeFrom(this.slots, hash, node) || (this.old !== undefined && removeFrom(this.old, hash, node));
    assert(removed, "name index: the node is not there");
    this.live--;
  }

  private put(hash: number, node: number): void {
    const mask = this.slots.length - 1;
    let at = hash & mask;
    while (this.slots[at] !== EMPTY && this.slots[at] !== DELETED) at = (at + 1) & mask;
    if (this.slots[at] === EMPTY) this.filled++;
    this.slots[at] = node;
  }

  private findIn(
    slots: Uint32Array,
    hash: number,
    parent: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    const mask = slots.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const node = slots[at] as number;
      if (node === EMPTY) return 0;
      if (node === DELETED || this.nodes.hashOf(node) !== hash) continue;
      if (this.nodes.matches(node, parent, bytes, start, end)) return node;
    }
  }

  /**
   * The new table is large enough to take everything and all that can come before the move ends, even when it begins
   * almost empty after a large one: so a move never has to be hurried to its end by the next one.
   */
  private beginRehash(): void {
    assert(this.old === undefined, "name index: a rehash ends before the next begins");
    const atMost = this.live + this.slots.length / MOVES_PER_CHANGE;
    let size = SLOTS_MIN;
    while (size < this.live * 2.5 || size * 3 < (atMost + MOVES_PER_CHANGE) * 4) size *= 2;
    this.old = this.slots;
    this.moved = 0;
    this.slots = new Uint32Array(size);
    this.filled = 0;
  }

  private advance(): void {
    if (this.old !== undefined) this.move(MOVES_PER_CHANGE);
  }

  private move(count: number): void {
    const old = this.old as Uint32Array;
    const end = Math.min(old.length, this.moved + count);
    for (let at = this.moved; at < end; at++) {
      const node = old[at] as number;
      if (node === EMPTY) continue;
      // A tombstone, not an empty slot: probes for what follows in the old table pass over it.
      old[at] = DELETED;
      if (node !== DELETED) this.put(this.nodes.hashOf(node), node);
    }
    this.moved = end;
    if (end === old.length) this.old = undefined;
  }
}

function removeFrom(slots: Uint32Array, hash: number, node: number): boolean {
  const mask = slots.length - 1;
  for (let at = hash & mask; slots[at] !== EMPTY; at = (at + 1) & mask) {
    if (slots[at] !== node) continue;
    slots[at] = DELETED;
    return true;
  }
  return false;
}
