import { assert } from "../base/assert.ts";
import { encodeUtf8, FormatError } from "../base/bytes.ts";
import { Hasher, hashDomain } from "./digest.ts";
import type { AclEntry } from "./operation.ts";
import { permission } from "./operation.ts";

/** The id of the open ACL: everybody may do everything. Most znodes have it, and checks begin by comparing with it. */
export const OPEN_ACL = 0;

const OPEN_ENTRIES: readonly AclEntry[] = [{ scheme: "world", id: "anyone", permissions: permission.ALL }];

interface Row {
  readonly entries: readonly AclEntry[];
  /** The canonical text; empty for the open ACL. */
  readonly text: string;
  readonly hash0: number;
  readonly hash1: number;
  references: number;
}

/**
 * Each distinct ACL once, counted. Ids are local to this process: snapshots and digests use the text. An id whose count
 * fell to zero stays valid until {@link collect}, so that the events of the command that freed it can still be checked.
 */
export class AclTable {
  private readonly rows: (Row | undefined)[] = [];
  private readonly byText = new Map<string, number>();
  private readonly freeIds: number[] = [];
  private unused: number[] = [];
  private readonly hasher = new Hasher();

  constructor() {
    const id = this.insert(OPEN_ENTRIES, "");
    assert(id === OPEN_ACL, "the open ACL has id 0");
  }

  /** The id of an ACL, counted once more. */
  acquire(entries: readonly AclEntry[]): number {
    const text = aclText(entries);
    if (text === "") return OPEN_ACL;
    const id = this.byText.get(text) ?? this.insert(entries, text);
    this.retain(id);
    return id;
  }

  retain(id: number): void {
    if (id !== OPEN_ACL) (this.rows[id] as Row).references++;
  }

  release(id: number): void {
    if (id === OPEN_ACL) return;
    const row = this.rows[id] as Row;
    assert(row.references > 0, "ACL released twice");
    row.references--;
    if (row.references === 0) this.unused.push(id);
  }

  /** Forgets the ACLs released for the last time and not acquired again. */
  collect(): void {
    if (this.unused.length === 0) return;
    for (const id of this.unused) {
      const row = this.rows[id];
      if (row === undefined || row.references > 0) continue;
      this.byText.delete(row.text);
      this.rows[id] = undefined;
      this.freeIds.push(id);
    }
    this.unused = [];
  }

  entries(id: number): readonly AclEntry[] {
    return (this.rows[id] as Row).entries;
  }

  text(id: number): string {
    return (this.rows[id] as Row).text;
  }

  mixInto(hasher: Hasher, id: number): void {
    const row = this.rows[id] as Row;
    hasher.word(row.hash0);
    hasher.word(row.hash1);
  }

  get size(): number {
    return this.byText.size + 1;
  }

  private insert(entries: readonly AclEntry[], text: string): number {
    const id = this.freeIds.pop() ?? this.rows.length;
    const bytes = encodeUtf8(text);
    this.hasher.begin(hashDomain.ACL);
    this.hasher.bytes(bytes, 0, bytes.length);
    this.hasher.end();
    this.rows[id] = { entries, text, hash0: this.hasher.lane0, hash1: this.hasher.lane1, references: 0 };
    if (text !== "") this.byText.set(text, id);
    return id;
  }
}

/** The canonical text of an ACL, as snapshots keep it: JSON, or nothing for the open one. */
export function aclText(entries: readonly AclEntry[]): string {
  const [first] = entries;
  if (entries.length === 1 && first?.scheme === "world" && first.permissions === permission.ALL) return "";
  return JSON.stringify(entries.map(({ scheme, id, permissions }) => [scheme, id, permissions]));
}

/** The reverse of {@link aclText}; throws on anything it did not write. */
export function parseAclText(text: string): readonly AclEntry[] {
  if (text === "") return OPEN_ENTRIES;
  const rows = JSON.parse(text) as [string, string, number][];
  const entries = rows.map(([scheme, id, permissions]) => ({ scheme, id, permissions }));
  if (aclText(entries) !== text) throw new FormatError("the text of an ACL is not as it is written");
  return entries;
}
