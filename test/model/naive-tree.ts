import { TTL_MS_MAX } from "../../src/core/base/limits.ts";
import {
  type CheckOperation,
  type CreateOperation,
  type DeleteOperation,
  type DeleteTreeOperation,
  type EventType,
  eventType,
  type LeafOperation,
  type MultiOperation,
  permission,
  type SetAclOperation,
  type SetOperation,
  type WriteOperation,
} from "../../src/core/tree/operation.ts";
import type {
  ExpectedAnswer,
  ExpectedEvent,
  Issuer,
  ModelCommand,
  ModelNode,
  ModelSession,
  Outcome,
} from "./expectation.ts";
import { passesHardQuota, quotaRootOf, usage } from "./naive-quota.ts";
import { fixAcl, isValidPath, nameOf, parentOf, Refusal, suffixOf, versionAfter } from "./naive-rules.ts";
import { NaiveState, OPEN_ACL, SPECIAL } from "./naive-state.ts";

/**
 * A second implementation of the tree, written from the specification only and for obviousness only: a map from paths
 * to objects, a copy of the whole map for every command, everything derived by scanning. What the real tree answers is
 * compared with what this one does. What is in a map is never changed, but replaced: a map kept from before a command
 * still holds the state of then.
 */
export class NaiveTree extends NaiveState {
  private events: ExpectedEvent[] = [];

  /** The state as it is now, for good: this one goes on. */
  copy(): NaiveTree {
    return Object.assign(Object.create(NaiveTree.prototype), this) as NaiveTree;
  }

  apply(zxid: number, timeMs: number, command: ModelCommand): Outcome {
    this.zxid = zxid;
    this.timeMs = timeMs;
    this.events = [];
    const before = this.nodes;
    this.nodes = new Map(before);
    this.sessions = new Map(this.sessions);
    let answer: ExpectedAnswer;
    try {
      answer = this.perform(command);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      answer = this.failure(refusal.reason);
    }
    if (answer.code !== 0) {
      this.nodes = before;
      this.events = [];
    }
    return { answer, events: this.events };
  }

  private perform(command: ModelCommand): ExpectedAnswer {
    switch (command.kind) {
      case "request":
        return this.request(command.issuer, command.operation);
      case "open-session":
        return this.openSession(command.timeoutMs, command.secretHash);
      case "move-session":
        return this.moveSession(command.sessionId, command.secretHash);
      case "close-session":
        this.checkSession(command.issuer);
        return this.endSession(command.issuer.sessionId);
      case "expire-session":
        return this.expireSession(command.sessionId, command.generation);
      case "set-limits":
        this.limits = command.limits;
        return this.success();
      case "raise-feature-level":
        if (command.level <= this.featureLevel) throw new Refusal("INVALID_ARGUMENT");
        this.featureLevel = command.level;
        return this.success();
      case "reconfigure":
        return this.reconfigure(command.expectedZxid, command.configuration);
      case "reap":
        return this.reap(command.path, command.czxid, command.mzxid);
    }
  }

  private reconfigure(expectedZxid: number, configuration: Uint8Array): ExpectedAnswer {
    if (this.featureLevel < 2) throw new Refusal("UNSUPPORTED");
    if (expectedZxid !== this.configurationZxid) throw new Refusal("CONFIGURATION_CHANGED");
    this.configuration = configuration.slice();
    this.configurationZxid = this.zxid;
    this.event(eventType.DATA_CHANGED, "/zookeeper/config");
    return this.success();
  }

  // Sessions

  private openSession(askedMs: number, secretHash: Uint8Array): ExpectedAnswer {
    const { sessionsMax, sessionTimeoutMinMs, sessionTimeoutMaxMs } = this.limits;
    if (this.sessions.size >= sessionsMax) throw new Refusal("SESSION_LIMIT");
    const timeoutMs = Math.min(Math.max(askedMs, sessionTimeoutMinMs), sessionTimeoutMaxMs);
    const answers = new Map<number, ExpectedAnswer>();
    const id = this.zxid;
    this.sessions.set(id, { id, generation: 1, timeoutMs, secretHash, answers, floor: 0 });
    return this.success();
  }

  private moveSession(id: number, secretHash: Uint8Array): ExpectedAnswer {
    const session = this.sessions.get(id);
    if (session === undefined) throw new Refusal("SESSION_EXPIRED");
    if (String(session.secretHash) !== String(secretHash)) throw new Refusal("WRONG_SECRET");
    this.sessions.set(id, { ...session, generation: session.generation + 1 });
    return this.success();
  }

  private expireSession(id: number, generation: number): ExpectedAnswer {
    const session = this.sessions.get(id);
    if (session === undefined) throw new Refusal("SESSION_EXPIRED");
    if (session.generation !== generation) throw new Refusal("SESSION_MOVED");
    return this.endSession(id);
  }

  private endSession(id: number): ExpectedAnswer {
    for (const path of this.ephemeralsOf(id)) this.remove(path);
    this.sessions.delete(id);
    return this.success();
  }

  private checkSession(issuer: Issuer): ModelSession {
    const session = this.sessions.get(issuer.sessionId);
    if (session === undefined) throw new Refusal("SESSION_EXPIRED");
    if (issuer.generation !== session.generation) throw new Refusal("SESSION_MOVED");
    return session;
  }

  // Requests, at most once

  private request(issuer: Issuer, operation: WriteOperation): ExpectedAnswer {
    if (issuer.sessionId === 0) return this.attempt(issuer, operation);
    const session = this.checkSession(issuer);
    const first = session.answers.get(issuer.number);
    if (first !== undefined) return first;
    if (issuer.number < session.floor) throw new Refusal("STALE_REQUEST");
    const answer = this.attempt(issuer, operation);
    const answers = new Map(session.answers);
    answers.set(issuer.number, answer);
    let floor = Math.max(session.floor, issuer.answeredBelow);
    for (const number of answers.keys()) if (number < floor) answers.delete(number);
    while (answers.size > this.limits.windowNumbersMax) {
      const lowest = Math.min(...answers.keys());
      answers.delete(lowest);
      floor = lowest + 1;
    }
    this.sessions.set(session.id, { ...session, answers, floor });
    return answer;
  }

  private attempt(issuer: Issuer, operation: WriteOperation | CheckOperation): ExpectedAnswer {
    try {
      if (operation.kind === "multi") return this.multi(issuer, operation);
      if (operation.kind === "delete-tree") return this.deleteTree(issuer, operation);
      return this.leaf(issuer, operation);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      return this.failure(refusal.reason);
    }
  }

  private multi(issuer: Issuer, { operations }: MultiOperation): ExpectedAnswer {
    if (operations.length > this.limits.multiOperationsMax) throw new Refusal("TOO_LARGE");
    const parts: ExpectedAnswer[] = [];
    for (const [at, operation] of operations.entries()) {
      const part = this.attempt(issuer, operation);
      if (part.code === 0) {
        parts.push(part);
        continue;
      }
      const undone = parts.map(() => this.success());
      const spared = operations.slice(at + 1).map(() => this.failure("ROLLED_BACK"));
      return { code: part.code, zxid: this.zxid, kind: "multi", parts: [...undone, part, ...spared] };
    }
    return { ...this.success(), kind: "multi", parts };
  }

  private leaf(issuer: Issuer, operation: LeafOperation): ExpectedAnswer {
    switch (operation.kind) {
      case "create":
        return this.create(issuer, operation);
      case "delete":
        return this.delete(issuer, operation);
      case "set":
        return this.set(issuer, operation);
      case "set-acl":
        return this.setAcl(issuer, operation);
      case "check":
        return this.check(issuer, operation);
    }
  }

  private create(issuer: Issuer, operation: CreateOperation): ExpectedAnswer {
    const { mode, data, ttlMs = 0 } = operation;
    const sequential = mode === 2 || mode === 3 || mode === 6;
    const kind = mode === 1 || mode === 3 ? "ephemeral" : mode === 4 ? "container" : mode >= 5 ? "ttl" : "persistent";
    if (!Number.isInteger(mode) || mode < 0 || mode > 6) throw new Refusal("INVALID_ARGUMENT");
    if (kind !== "ttl" && ttlMs !== 0) throw new Refusal("INVALID_ARGUMENT");
    if (kind === "ttl" && !(ttlMs >= 1 && ttlMs <= TTL_MS_MAX)) {
      throw new Refusal("INVALID_ARGUMENT");
    }
    this.checkSize(data);
    if (kind === "ephemeral" && issuer.sessionId === 0) throw new Refusal("SESSION_REQUIRED");
    this.checkPath(sequential ? `${operation.path}0000000000` : operation.path);
    const acl = fixAcl(operation.acl ?? OPEN_ACL, issuer.identities, this.limits.aclEntriesMax, this.featureLevel);
    const parentPath = parentOf(operation.path);
    const parent = this.existing(parentPath);
    this.checkPermission(parent, permission.CREATE, issuer.identities);
    const path = sequential ? operation.path + suffixOf(parent.creations) : operation.path;
    this.checkPath(path);
    const present = this.nodes.get(path);
    if (present !== undefined) {
      if (operation.ifAbsent !== true) throw new Refusal("NODE_EXISTS");
      return { ...this.success(), kind: "create", path, stat: this.statOf(path) };
    }
    if (parent.owner !== 0) throw new Refusal("EPHEMERAL_PARENT");
    if (kind === "ephemeral" && this.ephemeralsOf(issuer.sessionId).length >= this.limits.ephemeralsPerSessionMax) {
      throw new Refusal("EPHEMERAL_LIMIT");
    }
    this.checkNewQuota(path);
    this.checkQuota(path, 1, data.length);
    const node = this.newNode(kind, data.slice(), acl);
    node.owner = kind === "ephemeral" ? issuer.sessionId : 0;
    node.ttlMs = ttlMs;
    this.nodes.set(path, node);
    const { children, creations } = parent;
    this.change(parentPath, {
      children: [...children, nameOf(path)],
      creations: (creations + 1) | 0,
      pzxid: this.zxid,
    });
    this.event(eventType.CREATED, path);
    this.event(eventType.CHILDREN_CHANGED, parentPath);
    return { ...this.success(), kind: "create", path, stat: this.statOf(path) };
  }

  private delete(issuer: Issuer, { path, version }: DeleteOperation): ExpectedAnswer {
    this.checkPath(path);
    if (SPECIAL.includes(path)) throw new Refusal("INVALID_ARGUMENT");
    this.checkPermission(this.existing(parentOf(path)), permission.DELETE, issuer.identities);
    const node = this.existing(path);
    this.checkVersion(version, node.version);
    if (node.children.length > 0) throw new Refusal("NOT_EMPTY");
    this.remove(path);
    return this.success();
  }

  private deleteTree(issuer: Issuer, { path }: DeleteTreeOperation): ExpectedAnswer {
    this.checkPath(path);
    if (SPECIAL.includes(path)) throw new Refusal("INVALID_ARGUMENT");
    this.existing(path);
    this.checkPermission(this.node(parentOf(path)), permission.DELETE, issuer.identities);
    const doomed = this.below(path);
    if (doomed.length > this.limits.nodesPerCommandMax) throw new Refusal("TOO_LARGE");
    for (const each of doomed) {
      const node = this.node(each);
      if (node.children.length > 0) this.checkPermission(node, permission.DELETE, issuer.identities);
    }
    for (const each of doomed) this.remove(each);
    return { ...this.success(), kind: "count", count: doomed.length };
  }

  private set(issuer: Issuer, { path, data, version }: SetOperation): ExpectedAnswer {
    this.checkSize(data);
    this.checkPath(path);
    const node = this.existing(path);
    this.checkPermission(node, permission.WRITE, issuer.identities);
    this.checkQuota(path, 0, data.length - node.data.length);
    this.checkVersion(version, node.version);
    const { zxid: mzxid, timeMs: mtime } = this;
    this.change(path, { data: data.slice(), version: versionAfter(node.version), mzxid, mtime });
    this.event(eventType.DATA_CHANGED, path);
    return { ...this.success(), kind: "stat", stat: this.statOf(path) };
  }

  private setAcl(issuer: Issuer, { path, acl, version }: SetAclOperation): ExpectedAnswer {
    this.checkPath(path);
    const fixed = fixAcl(acl, issuer.identities, this.limits.aclEntriesMax, this.featureLevel);
    const node = this.existing(path);
    this.checkPermission(node, permission.ADMIN, issuer.identities);
    this.checkVersion(version, node.aversion);
    this.change(path, { acl: fixed, aversion: versionAfter(node.aversion) });
    return { ...this.success(), kind: "stat", stat: this.statOf(path) };
  }

  private check(issuer: Issuer, { path, version }: CheckOperation): ExpectedAnswer {
    this.checkPath(path);
    const node = this.existing(path);
    this.checkPermission(node, permission.READ, issuer.identities);
    this.checkVersion(version, node.version);
    return this.success();
  }

  private reap(path: string, czxid: number, mzxid: number): ExpectedAnswer {
    if (!isValidPath(path, Number.POSITIVE_INFINITY)) throw new Refusal("INVALID_PATH");
    const node = this.existing(path);
    if (node.children.length > 0 || node.czxid !== czxid) throw new Refusal("NOT_EXPIRED");
    const due = node.kind === "container" ? node.creations > 0 : node.kind === "ttl" && node.mzxid === mzxid;
    if (!due) throw new Refusal("NOT_EXPIRED");
    this.remove(path);
    return this.success();
  }

  private checkNewQuota(path: string): void {
    const root = quotaRootOf(path);
    if (root === undefined) return;
    if (usage(this.nodes, root).count > this.limits.quotaScanNodesMax) throw new Refusal("TOO_LARGE");
  }

  private checkQuota(path: string, moreNodes: number, moreBytes: number): void {
    if (this.limits.enforceQuota !== 1) return;
    if (passesHardQuota(this.nodes, path, moreNodes, moreBytes)) throw new Refusal("QUOTA_EXCEEDED");
  }

  private remove(path: string): void {
    const parentPath = parentOf(path);
    const children = this.node(parentPath).children.filter((name) => name !== nameOf(path));
    this.change(parentPath, { children, pzxid: this.zxid });
    this.event(eventType.DELETED, path);
    this.event(eventType.CHILDREN_CHANGED, parentPath);
    this.nodes.delete(path);
  }

  private event(type: EventType, path: string): void {
    this.events.push({ type, path, zxid: this.zxid, acl: this.node(path).acl });
  }

  private change(path: string, changes: Partial<ModelNode>): void {
    this.nodes.set(path, { ...this.node(path), ...changes });
  }
}
