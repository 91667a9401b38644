import { ByteReader, encodeUtf8, FormatError } from "../../core/base/bytes.ts";
import { Digest, Hasher, hashDomain } from "../../core/tree/digest.ts";
import { Session } from "../../core/tree/session-table.ts";
import {
  ROOT_SERIAL,
  type SessionRow,
  type SnapshotMeta,
  type ZnodeRow,
  znodeKind,
} from "../../core/tree/snapshot-row.ts";
import { windowMemory } from "../../core/tree/window.ts";

/** Different ACLs whose hashes are kept; znodes share few. */
const ACL_HASHES_MAX = 1024;
const KIND_MAX = Math.max(...Object.values(znodeKind));

/**
 * Checks the rows of one snapshot as they come, in their order: what a row can show by itself, its checksum above all.
 * That the parents exist, and the digest over everything, is for the tree's loader.
 */
export class RowChecker {
  private readonly meta: SnapshotMeta;
  private readonly hasher = new Hasher();
  private readonly aclHashes = new Map<string, readonly [number, number]>();
  /** Windows are read to be checked, one after the other; the digest they would be part of is nobody's. */
  private readonly windows = windowMemory(new Digest());
  private lastSerial = 0;
  private lastSession = 0;

  constructor(meta: SnapshotMeta) {
    this.meta = meta;
  }

  /** @throws FormatError naming the row and the rule */
  znode(row: ZnodeRow): void {
    const { serial, parentSerial } = row;
    if (serial <= this.lastSerial) fail("znode", serial, "serials do not rise");
    if (this.lastSerial === 0 && serial !== ROOT_SERIAL) fail("znode", serial, "it comes first and is not the root");
    if (serial >= this.meta.nextSerial) fail("znode", serial, "the serial is not below the meta's next serial");
    const isRoot = serial === ROOT_SERIAL;
    if (isRoot ? parentSerial !== 0 : parentSerial < ROOT_SERIAL || parentSerial >= serial) {
      fail("znode", serial, "a znode's parent has a lower serial, and only the root's is 0");
    }
    if (row.kind > KIND_MAX) fail("znode", serial, `kind ${row.kind} is not known`);
    if (this.znodeChecksum(row) !== row.checksum) fail("znode", serial, "the row does not match its checksum");
    this.lastSerial = serial;
  }

  /** @throws FormatError naming the row and the rule */
  session(row: SessionRow): void {
    if (row.id <= this.lastSession) fail("session", row.id, "session ids do not rise");
    if (!this.sessionChecksums(row).includes(row.checksum)) {
      fail("session", row.id, "the row does not match its checksum");
    }
    this.lastSession = row.id;
  }

  /** What a session row's checksum may be: over all of it, and, in rows from before format 2, without its answers. */
  sessionChecksums(row: SessionRow): readonly [number, number] {
    const { hasher } = this;
    const session = new Session(row.id, row.secretHash, row.timeoutMs, row.generation, this.windows);
    try {
      const reader = new ByteReader(row.window);
      session.window.read(reader);
      reader.expectEnd();
    } catch (error) {
      if (error instanceof FormatError) fail("session", row.id, `its window ${error.message}`);
      throw error;
    }
    const all = session.rowChecksum(hasher);
    session.window.clear();
    return [all, hasher.lane0];
  }

  /** As `core/tree/node-hash` computes it, from the row alone. */
  znodeChecksum(row: ZnodeRow): number {
    const { hasher } = this;
    const [acl0, acl1] = this.aclHash(row.acl);
    hasher.begin(hashDomain.DATA);
    hasher.bytes(row.data, 0, row.data.length);
    hasher.end();
    const data0 = hasher.lane0;
    const data1 = hasher.lane1;
    hasher.begin(hashDomain.ZNODE);
    hasher.number(row.serial);
    hasher.number(row.parentSerial);
    hasher.number(row.czxid);
    hasher.number(row.mzxid);
    hasher.number(row.pzxid);
    hasher.number(row.ctime);
    hasher.number(row.mtime);
    hasher.word(row.version);
    hasher.word(row.creations);
    hasher.word(row.aversion);
    hasher.word(row.kind);
    hasher.number(row.owner);
    hasher.number(row.ttlMs);
    hasher.word(acl0);
    hasher.word(acl1);
    hasher.bytes(row.name, 0, row.name.length);
    hasher.word(row.data.length);
    hasher.word(data0);
    hasher.word(data1);
    hasher.end();
    return hasher.lane0;
  }

  private aclHash(text: string): readonly [number, number] {
    const known = this.aclHashes.get(text);
    if (known !== undefined) return known;
    const { hasher } = this;
    const bytes = encodeUtf8(text);
    hasher.begin(hashDomain.ACL);
    hasher.bytes(bytes, 0, bytes.length);
    hasher.end();
    const hash = [hasher.lane0, hasher.lane1] as const;
    if (this.aclHashes.size === ACL_HASHES_MAX) this.aclHashes.clear();
    this.aclHashes.set(text, hash);
    return hash;
  }
}

function fail(table: string, id: number, rule: string): never {
  throw new FormatError(`${table} ${id}: ${rule}`);
}
