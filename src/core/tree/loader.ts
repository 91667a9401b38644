import { assert } from "../base/assert.ts";
import { ByteReader, decodeUtf8, encodeUtf8, FormatError } from "../base/bytes.ts";
import { CONFIGURATION_BYTES_MAX } from "../base/limits.ts";
import { parseAclText } from "./acl-table.ts";
import { parseLimits } from "./apply-limits.ts";
import { FEATURE_LEVEL, FeatureLevelError, featureLevelOf } from "./feature-level.ts";
import { checkTail } from "./history-tail.ts";
import { NO_NODE, ROOT } from "./node-table.ts";
import { parseQuotaLimits } from "./quota-index.ts";
import { Session } from "./session-table.ts";
import {
  ROOT_SERIAL,
  type RowSink,
  type SessionRow,
  type SnapshotMeta,
  type ZnodeRow,
  znodeKind,
} from "./snapshot-row.ts";
import type { TreeState } from "./tree-state.ts";
import { lookupText } from "./znode-changes.ts";

/** Rows that do not make the tree their meta promises. Names the row and the rule. */
export class LoadError extends Error {
  override readonly name = "LoadError";
}

/**
 * Builds a tree from a snapshot: znodes in the order of their serials, then sessions, then {@link finish}. Every row is
 * checked against its checksum, the whole against the digest, so that what loads is what was committed.
 */
export class TreeLoader implements RowSink {
  private readonly state: TreeState;
  private lastSerial = 0;
  private lastParent = ROOT;
  private readonly ephemerals: number[] = [];

  /** `state` must be new and empty. */
  constructor(state: TreeState) {
    assert(state.table.size === 1 && state.zxid === 0, "a snapshot is loaded into an empty tree");
    this.state = state;
  }

  znode(row: ZnodeRow): void {
    const { state } = this;
    const { table } = state;
    if (row.serial <= this.lastSerial) throw new LoadError(`znode ${row.serial}: serials do not rise`);
    this.lastSerial = row.serial;
    if (hasStrayField(row)) throw new LoadError(`znode ${row.serial}: a field is set that such a znode does not have`);
    const node = row.serial === ROOT_SERIAL ? ROOT : table.add(this.parentOf(row), row.name, 0, row.name.length);
    table.serial.set(node, row.serial);
    table.czxid.set(node, row.czxid);
    table.mzxid.set(node, row.mzxid);
    table.pzxid.set(node, row.pzxid);
    table.ctime.set(node, row.ctime);
    table.mtime.set(node, row.mtime);
    table.version.set(node, row.version);
    table.creations.set(node, row.creations);
    table.aversion.set(node, row.aversion);
    table.kind.set(node, row.kind);
    table.acl.set(node, state.acls.acquire(this.parseAcl(row)));
    table.replaceData(node, row.data, 0, row.data.length);
    state.nodeHasher.hashData(node);
    state.dataBytes += row.data.length;
    if (row.kind !== znodeKind.PERSISTENT) this.addSpecial(node, row);
    const hash = state.nodeHasher.hash(node);
    if (hash.lane0 !== row.checksum >>> 0) throw new LoadError(`znode ${row.serial}: checksum differs`);
    state.digest.add(hash);
  }

  znodeDeleted(): void {
    throw new LoadError("a snapshot holds no deletions");
  }

  session(row: SessionRow): void {
    const { state } = this;
    const session = new Session(row.id, new Uint8Array(row.secretHash), row.timeoutMs, row.generation, state.windows);
    try {
      const reader = new ByteReader(new Uint8Array(row.window));
      session.window.read(reader);
      reader.expectEnd();
    } catch (error) {
      if (error instanceof FormatError) throw new LoadError(`session ${row.id}: its window ${error.message}`);
      throw error;
    }
    const checksum = session.rowChecksum(state.hasher);
    // Rows from before snapshot format 2 left the answers out of it: those are covered by the digest alone.
    const isFirst = state.hasher.lane0 === row.checksum >>> 0;
    if (checksum !== row.checksum >>> 0 && !isFirst) throw new LoadError(`session ${row.id}: checksum differs`);
    session.keepHash(state.hasher);
    state.digest.add(state.hasher);
    state.sessions.add(session);
  }

  sessionDeleted(): void {
    throw new LoadError("a snapshot holds no deletions");
  }

  finish(meta: SnapshotMeta): void {
    const { state } = this;
    // Not a LoadError: nothing is wrong with the snapshot.
    if (meta.featureLevel > FEATURE_LEVEL) throw new FeatureLevelError(meta.featureLevel);
    const limits = parseLimits(meta.limits, meta.featureLevel);
    if (limits === undefined) throw new LoadError("meta: limits are not valid");
    try {
      checkTail(meta.history, meta.zxid);
    } catch (error) {
      if (error instanceof FormatError) throw new LoadError(`meta: its history cannot be read: ${error.message}`);
      throw error;
    }
    for (const node of this.ephemerals) this.attach(node);
    checkConfiguration(meta);
    state.changeConfiguration(() => {
      state.limits = limits;
      state.featureLevel = meta.featureLevel;
      state.configuration = new Uint8Array(meta.configuration);
      state.configurationZxid = meta.configurationZxid;
    });
    this.loadQuotas(meta.quotas);
    state.zxid = meta.zxid;
    state.time = meta.time;
    state.nextSerial = meta.nextSerial;
    if (state.table.size !== meta.nodeCount) throw new LoadError(`meta: ${meta.nodeCount} znodes promised`);
    if (state.sessions.size !== meta.sessionCount) throw new LoadError(`meta: ${meta.sessionCount} sessions promised`);
    if (this.lastSerial >= meta.nextSerial) throw new LoadError("meta: next serial is taken");
    if (!state.digest.equals(meta.digest)) throw new LoadError("meta: the digest differs from the rows'");
  }

  /** Rows were added in the order of serials, so node numbers rise with them and the parent is found by bisection. */
  private parentOf(row: ZnodeRow): number {
    const { serial } = this.state.table;
    if (serial.get(this.lastParent) === row.parentSerial) return this.lastParent;
    let low = ROOT;
    let high = this.state.table.size;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (serial.get(middle) <= row.parentSerial) low = middle;
      else high = middle - 1;
    }
    if (serial.get(low) !== row.parentSerial) throw new LoadError(`znode ${row.serial}: its parent is missing`);
    this.lastParent = low;
    return low;
  }

  private parseAcl(row: ZnodeRow): ReturnType<typeof parseAclText> {
    try {
      return parseAclText(row.acl);
    } catch {
      throw new LoadError(`znode ${row.serial}: its ACL cannot be read`);
    }
  }

  private addSpecial(node: number, row: ZnodeRow): void {
    const { state } = this;
    const special = state.specials.add(node, row.owner, row.ttlMs);
    state.table.special.set(node, special);
    if (row.kind === znodeKind.EPHEMERAL) this.ephemerals.push(node);
    else state.specials.append(row.kind === znodeKind.CONTAINER ? state.containers : state.ttls, special);
  }

  private attach(node: number): void {
    const { state } = this;
    const special = state.table.special.get(node);
    const session = state.sessions.get(state.specials.owner.get(special));
    if (session === undefined) throw new LoadError(`znode ${state.table.serial.get(node)}: its session is missing`);
    state.specials.append(session.ephemerals, special);
    state.ephemeralCount++;
  }

  private loadQuotas(text: string): void {
    const { state } = this;
    for (const [path, count, bytes] of JSON.parse(text) as [string, number, number][]) {
      const name = `/zookeeper/quota${path === "/" ? "" : path}/zookeeper_limits`;
      const node = lookupText(state, name);
      if (node === NO_NODE) throw new LoadError(`meta: the quota of ${path} has no znode`);
      const data = state.table.data(node);
      state.quotas.set(path, { path, count, bytes, limits: parseQuotaLimits(decodeUtf8(data, 0, data.length)) });
    }
  }
}

/** Set, with the zxid that set it, or not. */
function checkConfiguration({ configuration, configurationZxid, featureLevel, zxid }: SnapshotMeta): void {
  const wrong =
    (configuration.length === 0) !== (configurationZxid === 0) ||
    configuration.length > CONFIGURATION_BYTES_MAX ||
    configurationZxid > zxid ||
    (configurationZxid !== 0 && featureLevel < featureLevelOf.RECONFIGURE);
  if (wrong) throw new LoadError("meta: its configuration and the zxid that set it do not go together");
}

/** What the checksum cannot see, for the tree has no place for it. */
function hasStrayField(row: ZnodeRow): boolean {
  if (row.serial === ROOT_SERIAL && (row.parentSerial !== 0 || row.name.length > 0)) return true;
  return row.kind === znodeKind.PERSISTENT && (row.owner !== 0 || row.ttlMs !== 0);
}

/** The znodes every tree begins with, at zxid 0. */
export function plantSystemZnodes(state: TreeState): void {
  const { table } = state;
  const plant = (node: number, aclId: number): void => {
    table.serial.set(node, state.nextSerial++);
    table.acl.set(node, aclId);
    state.nodeHasher.hashData(node);
    state.capture.touchNode(node);
  };
  const add = (parent: number, name: string): number => {
    const bytes = encodeUtf8(name);
    return table.add(parent, bytes, 0, bytes.length);
  };
  plant(ROOT, 0);
  const system = add(ROOT, "zookeeper");
  plant(system, 0);
  const quota = add(system, "quota");
  plant(quota, 0);
  const config = add(system, "config");
  plant(config, state.acls.acquire([{ scheme: "world", id: "anyone", permissions: 1 }]));
  // ZooKeeper puts this ACL in place with version -1, and clients see that.
  table.aversion.set(config, -1);
  for (const node of [ROOT, system, quota, config]) state.endNodeChange(node);
}
