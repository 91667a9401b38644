import { ByteReader, ByteWriter, decodeUtf8, encodeUtf8, FormatError } from "../base/bytes.ts";
import { errors, OK } from "../base/errors.ts";
import { allows, maskAcl } from "./acl.ts";
import { OPEN_ACL } from "./acl-table.ts";
import type { Answer } from "./answer.ts";
import { emptyAnswer } from "./answer-codec.ts";
import { readStat } from "./apply-context.ts";
import { NO_NODE, ROOT } from "./node-table.ts";
import type { AclEntry, CreateMode, Identity, LeafRead, ListOperation, ReadOperation } from "./operation.ts";
import { createMode, permission } from "./operation.ts";
import { pathFault } from "./path.ts";
import { countedPath, quotaStatsText } from "./quota-index.ts";
import { type ZnodeKind, znodeKind } from "./snapshot-row.ts";
import type { TreeState } from "./tree-state.ts";
import { visitSubtree } from "./znode-changes.ts";

/** Names of one page at most, and children looked at for one page. */
export const LIST_PAGE_MAX = 10_000;
/** Bytes of names in one page at most. */
export const LIST_PAGE_BYTES_MAX = 1024 * 1024;
/** Bytes of names in a list that is asked for as a whole. */
export const WHOLE_LIST_BYTES_MAX = 64 * 1024 * 1024;
/** Reads of one multi-read at most. */
export const MULTI_READ_MAX = 1_000;

const NOTHING = new Uint8Array(0);

/** The mode that makes a znode of this kind, without a suffix. */
const modeOfKind: Readonly<Record<ZnodeKind, CreateMode>> = {
  [znodeKind.PERSISTENT]: createMode.PERSISTENT,
  [znodeKind.EPHEMERAL]: createMode.EPHEMERAL,
  [znodeKind.CONTAINER]: createMode.CONTAINER,
  [znodeKind.TTL]: createMode.PERSISTENT_WITH_TTL,
};

/** Who reads. */
export interface ReadIssuer {
  readonly sessionId: number;
  readonly identities: readonly Identity[];
}

/** Answers reads from the tree as it is now, into a reused answer whose views are valid until the tree changes. */
export class Reader {
  private readonly state: TreeState;
  private readonly path = new ByteWriter(256);

  constructor(state: TreeState) {
    this.state = state;
  }

  read(issuer: ReadIssuer, operation: ReadOperation, answer: Answer): void {
    answer.zxid = this.state.zxid;
    answer.kind = "none";
    if (operation.kind === "multi-read") this.readMany(issuer, operation.operations, answer);
    else if (operation.kind === "ephemerals") this.readEphemerals(issuer, operation.path, answer);
    else answer.code = this.readLeaf(issuer, operation, answer);
  }

  /** OK or INVALID_PATH. */
  pathFault(path: string): number {
    this.path.reset();
    this.path.utf8(path);
    const tooLong = this.path.length > this.state.limits.pathBytesMax;
    const bad = tooLong || pathFault(this.path.bytes, 0, this.path.length) !== undefined;
    return bad ? errors.INVALID_PATH.code : OK;
  }

  /** OK or NO_PERMISSION: the one place where a read's ACLs are checked (core.md 18). */
  permit(aclId: number, wanted: number, identities: readonly Identity[]): number {
    if (aclId === OPEN_ACL || allows(this.state.acls.entries(aclId), wanted, identities)) return OK;
    return errors.NO_PERMISSION.code;
  }

  private readMany(issuer: ReadIssuer, operations: readonly LeafRead[], answer: Answer): void {
    if (operations.length > MULTI_READ_MAX) {
      answer.code = errors.TOO_LARGE.code;
      return;
    }
    answer.code = OK;
    answer.kind = "multi-read";
    answer.parts = operations.map((operation) => {
      const part = emptyAnswer();
      part.zxid = answer.zxid;
      part.code = this.readLeaf(issuer, operation, part);
      return part;
    });
  }

  private readLeaf(issuer: ReadIssuer, operation: LeafRead, answer: Answer): number {
    const { table } = this.state;
    const fault = this.pathFault(operation.path);
    if (fault !== OK) return fault;
    const node = table.lookup(this.path.bytes, 0, this.path.length);
    if (node === NO_NODE) return errors.NODE_NOT_FOUND.code;
    const wanted = operation.kind === "get-acl" ? permission.READ | permission.ADMIN : permission.READ;
    const refused = this.permit(table.acl.get(node), wanted, issuer.identities);
    if (refused !== OK) return refused;
    switch (operation.kind) {
      case "get":
        this.readData(node, operation.path, answer);
        return OK;
      case "exists":
        answer.kind = "stat";
        readStat(this.state, node, answer.stat);
        this.fixStatsLength(operation.path, answer);
        return OK;
      case "get-acl":
        this.readAcl(node, issuer, answer);
        this.fixStatsLength(operation.path, answer);
        return OK;
      case "count":
        return this.countDescendants(node, answer);
      case "list":
        return operation.whole === true
          ? this.readAllChildren(node, operation.path, answer)
          : this.readPage(node, operation, answer);
    }
  }

  private readData(node: number, path: string, answer: Answer): void {
    answer.kind = "get";
    readStat(this.state, node, answer.stat);
    answer.data = this.statsContent(path) ?? this.state.table.data(node);
    answer.stat.dataLength = answer.data.length;
  }

  /** A quota's stats znode shows the counts of now, whatever was written to it. */
  private statsContent(path: string): Uint8Array | undefined {
    if (this.state.quotas.size === 0) return undefined;
    const counted = countedPath(path);
    const quota = counted === undefined ? undefined : this.state.quotas.get(counted);
    return quota === undefined ? undefined : encodeUtf8(quotaStatsText(quota));
  }

  private fixStatsLength(path: string, answer: Answer): void {
    const content = this.statsContent(path);
    if (content !== undefined) answer.stat.dataLength = content.length;
  }

  private readAcl(node: number, issuer: ReadIssuer, answer: Answer): void {
    const id = this.state.table.acl.get(node);
    const entries: readonly AclEntry[] = this.state.acls.entries(id);
    answer.kind = "acl";
    readStat(this.state, node, answer.stat);
    answer.acl = this.permit(id, permission.ADMIN, issuer.identities) === OK ? entries : maskAcl(entries);
    const { kind, special } = this.state.table;
    answer.mode = modeOfKind[kind.get(node) as ZnodeKind];
    answer.ttlMs =
      answer.mode === createMode.PERSISTENT_WITH_TTL ? this.state.specials.ttlMs.get(special.get(node)) : 0;
  }

  private countDescendants(node: number, answer: Answer): number {
    let count = this.state.table.size - 1;
    if (node !== ROOT) {
      const { quotaScanNodesMax } = this.state.limits;
      count = -1;
      visitSubtree(this.state, node, () => ++count <= quotaScanNodesMax);
      if (count > quotaScanNodesMax) return errors.TOO_LARGE.code;
    }
    answer.kind = "count";
    answer.count = count;
    return OK;
  }

  /**
   * A page of children in creation order, that is by serial. The cursor names the last child looked at; if that one is
   * gone, the list is walked from its beginning to the first later serial, at most LIST_PAGE_MAX children per call, so
   * a page may come back empty with a cursor.
   */
  private readPage(node: number, operation: ListOperation, answer: Answer): number {
    const { table } = this.state;
    const cursor = decodeCursor(operation.cursor);
    if (cursor === undefined) return errors.INVALID_ARGUMENT.code;
    const limit = operation.limit === 0 ? LIST_PAGE_MAX : Math.min(operation.limit, LIST_PAGE_MAX);
    const names: string[] = [];
    let child = this.firstAfter(node, cursor);
    let last = NO_NODE;
    let looked = 0;
    let bytes = 0;
    while (child !== NO_NODE && names.length < limit && looked < LIST_PAGE_MAX && bytes < LIST_PAGE_BYTES_MAX) {
      if (table.serial.get(child) > cursor.after) {
        const name = table.name(child);
        names.push(decodeUtf8(name, 0, name.length));
        bytes += name.length;
      }
      looked++;
      last = child;
      child = table.next.get(child);
    }
    answer.kind = "list";
    answer.names = names;
    answer.cursor = child === NO_NODE ? NOTHING : this.encodeCursor(last, cursor.after);
    readStat(this.state, node, answer.stat);
    this.fixStatsLength(operation.path, answer);
    return OK;
  }

  /** Every child at one zxid, for clients that know no pages. */
  private readAllChildren(node: number, path: string, answer: Answer): number {
    const { table } = this.state;
    const names: string[] = [];
    let bytes = 0;
    for (let child = table.firstChild.get(node); child !== NO_NODE; child = table.next.get(child)) {
      const name = table.name(child);
      bytes += name.length;
      if (bytes > WHOLE_LIST_BYTES_MAX) return errors.TOO_LARGE.code;
      names.push(decodeUtf8(name, 0, name.length));
    }
    answer.kind = "list";
    answer.names = names;
    answer.cursor = NOTHING;
    readStat(this.state, node, answer.stat);
    this.fixStatsLength(path, answer);
    return OK;
  }

  private firstAfter(node: number, cursor: Cursor): number {
    const { table } = this.state;
    if (cursor.name.length === 0) return table.firstChild.get(node);
    const at = table.child(node, cursor.name, 0, cursor.name.length);
    const found = at !== NO_NODE && table.serial.get(at) === cursor.at;
    return found ? table.next.get(at) : table.firstChild.get(node);
  }

  private encodeCursor(last: number, after: number): Uint8Array {
    const { table } = this.state;
    const writer = new ByteWriter(64);
    writer.u53(table.serial.get(last));
    writer.u53(Math.max(after, table.serial.get(last)));
    writer.block(table.name(last));
    return writer.copy();
  }

  private readEphemerals(issuer: ReadIssuer, path: string, answer: Answer): void {
    const bytes = encodeUtf8(path);
    const session = this.state.sessions.get(issuer.sessionId);
    const isPath = bytes.length <= this.state.limits.pathBytesMax && pathFault(bytes, 0, bytes.length) === undefined;
    answer.code = isPath ? OK : errors.INVALID_PATH.code;
    if (answer.code === OK && session === undefined) answer.code = errors.SESSION_REQUIRED.code;
    if (answer.code !== OK || session === undefined) return;
    const { specials, table } = this.state;
    const names: string[] = [];
    for (let row = session.ephemerals.first; row !== 0; row = specials.following(row)) {
      const node = specials.node.get(row);
      const size = table.pathSize(node);
      const target = new Uint8Array(size);
      table.writePath(node, target, size);
      const name = decodeUtf8(target, 0, size);
      if (path === "/" || name === path || name.startsWith(`${path}/`)) names.push(name);
    }
    answer.kind = "ephemerals";
    answer.names = names;
  }
}

interface Cursor {
  /** The child the page before ended at, by serial and name. */
  readonly at: number;
  readonly name: Uint8Array;
  /** Only later serials belong to this page. */
  readonly after: number;
}

function decodeCursor(bytes: Uint8Array): Cursor | undefined {
  if (bytes.length === 0) return { at: 0, name: NOTHING, after: 0 };
  try {
    const reader = new ByteReader(bytes);
    const cursor = { at: reader.u53(), after: reader.u53(), name: reader.block() };
    reader.expectEnd();
    return cursor;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
