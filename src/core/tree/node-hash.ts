import type { AclTable } from "./acl-table.ts";
import { Hasher, hashDomain } from "./digest.ts";
import { NO_NODE, type NodeTable } from "./node-table.ts";
import type { ZnodeKind, ZnodeRow } from "./snapshot-row.ts";
import type { SpecialTable } from "./special-table.ts";

/**
 * A znode's part of the digest: everything a client can see of it or that `apply` decides by, but for what follows from
 * other znodes (numChildren, its path). The data enters by its hash, computed once when it was set.
 */
export class NodeHasher {
  readonly hasher = new Hasher();
  private readonly state: { readonly table: NodeTable; readonly specials: SpecialTable; readonly acls: AclTable };

  constructor(state: { readonly table: NodeTable; readonly specials: SpecialTable; readonly acls: AclTable }) {
    this.state = state;
  }

  /** Hashes a znode; the lanes are in the returned hasher until its next use. */
  hash(node: number): Hasher {
    const { table, specials, acls } = this.state;
    const { hasher } = this;
    const parent = table.parent.get(node);
    const special = table.special.get(node);
    hasher.begin(hashDomain.ZNODE);
    hasher.number(table.serial.get(node));
    hasher.number(parent === NO_NODE ? 0 : table.serial.get(parent));
    hasher.number(table.czxid.get(node));
    hasher.number(table.mzxid.get(node));
    hasher.number(table.pzxid.get(node));
    hasher.number(table.ctime.get(node));
    hasher.number(table.mtime.get(node));
    hasher.word(table.version.get(node));
    hasher.word(table.creations.get(node));
    hasher.word(table.aversion.get(node));
    hasher.word(table.kind.get(node));
    hasher.number(special === 0 ? 0 : specials.owner.get(special));
    hasher.number(special === 0 ? 0 : specials.ttlMs.get(special));
    acls.mixInto(hasher, table.acl.get(node));
    hasher.words(table.nameWords(node), table.nameOffset(node) >>> 2, table.nameSize(node));
    hasher.word(table.dataLength.get(node));
    hasher.word(table.dataHash0.get(node));
    hasher.word(table.dataHash1.get(node));
    hasher.end();
    return hasher;
  }

  /** Computes and keeps the hash of a znode's data. */
  hashData(node: number): void {
    const { table } = this.state;
    const { hasher } = this;
    hasher.begin(hashDomain.DATA);
    hasher.words(table.dataWords(node), table.dataWordOffset(node), table.dataLength.get(node));
    hasher.end();
    table.dataHash0.set(node, hasher.lane0);
    table.dataHash1.set(node, hasher.lane1);
  }

  /** Fills a row with a znode, for a snapshot; its byte fields are views. */
  fill(node: number, row: ZnodeRow): void {
    const { table, specials, acls } = this.state;
    const parent = table.parent.get(node);
    const special = table.special.get(node);
    row.serial = table.serial.get(node);
    row.parentSerial = parent === NO_NODE ? 0 : table.serial.get(parent);
    row.name = table.name(node);
    row.data = table.data(node);
    row.kind = table.kind.get(node) as ZnodeKind;
    row.czxid = table.czxid.get(node);
    row.mzxid = table.mzxid.get(node);
    row.pzxid = table.pzxid.get(node);
    row.ctime = table.ctime.get(node);
    row.mtime = table.mtime.get(node);
    row.version = table.version.get(node);
    row.creations = table.creations.get(node);
    row.aversion = table.aversion.get(node);
    row.owner = special === 0 ? 0 : specials.owner.get(special);
    row.ttlMs = special === 0 ? 0 : specials.ttlMs.get(special);
    row.acl = acls.text(table.acl.get(node));
    row.checksum = this.hash(node).lane0;
  }
}
