import { assert } from "../base/assert.ts";
import {
  Float64Column,
  grownRows,
  SparseInt32Column,
  SparseUint32Column,
  Uint8Column,
  Uint16Column,
  Uint32Column,
} from "./columns.ts";
import { type NamedNodes, NameIndex } from "./name-index.ts";
import { copyBytes, Slab } from "./slab.ts";

/** No node: the parent of the root, the end of a list, a path that leads nowhere. */
export const NO_NODE = 0;
export const ROOT = 1;

const SLASH = 47;

/**
 * All znodes, as rows of columns addressed by node number (core.md 37). It knows structure - parents, children in
 * creation order, names, data - and nothing of what the fields mean: versions, ACLs, digests and dirtiness are kept
 * here and decided elsewhere.
 *
 * A node number is reused after `free`; what names a znode for ever is its serial.
 */
export class NodeTable implements NamedNodes {
  readonly parent = new Uint32Column();
  readonly firstChild = new SparseUint32Column();
  readonly lastChild = new SparseUint32Column();
  /** Siblings in creation order; `next` also links the free rows. */
  readonly next = new Uint32Column();
  readonly previous = new Uint32Column();
  readonly childCount = new SparseUint32Column();
  readonly serial = new Float64Column();
  readonly czxid = new Float64Column();
  readonly mzxid = new Float64Column();
  readonly pzxid = new Float64Column();
  readonly ctime = new Float64Column();
  readonly mtime = new Float64Column();
  readonly version = new SparseInt32Column();
  /** Children ever created; what ZooKeeper stores as cversion. */
  readonly creations = new SparseInt32Column();
  readonly aversion = new SparseInt32Column();
  /** {@link ZnodeKind}. */
  readonly kind = new Uint8Column();
  /** Id in the ACL table. */
  readonly acl = new SparseUint32Column();
  /** Row in the table of special znodes, 0 for ordinary ones. */
  readonly special = new SparseUint32Column();
  readonly dataLength = new Uint32Column();
  /** Two lanes over the data, computed once per value. */
  readonly dataHash0 = new Uint32Column();
  readonly dataHash1 = new Uint32Column();
  /** Bits of the snapshot's capture. */
  readonly dirty = new Uint8Column();

  private readonly nameRef = new Uint32Column();
  private readonly nameLength = new Uint16Column();
  private readonly nameHash = new Uint32Column();
  private readonly dataRef = new Uint32Column();
  private readonly slab = new Slab();
  private readonly index = new NameIndex(this);
  private readonly hashSeed: number;
  private rows = 1;
  private capacity = 0;
  private freeHead = NO_NODE;
  private live = 0;

  /** `hashSeed` should be random per process: it keeps chosen names from piling up in one place of the index. */
  constructor(hashSeed: number) {
    this.hashSeed = hashSeed >>> 0;
    this.grow();
    const root = this.takeRow();
    assert(root === ROOT, "the root has number 1");
    this.live = 1;
  }

  /** Znodes in the tree, the root included. */
  get size(): number {
    return this.live;
  }

  /** Rows in use or free: node numbers are below it. */
  get rowCount(): number {
    return this.rows;
  }

  get reservedBytes(): number {
    return this.slab.reservedBytes;
  }

  /** Adds the last child of `parent`, without data; every other field is zero. */
  add(parent: number, name: Uint8Array, start: number, end: number): number {
    const node = this.takeRow();
    this.parent.set(node, parent);
    this.nameRef.set(node, this.slab.store(name, start, end));
    this.nameLength.set(node, end - start);
    this.nameHash.set(node, this.hash(parent, name, start, end));
    this.link(node, this.lastChild.get(parent), NO_NODE);
    return node;
  }

  /**
   * Takes a node out of its parent's children and out of the index, keeping its row, so that {@link putBack} can undo
   * it. Undone in reverse order, the neighbours it remembers are right again.
   */
  takeOut(node: number): void {
    const parent = this.parent.get(node);
    const previous = this.previous.get(node);
    const next = this.next.get(node);
    if (previous === NO_NODE) this.firstChild.set(parent, next);
    else this.next.set(previous, next);
    if (next === NO_NODE) this.lastChild.set(parent, previous);
    else this.previous.set(next, previous);
    this.childCount.set(parent, this.childCount.get(parent) - 1);
    this.index.remove(this.nameHash.get(node), node);
    this.live--;
  }

  putBack(node: number): void {
    this.link(node, this.previous.get(node), this.next.get(node));
  }

  /** Gives back the row and the memory of a node that was taken out. */
  free(node: number): void {
    this.slab.free(this.nameRef.get(node));
    this.slab.free(this.dataRef.get(node));
    this.clearRow(node);
    this.next.set(node, this.freeHead);
    this.freeHead = node;
  }

  /** The child of that name, or NO_NODE. */
  child(parent: number, name: Uint8Array, start: number, end: number): number {
    return this.index.find(this.hash(parent, name, start, end), parent, name, start, end);
  }

  /** The node at an absolute path whose rules were checked, or NO_NODE. */
  lookup(path: Uint8Array, start: number, end: number): number {
    let node = ROOT;
    let from = start + 1;
    while (from < end && node !== NO_NODE) {
      let to = from;
      while (to < end && path[to] !== SLASH) to++;
      node = this.child(node, path, from, to);
      from = to + 1;
    }
    return node;
  }

  /** Replaces the data, returning the old reference for {@link releaseData} or {@link restoreData}. */
  replaceData(node: number, source: Uint8Array, start: number, end: number): number {
    const old = this.dataRef.get(node);
    this.dataRef.set(node, this.slab.store(source, start, end));
    this.dataLength.set(node, end - start);
    return old;
  }

  restoreData(node: number, ref: number, length: number): void {
    this.slab.free(this.dataRef.get(node));
    this.dataRef.set(node, ref);
    this.dataLength.set(node, length);
  }

  releaseData(ref: number): void {
    this.slab.free(ref);
  }

  /** A view of the data; valid until it changes. */
  data(node: number): Uint8Array {
    return this.slab.view(this.dataRef.get(node), this.dataLength.get(node));
  }

  /** The data by words, zero-padded, with {@link dataWordOffset}: for hashing. */
  dataWords(node: number): Uint32Array {
    return this.slab.wordsOf(this.dataRef.get(node));
  }

  dataWordOffset(node: number): number {
    return this.slab.offsetOf(this.dataRef.get(node)) >>> 2;
  }

  /** A view of the name; valid while the node lives. */
  name(node: number): Uint8Array {
    return this.slab.view(this.nameRef.get(node), this.nameLength.get(node));
  }

  nameBytes(node: number): Uint8Array {
    return this.slab.bytesOf(this.nameRef.get(node));
  }

  nameOffset(node: number): number {
    return this.slab.offsetOf(this.nameRef.get(node));
  }

  nameSize(node: number): number {
    return this.nameLength.get(node);
  }

  nameWords(node: number): Uint32Array {
    return this.slab.wordsOf(this.nameRef.get(node));
  }

  /** Bytes of the node's path, "/" counting one. */
  pathSize(node: number): number {
    let size = node === ROOT ? 1 : 0;
    for (let at = node; at !== ROOT; at = this.parent.get(at)) size += this.nameLength.get(at) + 1;
    return size;
  }

  /** Writes the node's path so that it ends at `end`; it begins at `end - pathSize(node)`. */
  writePath(node: number, target: Uint8Array, end: number): void {
    if (node === ROOT) {
      target[end - 1] = SLASH;
      return;
    }
    let to = end;
    for (let at = node; at !== ROOT; at = this.parent.get(at)) {
      const from = this.nameOffset(at);
      const length = this.nameLength.get(at);
      to -= length;
      copyBytes(this.nameBytes(at), from, from + length, target, to);
      target[--to] = SLASH;
    }
  }

  hashOf(node: number): number {
    return this.nameHash.get(node);
  }

  matches(node: number, parent: number, name: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.parent.get(node) !== parent || this.nameLength.get(node) !== length) return false;
    const own = this.nameBytes(node);
    const from = this.nameOffset(node);
    for (let i = 0; i < length; i++) if (own[from + i] !== name[start + i]) return false;
    return true;
  }

  private link(node: number, previous: number, next: number): void {
    const parent = this.parent.get(node);
    this.previous.set(node, previous);
    this.next.set(node, next);
    if (previous === NO_NODE) this.firstChild.set(parent, node);
    else this.next.set(previous, node);
    if (next === NO_NODE) this.lastChild.set(parent, node);
    else this.previous.set(next, node);
    this.childCount.set(parent, this.childCount.get(parent) + 1);
    this.index.insert(this.nameHash.get(node), node);
    this.live++;
  }

  private hash(parent: number, name: Uint8Array, start: number, end: number): number {
    let h = this.hashSeed ^ Math.imul(parent, 0x9e3779b1);
    for (let i = start; i < end; i++) h = Math.imul(h ^ (name[i] as number), 0x01000193);
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  }

  private takeRow(): number {
    if (this.freeHead !== NO_NODE) {
      const node = this.freeHead;
      this.freeHead = this.next.get(node);
      this.next.set(node, NO_NODE);
      return node;
    }
    if (this.rows === this.capacity) this.grow();
    return this.rows++;
  }

  private grow(): void {
    for (const column of this.columns()) column.grow();
    this.capacity = grownRows(this.capacity);
  }

  private clearRow(node: number): void {
    for (const column of this.columns()) column.set(node, 0);
  }

  private columnList: { grow(): void; set(row: number, value: number): void }[] | undefined;

  private columns(): { grow(): void; set(row: number, value: number): void }[] {
    this.columnList ??= [
      this.parent,
      this.firstChild,
      this.lastChild,
      this.next,
      this.previous,
      this.childCount,
      this.serial,
      this.czxid,
      this.mzxid,
      this.pzxid,
      this.ctime,
      this.mtime,
      this.version,
      this.creations,
      this.aversion,
      this.kind,
      this.acl,
      this.special,
      this.dataLength,
      this.dataHash0,
      this.dataHash1,
      this.dirty,
      this.nameRef,
      this.nameLength,
      this.nameHash,
      this.dataRef,
    ];
    return this.columnList;
  }
}
