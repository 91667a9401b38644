import { assert } from "../base/assert.ts";
import { decodeUtf8 } from "../base/bytes.ts";
import { errors, OK } from "../base/errors.ts";
import { resolveAcl } from "./acl.ts";
import { OPEN_ACL } from "./acl-table.ts";
import type { ApplyContext } from "./apply-context.ts";
import { createFault, type Leaf } from "./command-leaf.ts";
import { commandType } from "./command-type.ts";
import { NO_NODE, ROOT } from "./node-table.ts";
import { type AclEntry, ANY_VERSION, createMode, eventType, permission } from "./operation.ts";
import { lastSlash, pathFault } from "./path.ts";
import { limitedPath, passesHardLimit } from "./quota-index.ts";
import { copyBytes } from "./slab.ts";
import { type ZnodeKind, znodeKind } from "./snapshot-row.ts";
import { lookupText, visitSubtree } from "./znode-changes.ts";

const SLASH = 47;
const LETTER_Q = 113;
const LETTER_Z = 122;

const SUFFIX_DIGITS = 10;
/** "-2147483648" is the longest. */
const SUFFIX_BYTES_MAX = 11;

/** Serials below this are the znodes a tree begins with, which cannot be deleted. */
export const FIRST_USER_SERIAL = 5;

/**
 * The operations on one znode, with ZooKeeper's order of checks (PrepRequestProcessor; reference 1.2). Each returns OK,
 * having written its answer and events, or an error's code, having changed nothing.
 */
export class ZnodeOperations {
  private readonly context: ApplyContext;
  private path = new Uint8Array(4096 + SUFFIX_BYTES_MAX);
  private pathEnd = 0;
  /** Where the sequence suffix begins. */
  private suffixAt = 0;

  constructor(context: ApplyContext) {
    this.context = context;
  }

  apply(bytes: Uint8Array, leaf: Leaf): number {
    switch (leaf.type) {
      case commandType.CREATE:
        return this.create(bytes, leaf);
      case commandType.DELETE:
        return this.delete(bytes, leaf);
      case commandType.SET:
        return this.set(bytes, leaf);
      case commandType.SET_ACL:
        return this.setAcl(bytes, leaf);
      default:
        assert(leaf.type === commandType.CHECK, "not a leaf operation");
        return this.check(bytes, leaf);
    }
  }

  private create(bytes: Uint8Array, leaf: Leaf): number {
    const { context } = this;
    const { state } = context;
    if (createFault(leaf.mode, leaf.ttlMs) !== undefined) return errors.INVALID_ARGUMENT.code;
    if (leaf.dataEnd - leaf.dataStart > state.limits.dataBytesMax) return errors.TOO_LARGE.code;
    const kind = kindOfMode(leaf.mode);
    if (kind === znodeKind.EPHEMERAL && context.session === undefined) return errors.SESSION_REQUIRED.code;
    const sequential = isSequential(leaf.mode);
    if (!this.takePath(bytes, leaf.pathStart, leaf.pathEnd, sequential)) return errors.INVALID_PATH.code;
    const acl = leaf.acl === undefined ? undefined : this.resolve(leaf.acl);
    if (leaf.acl !== undefined && acl === undefined) return errors.INVALID_ACL.code;
    const slash = lastSlash(this.path, 0, this.pathEnd);
    const parent = state.table.lookup(this.path, 0, slash === 0 ? 1 : slash);
    if (parent === NO_NODE) return errors.NODE_NOT_FOUND.code;
    const refused = context.permit(parent, permission.CREATE);
    if (refused !== OK) return refused;
    if (sequential) this.writeSuffix(state.table.creations.get(parent));
    if (this.pathEnd > state.limits.pathBytesMax) return errors.INVALID_PATH.code;
    const existing = this.pathEnd === 1 ? ROOT : state.table.child(parent, this.path, slash + 1, this.pathEnd);
    if (existing !== NO_NODE) return leaf.ifAbsent ? this.answerExisting(existing) : errors.NODE_EXISTS.code;
    if (state.table.kind.get(parent) === znodeKind.EPHEMERAL) return errors.EPHEMERAL_PARENT.code;
    const owned = context.session?.ephemerals.size ?? 0;
    if (kind === znodeKind.EPHEMERAL && owned >= state.limits.ephemeralsPerSessionMax) {
      return errors.EPHEMERAL_LIMIT.code;
    }
    const overQuota = this.checkQuota(1, leaf.dataEnd - leaf.dataStart);
    if (overQuota !== OK) return overQuota;
    const node = context.changes.create(
      {
        parent,
        path: this.path,
        pathStart: 0,
        nameStart: slash + 1,
        pathEnd: this.pathEnd,
        data: bytes,
        dataStart: leaf.dataStart,
        dataEnd: leaf.dataEnd,
        kind,
        aclId: acl === undefined ? OPEN_ACL : state.acls.acquire(acl),
        session: kind === znodeKind.EPHEMERAL ? context.session : undefined,
        ttlMs: leaf.ttlMs,
      },
      context.zxid,
    );
    context.childEvent(eventType.CREATED, node, parent, this.path, 0, this.pathEnd);
    context.out.create(this.path, 0, this.pathEnd, context.statOf(node));
    return OK;
  }

  private delete(bytes: Uint8Array, leaf: Leaf): number {
    const { context } = this;
    const { table } = context.state;
    if (!this.takePath(bytes, leaf.pathStart, leaf.pathEnd, false)) return errors.INVALID_PATH.code;
    const node = table.lookup(this.path, 0, this.pathEnd);
    if (node !== NO_NODE && table.serial.get(node) < FIRST_USER_SERIAL) return errors.INVALID_ARGUMENT.code;
    const slash = lastSlash(this.path, 0, this.pathEnd);
    const parent = table.lookup(this.path, 0, slash === 0 ? 1 : slash);
    if (parent === NO_NODE) return errors.NODE_NOT_FOUND.code;
    // Before the znode's existence, as in ZooKeeper: who may not delete here does not learn what is here.
    const refused = context.permit(parent, permission.DELETE);
    if (refused !== OK) return refused;
    if (node === NO_NODE) return errors.NODE_NOT_FOUND.code;
    if (leaf.version !== ANY_VERSION && leaf.version !== table.version.get(node)) return errors.VERSION_MISMATCH.code;
    if (table.firstChild.get(node) !== NO_NODE) return errors.NOT_EMPTY.code;
    context.childEvent(eventType.DELETED, node, parent, this.path, 0, this.pathEnd);
    context.changes.remove(node, this.pathText, context.zxid);
    context.out.none(OK);
    return OK;
  }

  private set(bytes: Uint8Array, leaf: Leaf): number {
    const { context } = this;
    const { table, limits } = context.state;
    const size = leaf.dataEnd - leaf.dataStart;
    if (size > limits.dataBytesMax) return errors.TOO_LARGE.code;
    const node = this.find(bytes, leaf);
    if (node < 0) return -node;
    const refused = context.permit(node, permission.WRITE);
    if (refused !== OK) return refused;
    const overQuota = this.checkQuota(0, size - table.dataLength.get(node));
    if (overQuota !== OK) return overQuota;
    if (leaf.version !== ANY_VERSION && leaf.version !== table.version.get(node)) return errors.VERSION_MISMATCH.code;
    context.changes.setData(node, this.pathText, bytes, leaf.dataStart, leaf.dataEnd, context.zxid);
    context.events.add(eventType.DATA_CHANGED, this.path, 0, this.pathEnd, table.acl.get(node));
    context.out.stat(context.statOf(node));
    return OK;
  }

  private setAcl(bytes: Uint8Array, leaf: Leaf): number {
    const { context } = this;
    const { table, acls } = context.state;
    if (!this.takePath(bytes, leaf.pathStart, leaf.pathEnd, false)) return errors.INVALID_PATH.code;
    const acl = this.resolve(leaf.acl ?? []);
    if (acl === undefined) return errors.INVALID_ACL.code;
    const node = table.lookup(this.path, 0, this.pathEnd);
    if (node === NO_NODE) return errors.NODE_NOT_FOUND.code;
    const refused = context.permit(node, permission.ADMIN);
    if (refused !== OK) return refused;
    if (leaf.version !== ANY_VERSION && leaf.version !== table.aversion.get(node)) return errors.VERSION_MISMATCH.code;
    context.changes.setAcl(node, acls.acquire(acl));
    context.out.stat(context.statOf(node));
    return OK;
  }

  private resolve(acl: readonly AclEntry[]): readonly AclEntry[] | undefined {
    const { limits, featureLevel } = this.context.state;
    return resolveAcl(acl, this.context.identities(), limits.aclEntriesMax, featureLevel);
  }

  private check(bytes: Uint8Array, leaf: Leaf): number {
    const { context } = this;
    const node = this.find(bytes, leaf);
    if (node < 0) return -node;
    const refused = context.permit(node, permission.READ);
    if (refused !== OK) return refused;
    const { version } = leaf;
    if (version !== ANY_VERSION && version !== context.state.table.version.get(node)) {
      return errors.VERSION_MISMATCH.code;
    }
    context.out.none(OK);
    return OK;
  }

  /** Deletes a whole subtree: children before parents, in creation order. */
  deleteTree(bytes: Uint8Array, leaf: Leaf): number {
    const { context } = this;
    const { state } = context;
    const { table } = state;
    if (!this.takePath(bytes, leaf.pathStart, leaf.pathEnd, false)) return errors.INVALID_PATH.code;
    const top = table.lookup(this.path, 0, this.pathEnd);
    if (top !== NO_NODE && table.serial.get(top) < FIRST_USER_SERIAL) return errors.INVALID_ARGUMENT.code;
    if (top === NO_NODE) return errors.NODE_NOT_FOUND.code;
    const code = this.mayDeleteTree(top);
    if (code !== OK) return code;
    let count = 0;
    let node = deepestFirst(context, top);
    for (;;) {
      const parent = table.parent.get(node);
      const next = node === top ? NO_NODE : table.next.get(node);
      this.removeWithEvents(node);
      count++;
      if (node === top) break;
      node = next === NO_NODE ? parent : deepestFirst(context, next);
    }
    context.out.count(count);
    return OK;
  }

  /** Removes a znode found by number, with its events: a session's ephemerals, a container. */
  removeWithEvents(node: number): void {
    const { context } = this;
    context.deletionEvents(node);
    context.changes.remove(node, () => textPath(context, node), context.zxid);
  }

  private mayDeleteTree(top: number): number {
    const { context } = this;
    const { table, limits } = context.state;
    let code = context.permit(table.parent.get(top), permission.DELETE);
    if (code !== OK) return code;
    let count = 0;
    visitSubtree(context.state, top, () => ++count <= limits.nodesPerCommandMax);
    if (count > limits.nodesPerCommandMax) return errors.TOO_LARGE.code;
    visitSubtree(context.state, top, (node) => {
      if (code === OK && table.firstChild.get(node) !== NO_NODE) code = context.permit(node, permission.DELETE);
      return code === OK;
    });
    return code;
  }

  /** The znode at a leaf's path, or minus an error's code. */
  private find(bytes: Uint8Array, leaf: Leaf): number {
    if (!this.takePath(bytes, leaf.pathStart, leaf.pathEnd, false)) return -errors.INVALID_PATH.code;
    const node = this.context.state.table.lookup(this.path, 0, this.pathEnd);
    return node === NO_NODE ? -errors.NODE_NOT_FOUND.code : node;
  }

  /** Copies the path aside, with room for a suffix, and checks the path rules. */
  private takePath(bytes: Uint8Array, start: number, end: number, sequential: boolean): boolean {
    const { pathBytesMax } = this.context.state.limits;
    const size = end - start;
    if (size > pathBytesMax) return false;
    if (this.path.length < pathBytesMax + SUFFIX_BYTES_MAX) this.path = new Uint8Array(pathBytesMax + SUFFIX_BYTES_MAX);
    copyBytes(bytes, start, end, this.path, 0);
    this.pathEnd = size;
    if (sequential) {
      // The rules are checked with a suffix in place: which digits it has does not matter to them.
      this.suffixAt = size;
      this.writeSuffix(0);
    }
    return size > 0 && this.pathEnd <= pathBytesMax && pathFault(this.path, 0, this.pathEnd) === undefined;
  }

  /** `%010d` of a 32-bit counter, as Java prints it: a negative number has its sign among the ten. */
  private writeSuffix(counter: number): void {
    const digits = Math.abs(counter).toString();
    const text = counter < 0 ? `-${digits.padStart(SUFFIX_DIGITS - 1, "0")}` : digits.padStart(SUFFIX_DIGITS, "0");
    for (let i = 0; i < text.length; i++) this.path[this.suffixAt + i] = text.charCodeAt(i);
    this.pathEnd = this.suffixAt + text.length;
  }

  private readonly pathText = (): string => decodeUtf8(this.path, 0, this.pathEnd);

  private answerExisting(node: number): number {
    this.context.out.create(this.path, 0, this.pathEnd, this.context.statOf(node));
    return OK;
  }

  private checkQuota(count: number, bytes: number): number {
    const { state } = this.context;
    const path = this.pathMayBeLimit() || state.quotas.size > 0 ? this.pathText() : "";
    if (path === "") return OK;
    const limited = limitedPath(path);
    if (limited !== undefined && state.quotas.get(limited) === undefined) {
      let nodes = 0;
      visitSubtree(state, lookupText(state, limited), () => ++nodes <= state.limits.quotaScanNodesMax);
      if (nodes > state.limits.quotaScanNodesMax) return errors.TOO_LARGE.code;
    }
    if (state.limits.enforceQuota === 0) return OK;
    for (const quota of state.quotas.above(path)) {
      if (passesHardLimit(quota, count, bytes)) return errors.QUOTA_EXCEEDED.code;
    }
    return OK;
  }

  /** Below "/zookeeper/quota", perhaps: decided by three bytes, so that other paths cost nothing. */
  private pathMayBeLimit(): boolean {
    const { path, pathEnd } = this;
    return pathEnd > 27 && path[1] === LETTER_Z && path[10] === SLASH && path[11] === LETTER_Q;
  }
}

function kindOfMode(mode: number): ZnodeKind {
  if (mode === createMode.EPHEMERAL || mode === createMode.EPHEMERAL_SEQUENTIAL) return znodeKind.EPHEMERAL;
  if (mode === createMode.CONTAINER) return znodeKind.CONTAINER;
  return mode >= createMode.PERSISTENT_WITH_TTL ? znodeKind.TTL : znodeKind.PERSISTENT;
}

function isSequential(mode: number): boolean {
  return (
    mode === createMode.PERSISTENT_SEQUENTIAL ||
    mode === createMode.EPHEMERAL_SEQUENTIAL ||
    mode === createMode.PERSISTENT_SEQUENTIAL_WITH_TTL
  );
}

/** Down first children to a leaf. */
function deepestFirst(context: ApplyContext, from: number): number {
  const { table } = context.state;
  let node = from;
  while (table.firstChild.get(node) !== NO_NODE) node = table.firstChild.get(node);
  return node;
}

function textPath(context: ApplyContext, node: number): string {
  const { table } = context.state;
  const size = table.pathSize(node);
  const bytes = new Uint8Array(size);
  table.writePath(node, bytes, size);
  return decodeUtf8(bytes, 0, size);
}
