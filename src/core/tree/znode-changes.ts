import { assert } from "../base/assert.ts";
import { decodeUtf8, encodeUtf8 } from "../base/bytes.ts";
import { NO_NODE, ROOT } from "./node-table.ts";
import { limitedPath, parseQuotaLimits, type Quota } from "./quota-index.ts";
import type { Session } from "./session-table.ts";
import { type ZnodeKind, znodeKind } from "./snapshot-row.ts";
import type { SpecialList } from "./special-table.ts";
import { nextVersion } from "./stat.ts";
import type { TreeState } from "./tree-state.ts";
import type { UndoLog } from "./undo-log.ts";

/** What a new znode is made of. Paths and data are ranges of bytes that live during the call. */
export interface NewZnode {
  readonly parent: number;
  readonly path: Uint8Array;
  readonly pathStart: number;
  readonly nameStart: number;
  readonly pathEnd: number;
  readonly data: Uint8Array;
  readonly dataStart: number;
  readonly dataEnd: number;
  readonly kind: ZnodeKind;
  readonly aclId: number;
  /** For ephemerals. */
  readonly session: Session | undefined;
  readonly ttlMs: number;
}

/**
 * The four changes a znode can undergo, with everything that goes along: stat, digest, capture, quota counts, lists of
 * special znodes. They check nothing; callers have. With an undo log each can be taken back exactly.
 */
export class ZnodeChanges {
  private readonly state: TreeState;
  /** Set while a multi runs. */
  undo: UndoLog | undefined;

  constructor(state: TreeState) {
    this.state = state;
  }

  /** Adds a znode whose ACL has been acquired for it. */
  create(made: NewZnode, zxid: number): number {
    const { state } = this;
    const { table } = state;
    const { parent } = made;
    this.beginParentChange(parent);
    const node = table.add(parent, made.path, made.nameStart, made.pathEnd);
    table.serial.set(node, state.nextSerial++);
    table.czxid.set(node, zxid);
    table.mzxid.set(node, zxid);
    table.pzxid.set(node, zxid);
    table.ctime.set(node, state.time);
    table.mtime.set(node, state.time);
    table.kind.set(node, made.kind);
    table.acl.set(node, made.aclId);
    table.replaceData(node, made.data, made.dataStart, made.dataEnd);
    state.dataBytes += made.dataEnd - made.dataStart;
    state.nodeHasher.hashData(node);
    if (made.kind !== znodeKind.PERSISTENT) this.addSpecial(node, made);
    table.creations.set(parent, (table.creations.get(parent) + 1) | 0);
    table.pzxid.set(parent, zxid);
    state.capture.touchNode(node);
    state.endNodeChange(node);
    state.endNodeChange(parent);
    this.undo?.undoWith(() => this.uncreate(node));
    this.afterCreate(made, node);
    return node;
  }

  setData(node: number, path: () => string, data: Uint8Array, start: number, end: number, zxid: number): void {
    const { state } = this;
    const { table } = state;
    const { undo } = this;
    state.beginNodeChange(node);
    const oldLength = table.dataLength.get(node);
    const [hash0, hash1] = [table.dataHash0.get(node), table.dataHash1.get(node)];
    const [version, mzxid, mtime] = [table.version.get(node), table.mzxid.get(node), table.mtime.get(node)];
    const oldRef = table.replaceData(node, data, start, end);
    state.nodeHasher.hashData(node);
    table.version.set(node, nextVersion(version));
    table.mzxid.set(node, zxid);
    table.mtime.set(node, state.time);
    state.endNodeChange(node);
    state.dataBytes += end - start - oldLength;
    if (undo === undefined) {
      table.releaseData(oldRef);
    } else {
      undo.finallyDo(() => table.releaseData(oldRef));
      undo.undoWith(() => {
        table.restoreData(node, oldRef, oldLength);
        table.dataHash0.set(node, hash0);
        table.dataHash1.set(node, hash1);
        table.version.set(node, version);
        table.mzxid.set(node, mzxid);
        table.mtime.set(node, mtime);
        state.dataBytes -= end - start - oldLength;
      });
    }
    if (state.quotas.size > 0 || this.isQuotaNode(node)) this.afterSet(node, path(), end - start - oldLength);
  }

  /** `aclId` has been acquired for the znode. */
  setAcl(node: number, aclId: number): void {
    const { state, undo } = this;
    const { table, acls } = state;
    const oldAcl = table.acl.get(node);
    const aversion = table.aversion.get(node);
    state.beginNodeChange(node);
    table.acl.set(node, aclId);
    table.aversion.set(node, nextVersion(aversion));
    state.endNodeChange(node);
    if (undo === undefined) {
      acls.release(oldAcl);
      return;
    }
    undo.finallyDo(() => acls.release(oldAcl));
    undo.undoWith(() => {
      acls.release(aclId);
      table.acl.set(node, oldAcl);
      table.aversion.set(node, aversion);
    });
  }

  /** Removes a childless znode. */
  remove(node: number, path: () => string, zxid: number): void {
    const { state, undo } = this;
    const { table } = state;
    const parent = table.parent.get(node);
    assert(node !== ROOT && table.firstChild.get(node) === NO_NODE, "only childless znodes are removed");
    const quotasTouched = state.quotas.size > 0 || this.isQuotaNode(node);
    const ownPath = quotasTouched ? path() : "";
    const size = table.dataLength.get(node);
    state.beginNodeChange(node);
    this.beginParentChange(parent);
    table.takeOut(node);
    table.pzxid.set(parent, zxid);
    state.endNodeChange(parent);
    state.dataBytes -= size;
    const list = this.takeOutSpecial(node);
    undo?.undoWith(() => {
      table.putBack(node);
      state.dataBytes += size;
      if (list !== undefined) this.putBackSpecial(node, list);
    });
    if (undo === undefined) this.dispose(node);
    else undo.finallyDo(() => this.dispose(node));
    if (quotasTouched) this.afterRemove(ownPath, size);
  }

  /** The list a special znode belongs to. */
  listOf(node: number): SpecialList | undefined {
    const { state } = this;
    const kind = state.table.kind.get(node);
    if (kind === znodeKind.CONTAINER) return state.containers;
    if (kind === znodeKind.TTL) return state.ttls;
    if (kind !== znodeKind.EPHEMERAL) return undefined;
    const owner = state.specials.owner.get(state.table.special.get(node));
    const session = state.sessions.get(owner);
    assert(session !== undefined, "an ephemeral znode's session is open");
    return session.ephemerals;
  }

  private beginParentChange(parent: number): void {
    const { state, undo } = this;
    const { table } = state;
    state.beginNodeChange(parent);
    if (undo === undefined) return;
    const [creations, pzxid] = [table.creations.get(parent), table.pzxid.get(parent)];
    undo.undoWith(() => {
      table.creations.set(parent, creations);
      table.pzxid.set(parent, pzxid);
    });
  }

  private addSpecial(node: number, made: NewZnode): void {
    const { state } = this;
    const row = state.specials.add(node, made.session?.id ?? 0, made.ttlMs);
    state.table.special.set(node, row);
    state.specials.append(this.listOf(node) as SpecialList, row);
    if (made.kind === znodeKind.EPHEMERAL) state.ephemeralCount++;
  }

  private takeOutSpecial(node: number): SpecialList | undefined {
    const { state } = this;
    const list = this.listOf(node);
    if (list === undefined) return undefined;
    state.specials.takeOut(list, state.table.special.get(node));
    if (state.table.kind.get(node) === znodeKind.EPHEMERAL) state.ephemeralCount--;
    return list;
  }

  private putBackSpecial(node: number, list: SpecialList): void {
    const { state } = this;
    state.specials.putBack(list, state.table.special.get(node));
    if (state.table.kind.get(node) === znodeKind.EPHEMERAL) state.ephemeralCount++;
  }

  private uncreate(node: number): void {
    const { state } = this;
    const { table } = state;
    state.dataBytes -= table.dataLength.get(node);
    table.takeOut(node);
    if (this.takeOutSpecial(node) !== undefined) state.specials.free(table.special.get(node));
    state.acls.release(table.acl.get(node));
    table.free(node);
  }

  /** Gives everything back a removed znode had. */
  private dispose(node: number): void {
    const { state } = this;
    const { table } = state;
    const special = table.special.get(node);
    if (special !== 0) state.specials.free(special);
    state.capture.nodeDeleted(table.serial.get(node));
    state.acls.release(table.acl.get(node));
    table.free(node);
  }

  /** Quota znodes lie below /zookeeper/quota: their parents' parents are not the root. */
  private isQuotaNode(node: number): boolean {
    const { table } = this.state;
    return isQuotaName(table.nameBytes(node), table.nameOffset(node), table.nameSize(node));
  }

  private afterCreate(made: NewZnode, node: number): void {
    const { state } = this;
    if (state.quotas.size === 0 && !isQuotaName(made.path, made.nameStart, made.pathEnd - made.nameStart)) return;
    const path = decodeUtf8(made.path, made.pathStart, made.pathEnd);
    this.count(path, 1, made.dataEnd - made.dataStart);
    if (limitedPath(path) !== undefined) this.readLimits(node, path);
  }

  private afterSet(node: number, path: string, bytes: number): void {
    this.count(path, 0, bytes);
    if (limitedPath(path) !== undefined) this.readLimits(node, path);
  }

  private afterRemove(path: string, size: number): void {
    this.count(path, -1, -size);
    const limited = limitedPath(path);
    if (limited !== undefined) this.setQuota(limited, undefined);
  }

  private count(path: string, count: number, bytes: number): void {
    const quotas = this.state.quotas.above(path);
    if (quotas.length === 0) return;
    const add = (sign: number): void => {
      for (const quota of quotas) {
        quota.count += sign * count;
        quota.bytes += sign * bytes;
      }
    };
    add(1);
    this.undo?.undoWith(() => add(-1));
  }

  /** A limits znode came or changed. */
  private readLimits(node: number, path: string): void {
    const { state } = this;
    const data = state.table.data(node);
    const limits = parseQuotaLimits(decodeUtf8(data, 0, data.length));
    const limited = limitedPath(path) as string;
    const known = state.quotas.get(limited);
    this.setQuota(limited, known === undefined ? this.measure(limited, limits) : { ...known, limits });
  }

  private setQuota(path: string, quota: Quota | undefined): void {
    const { quotas } = this.state;
    const before = quotas.get(path);
    quotas.set(path, quota);
    this.undo?.undoWith(() => quotas.set(path, before));
  }

  private measure(path: string, limits: Quota["limits"]): Quota {
    const quota: Quota = { path, limits, count: 0, bytes: 0 };
    const { table } = this.state;
    // Nothing below /zookeeper is counted, here as in `above`.
    const isSystem = path === "/zookeeper" || path.startsWith("/zookeeper/");
    const node = isSystem ? NO_NODE : lookupText(this.state, path);
    visitSubtree(this.state, node, (at) => {
      quota.count++;
      quota.bytes += table.dataLength.get(at);
      return true;
    });
    return quota;
  }
}

/**
 * Visits a znode and everything below it, parents first, children in creation order, until `visit` says false. What
 * lies under /zookeeper does not count for quotas and is passed over when `from` is the root.
 */
export function visitSubtree(state: TreeState, from: number, visit: (node: number) => boolean): void {
  if (from === NO_NODE) return;
  const { table } = state;
  const system = from === ROOT ? lookupText(state, "/zookeeper") : NO_NODE;
  let at = from;
  for (;;) {
    const passed = at === system && system !== NO_NODE;
    if (!passed && !visit(at)) return;
    const child = passed ? NO_NODE : table.firstChild.get(at);
    if (child !== NO_NODE) {
      at = child;
      continue;
    }
    while (at !== from && table.next.get(at) === NO_NODE) at = table.parent.get(at);
    if (at === from) return;
    at = table.next.get(at);
  }
}

/** The znode at a path given as text, or NO_NODE. */
export function lookupText(state: TreeState, path: string): number {
  const bytes = encodeUtf8(path);
  return state.table.lookup(bytes, 0, bytes.length);
}

const QUOTA_NAME_PREFIX = [122, 111, 111, 107, 101, 101, 112, 101, 114, 95];

/** True for names beginning "zookeeper_": cheap enough to ask of every change. */
function isQuotaName(bytes: Uint8Array, start: number, length: number): boolean {
  if (length < QUOTA_NAME_PREFIX.length) return false;
  for (let i = 0; i < QUOTA_NAME_PREFIX.length; i++) if (bytes[start + i] !== QUOTA_NAME_PREFIX[i]) return false;
  return true;
}
