import { errors, type Reason } from "../../src/core/base/errors.ts";
import type { Limits } from "../../src/core/base/limits.ts";
import {
  type AclEntry,
  type Identity,
  type LeafRead,
  type ListOperation,
  permission,
  type ReadOperation,
} from "../../src/core/tree/operation.ts";
import type { Stat } from "../../src/core/tree/stat.ts";
import type { ExpectedAnswer, ModelNode, ModelSession } from "./expectation.ts";
import { quotaStats } from "./naive-quota.ts";
import { granted, isAtOrBelow, isValidPath, maskAcl, nameOf, parentOf, Refusal } from "./naive-rules.ts";

export const OPEN_ACL: readonly AclEntry[] = [{ scheme: "world", id: "anyone", permissions: 31 }];
const READ_ONLY_ACL: readonly AclEntry[] = [{ scheme: "world", id: "anyone", permissions: 1 }];
export const SPECIAL = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];

/** How a znode of each kind is made, without a suffix. */
const MODES = { persistent: 0, ephemeral: 1, container: 4, ttl: 5 } as const;

/** What the naive tree holds, how it is read, and the checks that reads and commands share. */
export class NaiveState {
  nodes = new Map<string, ModelNode>();
  sessions = new Map<number, ModelSession>();
  limits: Limits;
  featureLevel = 1;
  /** Of the ensemble, and the zxid that set it; 0: none did. */
  configuration = new Uint8Array(0);
  configurationZxid = 0;
  zxid = 0;
  protected timeMs = 0;
  private births = 0;

  constructor(limits: Limits) {
    this.limits = limits;
    for (const path of SPECIAL) {
      this.nodes.set(path, this.newNode("persistent", new Uint8Array(0), OPEN_ACL));
      if (path !== "/") this.node(parentOf(path)).children.push(nameOf(path));
    }
    const config = this.node("/zookeeper/config");
    config.acl = READ_ONLY_ACL;
    // As ZooKeeper shows it: its ACL is put in place with "version" -1.
    config.aversion = -1;
  }

  read(identities: readonly Identity[], sessionId: number, operation: ReadOperation): ExpectedAnswer {
    try {
      if (operation.kind === "multi-read") {
        const parts = operation.operations.map((leaf) => this.read(identities, sessionId, leaf));
        return { ...this.success(), kind: "multi-read", parts };
      }
      if (operation.kind === "ephemerals") {
        this.checkPath(operation.path);
        if (!this.sessions.has(sessionId)) throw new Refusal("SESSION_REQUIRED");
        const names = this.ephemeralsOf(sessionId).filter((path) => isAtOrBelow(path, operation.path));
        return { ...this.success(), kind: "ephemerals", names };
      }
      return this.leafRead(identities, operation);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      return this.failure(refusal.reason);
    }
  }

  private leafRead(identities: readonly Identity[], operation: LeafRead): ExpectedAnswer {
    const { path } = operation;
    this.checkPath(path);
    const node = this.existing(path);
    const allowed = granted(node.acl, identities);
    const needed = operation.kind === "get-acl" ? permission.READ | permission.ADMIN : permission.READ;
    if ((allowed & needed) === 0) throw new Refusal("NO_PERMISSION");
    const stat = { ...this.statOf(path), dataLength: this.dataOf(path).length };
    const answer = { ...this.success(), stat };
    switch (operation.kind) {
      case "exists":
        return { ...answer, kind: "stat" };
      case "get":
        return { ...answer, kind: "get", data: this.dataOf(path) };
      case "get-acl":
        return {
          ...answer,
          kind: "acl",
          acl: (allowed & permission.ADMIN) !== 0 ? node.acl : maskAcl(node.acl),
          mode: MODES[node.kind],
          ttlMs: node.ttlMs,
        };
      case "count":
        return { ...this.success(), kind: "count", count: this.countBelow(path) };
      case "list":
        return { ...answer, kind: "list", ...this.page(path, operation) };
    }
  }

  private countBelow(path: string): number {
    const count = this.below(path).length - 1;
    if (path !== "/" && count > this.limits.quotaScanNodesMax) throw new Refusal("TOO_LARGE");
    return count;
  }

  /** The model's cursor is the creation number of the last child given, as eight bytes. */
  private page(path: string, { limit, cursor }: ListOperation): { names: string[]; next: number } {
    const after = cursor.length === 0 ? 0 : new DataView(cursor.slice().buffer).getFloat64(0);
    const born = (name: string): number => this.node(path === "/" ? `/${name}` : `${path}/${name}`).born;
    const rest = this.node(path).children.filter((name) => born(name) > after);
    const names = limit === 0 ? rest : rest.slice(0, limit);
    const last = names.at(-1);
    return { names, next: names.length < rest.length && last !== undefined ? born(last) : 0 };
  }

  statOf(path: string): Stat {
    const node = this.node(path);
    const { czxid, mzxid, pzxid, ctime, mtime, version, aversion } = node;
    const numChildren = node.children.length;
    return {
      czxid,
      mzxid,
      ctime,
      mtime,
      version,
      cversion: (2 * node.creations - numChildren) | 0,
      aversion,
      ephemeralOwner: node.owner,
      dataLength: node.data.length,
      numChildren,
      pzxid,
    };
  }

  /** What a reader gets: as written, but for the counts that the tree keeps itself. */
  dataOf(path: string): Uint8Array {
    return quotaStats(this.nodes, path) ?? this.node(path).data;
  }

  /** Paths of a session's ephemeral znodes in the order of their creation. */
  ephemeralsOf(id: number): string[] {
    const owned = [...this.nodes].filter(([, node]) => node.owner === id && id !== 0);
    return owned.sort(([, a], [, b]) => a.born - b.born).map(([path]) => path);
  }

  /** A znode and all below it: children before their parent, in creation order. */
  protected below(path: string): string[] {
    const base = path === "/" ? "" : path;
    return [...this.node(path).children.flatMap((name) => this.below(`${base}/${name}`)), path];
  }

  protected newNode(kind: ModelNode["kind"], data: Uint8Array, acl: readonly AclEntry[]): ModelNode {
    this.births += 1;
    const { zxid, timeMs } = this;
    const zeros = { version: 0, creations: 0, aversion: 0, owner: 0, ttlMs: 0 };
    const times = { czxid: zxid, mzxid: zxid, pzxid: zxid, ctime: timeMs, mtime: timeMs };
    return { kind, data, acl, ...times, ...zeros, born: this.births, children: [] };
  }

  protected success(): ExpectedAnswer {
    return { code: 0, zxid: this.zxid, kind: "none" };
  }

  protected failure(reason: Reason): ExpectedAnswer {
    return { code: errors[reason].code, zxid: this.zxid, kind: "none" };
  }

  /** The znode of a path known to exist. */
  node(path: string): ModelNode {
    return this.nodes.get(path) as ModelNode;
  }

  protected existing(path: string): ModelNode {
    const node = this.nodes.get(path);
    if (node === undefined) throw new Refusal("NODE_NOT_FOUND");
    return node;
  }

  protected checkPath(path: string): void {
    if (!isValidPath(path, this.limits.pathBytesMax)) throw new Refusal("INVALID_PATH");
  }

  protected checkSize(data: Uint8Array): void {
    if (data.length > this.limits.dataBytesMax) throw new Refusal("TOO_LARGE");
  }

  protected checkVersion(asked: number, actual: number): void {
    if (asked !== -1 && asked !== actual) throw new Refusal("VERSION_MISMATCH");
  }

  protected checkPermission(node: ModelNode, needed: number, identities: readonly Identity[]): void {
    if ((granted(node.acl, identities) & needed) === 0) throw new Refusal("NO_PERMISSION");
  }
}
