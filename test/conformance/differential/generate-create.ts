import type { Prng } from "../../../src/core/base/prng.ts";
import type { Knowledge } from "./knowledge.ts";
import { ACLS, BAD_ACLS, isBelowContainer, isContainer, ODD_PATHS, OPEN, RESERVED } from "./pools.ts";
import type {
  Acl,
  CreateRequest,
  MultiRequest,
  Request,
  SetAclRequest,
  SetDataRequest,
  VersionRequest,
} from "./request.ts";

/** So long that none ends in a run: what ends, `reapers.ts` compares. */
const HOUR_MS = 3_600_000;
const TTLS_MS = [HOUR_MS, HOUR_MS, 2 ** 40 - 1, 2 ** 40, 0, -1];
const CONTAINER = 4;
const PERSISTENT_ONLY = [0, 0, 2];
const DATA = ["", "x", "hello", "0123456789", null];
const NEW_AT_THE_TOP = ["§x", "/zookeeper§", "/zookeeper/config§", "/zookeeper/quota§", "/zookeeper/quota§/a"];

/** What a run may have. */
export interface Traits {
  readonly hasQuotas: boolean;
  /** ACLs that do not let everybody do everything. */
  readonly hasClosedAcls: boolean;
}

/** Makes up what changes the tree. */
export class CreateGenerator {
  private readonly random: Prng;
  private readonly knowledge: Knowledge;
  private readonly traits: Traits;

  constructor(random: Prng, knowledge: Knowledge, traits: Traits) {
    this.traits = traits;
    this.random = random;
    this.knowledge = knowledge;
  }

  create(): CreateRequest {
    const { random } = this;
    const path = this.createPath();
    if (isContainer(path)) {
      const op = random.pick(["createContainer", "createContainer", "createContainer", "create", "create2"] as const);
      return { op, path, data: this.data(), acl: this.acl(), flags: CONTAINER };
    }
    const below = isBelowContainer(path);
    if (random.chance(0.12)) {
      const flags = random.pick([5, 5, 5, 6, 0]);
      const at = flags === 6 ? `${path}-` : path;
      // A mode without TTL and a TTL that is none stop every server of a ZooKeeper 3.8 ensemble when it is applied.
      const ttl = flags === 0 ? HOUR_MS : random.pick(TTLS_MS);
      return { op: "createTtl", path: at, data: this.data(), acl: this.acl(), flags, ttl };
    }
    const flags = below
      ? random.pick(PERSISTENT_ONLY)
      : random.pick([0, 0, 0, 0, 1, 1, 2, 3, 3, random.pick([5, 6, 7, -1])]);
    const op = random.pick(["create", "create", "create2"] as const);
    return { op, path: this.sequentialPath(path, flags), data: this.data(), acl: this.acl(), flags };
  }

  delete(): VersionRequest {
    const path = this.deletePath();
    return { op: "delete", path, version: this.knowledge.version(path, "version") };
  }

  setData(): SetDataRequest {
    const path = this.changeablePath();
    return { op: "setData", path, data: this.data(), version: this.knowledge.version(path, "version") };
  }

  /** Never of what every ensemble has: a run that locks those up is the last one. */
  setAcl(): SetAclRequest {
    let path = this.changeablePath();
    while (RESERVED.includes(path) || path === "" || path === "§") path = this.changeablePath();
    return { op: "setAcl", path, acl: this.acl(0.6), version: this.knowledge.version(path, "aversion") };
  }

  multi(): MultiRequest {
    const { random } = this;
    const operations: Request[] = Array.from({ length: random.pick([0, 1, 2, 2, 3, 3, 4, 6]) }, () => this.part());
    // The second change of one multi: ZooKeeper checks it against the counts from before the first.
    const changes = operations.filter(({ op }) => op !== "check");
    if (this.traits.hasQuotas)
      operations.splice(
        0,
        operations.length,
        ...operations.filter((each) => each.op === "check" || each === changes[0]),
      );
    // Kinds that do not belong there.
    if (random.chance(0.03)) operations.push({ op: "getData", path: "§/a", watch: false });
    if (random.chance(0.02)) operations.push({ op: "unknown", type: random.pick([7, 9, 99]), path: "§/a" });
    return { op: "multi", operations };
  }

  private part(): Request {
    const { random, knowledge } = this;
    const dice = random.below(100);
    if (dice < 40) return forMulti(this.create());
    if (dice < 60) return this.delete();
    if (dice < 80) return this.setData();
    const path = knowledge.path();
    return { op: "check", path, version: knowledge.version(path, "version") };
  }

  private createPath(): string {
    const { random, knowledge } = this;
    const dice = random.below(100);
    if (dice < 92) return knowledge.freshPath();
    if (dice < 95) return random.pick(ODD_PATHS);
    if (dice < 97) return random.pick(RESERVED);
    return random.pick(NEW_AT_THE_TOP);
  }

  private deletePath(): string {
    let path = this.changeablePath();
    while (isBelowContainer(path) || path === "§") path = this.changeablePath();
    return path;
  }

  /** A quota's znodes with data that is no quota stop every server of a ZooKeeper 3.8 ensemble at the next change. */
  private changeablePath(): string {
    let path = this.knowledge.path();
    while (path.startsWith("/zookeeper/quota/") || path.startsWith("/zookeeper/quota§")) path = this.knowledge.path();
    return path;
  }

  private sequentialPath(path: string, flags: number): string {
    const isSequential = flags === 2 || flags === 3 || flags === 6;
    if (!isSequential) return path;
    const { random } = this;
    const parent = path.slice(0, path.lastIndexOf("/"));
    return random.pick([`${path}-`, `${path}-`, `${parent}/s-`, `${parent}/`, `${path}/`]);
  }

  private data(): string | null {
    return this.random.pick(DATA);
  }

  private acl(closed = 0.15): readonly Acl[] | null {
    const { random } = this;
    if (!random.chance(closed)) return OPEN;
    if (random.chance(0.25)) return random.pick(BAD_ACLS);
    return this.traits.hasClosedAcls ? random.pick(ACLS) : OPEN;
  }
}

/**
 * ZooKeeper 3.8 goes by the flags alone in a multi: without a mode that has a TTL there is none; and a mode that is
 * none, or lacks its TTL, is an exception in the middle, which leaves the multi's earlier changes pending for ever.
 */
function forMulti(create: CreateRequest): CreateRequest {
  if (create.op === "createTtl") return create.flags === 0 ? { ...create, flags: 5 } : create;
  return create.flags < 0 || create.flags > CONTAINER ? { ...create, flags: 0 } : create;
}
