import { defaultLimits, type Limits } from "../../src/core/base/limits.ts";
import { Prng } from "../../src/core/base/prng.ts";
import { FEATURE_LEVEL } from "../../src/core/tree/feature-level.ts";
import type {
  AclEntry,
  CreateMode,
  LeafOperation,
  LeafRead,
  ReadOperation,
  WriteOperation,
} from "../../src/core/tree/operation.ts";
import { isAtOrBelow, parentOf } from "./naive-rules.ts";
import { ACL_ENTRIES, BAD_ACL_ENTRIES, IDENTITIES, ODD_PATHS, QUOTA_ROOTS, SEGMENTS, SPECIAL_PATHS } from "./pools.ts";
import { type Caller, CURRENT_VERSION, type Step, WRONG_VERSION } from "./step.ts";

/**
 * Histories that hit few znodes often: a small pool of paths of depth one to four, every create mode, versions right
 * and wrong, sessions that move, close and expire, repeated request numbers, quotas, failing multis, and bad arguments.
 * One seed is one history.
 */
export interface History {
  readonly seed: number;
  readonly steps: readonly Step[];
}

export const SLOTS = 4;

export function generateHistory(seed: number, length: number): History {
  const generator = new Generator(new Prng(seed));
  const steps: Step[] = [];
  for (let at = 0; at < length; at++) steps.push(generator.step(at));
  return { seed, steps };
}

const SUPER_CALLER: Caller = { slot: -1, identities: [{ scheme: "super", id: "" }], older: false };
const EMPTY = new Uint8Array(0);

class Generator {
  private readonly limits: Limits;
  private readonly random: Prng;
  private readonly paths: string[] = [];
  /** How often somebody other than the super user asks. */
  private readonly freedom: number;
  /** Paths that probably exist, with the mode they were created in. A guess: it only steers the dice. */
  private readonly likely = new Map<string, number>([["/", 0]]);
  /** Slots that probably hold an open session. */
  private readonly open = new Set<number>();
  /** Steps that belong together and come next. */
  private readonly queue: Step[] = [];

  constructor(random: Prng) {
    this.random = random;
    this.freedom = random.pick([0.1, 0.4, 0.8]);
    this.limits = this.chooseLimits();
    this.choosePaths();
  }

  private chooseLimits(): Limits {
    const { random } = this;
    if (random.chance(0.3)) return defaultLimits;
    return {
      ...defaultLimits,
      dataBytesMax: random.pick([32, 1024]),
      pathBytesMax: random.pick([40, 4096]),
      multiOperationsMax: random.pick([4, 100]),
      nodesPerCommandMax: random.pick([3, 6, 100]),
      ephemeralsPerSessionMax: random.pick([1, 1, 2, 100]),
      sessionsMax: random.pick([2, 3, 100]),
      windowNumbersMax: random.pick([1, 3, 10]),
      quotaScanNodesMax: random.pick([4, 1000]),
      aclEntriesMax: random.pick([2, 10]),
      enforceQuota: random.pick([0, 1, 1]),
    };
  }

  private choosePaths(): void {
    const { random, paths } = this;
    paths.push("/a", "/b", "/c");
    const below = (parent: string): string => `${parent === "/" ? "" : parent}/${random.pick(SEGMENTS)}`;
    for (let i = 0; i < 10; i++) paths.push(below(random.pick(paths.slice(0, 3))));
    for (let i = 0; i < 9; i++) paths.push(below(random.pick(paths.slice(3, 13))));
    for (let i = 0; i < 6; i++) paths.push(below(random.pick(paths.slice(13, 22))));
    paths.push("/a/0000000000", "/a/s-0000000001", "/b/s-0000000002");
  }

  step(at: number): Step {
    const { random } = this;
    // Sessions first, so that most histories have somebody to own ephemerals.
    if (at === 0) return { kind: "limits", limits: this.limits };
    if (at < 3) return this.openSession(at);
    if (at === 3 && random.chance(0.6)) return { kind: "raise", level: FEATURE_LEVEL };
    const planned = this.queue.shift();
    if (planned !== undefined) return planned;
    const dice = random.below(1000);
    if (dice < 60) return this.sessionStep();
    if (dice < 80) return { kind: "reap", path: this.pathOf([4]), older: random.chance(0.3) };
    if (dice < 100) return { kind: "reap", path: this.pathOf([5, 6]), older: random.chance(0.3) };
    if (dice < 140) return { kind: "page", by: this.caller(), path: this.path(), limit: random.pick([1, 1, 2, 3, 0]) };
    if (dice < 240) return { kind: "read", by: this.caller(), operation: this.readOperation() };
    if (dice < 243) return { kind: "limits", limits: this.chooseLimits() };
    if (dice < 245) return { kind: "raise", level: random.below(FEATURE_LEVEL + 1) };
    if (dice < 255) return this.reconfigure();
    if (dice < 268) return this.planQuota();
    if (dice < 290) return this.planContainer();
    if (dice < 308) return this.planPaging();
    return this.request(this.writeOperation());
  }

  private reconfigure(): Step {
    const { random } = this;
    const configuration = new Uint8Array(random.pick([1, 3, 100])).fill(random.below(256));
    return { kind: "reconfigure", off: random.chance(0.25) ? random.pick([-1, 1, 2 ** 32]) : 0, configuration };
  }

  private request(operation: WriteOperation): Step {
    const { random } = this;
    return {
      kind: "request",
      by: this.caller(),
      operation,
      back: random.chance(0.06) ? 1 + random.below(12) : 0,
      answered: random.chance(0.3) ? random.below(5) : -1,
    };
  }

  private asSuper(operation: WriteOperation): Step {
    return { kind: "request", by: SUPER_CALLER, operation, back: 0, answered: -1 };
  }

  private sessionStep(): Step {
    const { random } = this;
    const slot = random.below(SLOTS);
    if (!this.open.has(slot) || random.chance(0.15)) return this.openSession(slot);
    const dice = random.below(10);
    if (dice < 6) return { kind: "move", slot, wrongSecret: random.chance(0.2) };
    const older = random.chance(0.2);
    if (!older) this.open.delete(slot);
    if (dice < 8) return { kind: "close", by: { slot, identities: [], older } };
    return { kind: "expire", slot, older };
  }

  private openSession(slot: number): Step {
    this.open.add(slot);
    return { kind: "open", slot, timeoutMs: this.random.pick([0, 1, 5000, 10_000, 2 ** 31]) };
  }

  /** A quota with all the znodes it takes; what follows it is an ordinary step. */
  private planQuota(): Step {
    const { random } = this;
    const root = random.pick(["/a", "/a", "/b", "/a/a"]);
    const create = (path: string): Step => this.asSuper({ kind: "create", path, data: this.data(path), mode: 0 });
    let path = "/zookeeper/quota";
    for (const segment of root.slice(1).split("/")) {
      path += `/${segment}`;
      this.queue.push(create(path));
      this.likely.set(path, 0);
    }
    const names = random.pick([["zookeeper_limits"], ["zookeeper_limits", "zookeeper_stats"], ["zookeeper_stats"]]);
    for (const name of names) {
      this.queue.push(create(`${path}/${name}`));
      this.likely.set(`${path}/${name}`, 0);
    }
    return create(root);
  }

  /** A container that has had a child, ready for reaping. */
  private planContainer(): Step {
    const path = this.freshPath();
    this.queue.push(this.asSuper({ kind: "create", path: `${path}/x`, data: EMPTY, mode: 0 }));
    if (this.random.chance(0.8)) this.queue.push(this.asSuper({ kind: "delete", path: `${path}/x`, version: -1 }));
    this.queue.push({ kind: "reap", path, older: this.random.chance(0.2) });
    return this.asSuper({ kind: "create", path, data: EMPTY, mode: 4 });
  }

  /** Pages of a list whose children go, and come again under their old names, between the pages. */
  private planPaging(): Step {
    const { random } = this;
    const parents = [...this.likely.keys()].map(parentOf).filter((path) => this.likely.has(path));
    const path = parents.length > 0 ? random.pick(parents) : "/";
    const children = [...this.likely.keys()].filter((other) => other !== "/" && parentOf(other) === path);
    const page = (): Step => ({ kind: "page", by: SUPER_CALLER, path, limit: random.pick([1, 1, 2]) });
    for (const child of children) {
      if (random.chance(0.4)) this.queue.push(this.asSuper({ kind: "delete", path: child, version: -1 }));
      if (random.chance(0.4)) this.queue.push(this.asSuper({ kind: "create", path: child, data: EMPTY, mode: 0 }));
      this.queue.push(page());
    }
    return page();
  }

  private caller(): Caller {
    const { random } = this;
    const opened = [...this.open];
    const slot = random.chance(0.12)
      ? -1
      : random.chance(0.95) && opened.length > 0
        ? random.pick(opened)
        : random.below(SLOTS);
    const identities = random.pick(random.chance(this.freedom) ? IDENTITIES : IDENTITIES.slice(-1));
    return { slot, identities, older: random.chance(0.02) };
  }

  /** A path that probably exists, mostly. */
  private path(): string {
    const { random } = this;
    const dice = random.below(100);
    if (dice < 2) return random.pick(ODD_PATHS);
    if (dice < 5) return random.pick(SPECIAL_PATHS);
    if (dice < 10) return this.quotaPath();
    if (dice < 22) return random.pick(this.paths);
    return random.pick([...this.likely.keys()]);
  }

  /** A path that probably has one of these create modes. */
  private pathOf(modes: readonly number[]): string {
    const paths = [...this.likely].filter(([, mode]) => modes.includes(mode)).map(([path]) => path);
    return paths.length > 0 && this.random.chance(0.8) ? this.random.pick(paths) : this.path();
  }

  /** A path that probably does not exist below one that does, mostly. */
  private freshPath(): string {
    if (this.random.chance(0.12)) return this.path();
    const free = this.paths.filter((path) => !this.likely.has(path) && this.likely.has(parentOf(path)));
    return free.length > 0 ? this.random.pick(free) : this.random.pick(this.paths);
  }

  private quotaPath(): string {
    const { random } = this;
    const name = random.pick(["", "", "/zookeeper_limits", "/zookeeper_limits", "/zookeeper_stats"]);
    return `/zookeeper/quota${random.pick(QUOTA_ROOTS)}${name}`;
  }

  private data(path: string): Uint8Array {
    const { random } = this;
    if (path.includes("zookeeper_") && random.chance(0.9)) return new TextEncoder().encode(this.quotaText());
    const size = random.chance(0.02)
      ? random.pick([33, 33, 1025, 1025, 1024 * 1024 + 1])
      : random.pick([0, 0, 1, 3, 8, 16, 31]);
    return new Uint8Array(size).fill(random.below(256));
  }

  private quotaText(): string {
    const { random } = this;
    const number = (): number => random.pick([-1, 0, 1, 2, 3, 5, 8, 20]);
    const bytes = (): number => random.pick([-1, 0, 10, 20, 40]);
    return random.pick([
      `count=${number()},bytes=${bytes()}`,
      `count=-1,bytes=-1=;byteHardLimit=${bytes()};countHardLimit=${number()}`,
      `count=${number()},bytes=${bytes()}=;byteHardLimit=${bytes()};countHardLimit=${number()}`,
      `countHardLimit=${number()}`,
      `byteHardLimit=${bytes()},count=3`,
    ]);
  }

  private version(): number {
    const dice = this.random.below(10);
    if (dice < 5) return -1;
    if (dice < 8) return CURRENT_VERSION;
    return dice === 8 ? WRONG_VERSION : this.random.below(3);
  }

  private acl(): AclEntry[] {
    const { random } = this;
    const acl: AclEntry[] = [];
    const size = random.pick([0, 1, 1, 1, 2, 2, 3, 4]);
    for (let i = 0; i < size; i++) {
      const [scheme, id] = random.pick(random.chance(0.05) ? BAD_ACL_ENTRIES : ACL_ENTRIES);
      acl.push({ scheme, id, permissions: random.chance(0.5) ? 31 : random.chance(0.04) ? 32 : random.below(32) });
    }
    return acl;
  }

  private create(): LeafOperation {
    const { random } = this;
    const mode = (random.chance(0.5) ? 0 : random.below(7)) as CreateMode;
    const sequential = mode === 2 || mode === 3 || mode === 6;
    const base = sequential ? this.path() : this.freshPath();
    const path = sequential ? base + random.pick(base === "/" ? ["", "s-", "."] : ["/", "/s-", "", "/."]) : base;
    if (!sequential && mode !== 1 && this.likely.has(parentOf(path))) this.likely.set(path, mode);
    const wantsTtl = mode >= 5 ? !random.chance(0.05) : random.chance(0.01);
    const ttlMs = wantsTtl ? { ttlMs: random.pick(random.chance(0.9) ? [1, 500, 2 ** 40 - 1] : [2 ** 40, 0]) } : {};
    const acl = random.chance(0.05 + this.freedom / 3) ? { acl: this.acl() } : {};
    const ifAbsent = random.chance(0.1) ? { ifAbsent: true } : {};
    return { kind: "create", path, data: this.data(path), mode, ...acl, ...ttlMs, ...ifAbsent };
  }

  private leafOperation(): LeafOperation {
    const { random } = this;
    const dice = random.below(100);
    if (dice < 50) return this.create();
    const path = this.path();
    const version = this.version();
    if (dice < 60) return this.delete(path, version);
    if (dice < 85) return { kind: "set", path, data: this.data(path), version };
    if (dice < 92) return { kind: "set-acl", path, acl: random.chance(0.5) ? this.openAcl() : this.acl(), version };
    return { kind: "check", path, version };
  }

  private delete(path: string, version: number): LeafOperation {
    const childless = ![...this.likely.keys()].some((other) => other !== path && parentOf(other) === path);
    if (childless && path !== "/" && version !== WRONG_VERSION) this.likely.delete(path);
    return { kind: "delete", path, version };
  }

  private openAcl(): AclEntry[] {
    return [{ scheme: "world", id: "anyone", permissions: 31 }];
  }

  private writeOperation(): WriteOperation {
    const { random } = this;
    const dice = random.below(100);
    if (dice < 4) return this.deleteTree(this.path());
    if (dice < 22) {
      const operations: LeafOperation[] = [];
      const size = random.pick([0, 1, 2, 2, 3, 3, 4, 5, 6]);
      for (let i = 0; i < size; i++) operations.push(this.leafOperation());
      return { kind: "multi", operations };
    }
    const leaf = this.leafOperation();
    return leaf.kind === "check" ? { kind: "multi", operations: [leaf] } : leaf;
  }

  private deleteTree(path: string): WriteOperation {
    if (path === "" || SPECIAL_PATHS.includes(path)) return { kind: "delete-tree", path };
    for (const other of this.likely.keys()) if (isAtOrBelow(other, path)) this.likely.delete(other);
    return { kind: "delete-tree", path };
  }

  private readOperation(): ReadOperation {
    const { random } = this;
    const dice = random.below(10);
    if (dice === 0) return { kind: "ephemerals", path: random.chance(0.4) ? "/" : this.path() };
    if (dice < 3) return { kind: "multi-read", operations: [this.leafRead(), this.leafRead(), this.leafRead()] };
    return this.leafRead();
  }

  private leafRead(): LeafRead {
    const path = this.path();
    const kind = this.random.pick(["get", "exists", "get-acl", "get-acl", "count", "list"] as const);
    if (kind === "list") return { kind, path, limit: 0, cursor: new Uint8Array(0) };
    return { kind, path };
  }
}
