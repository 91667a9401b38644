import type { Prng } from "../../../src/core/base/prng.ts";
import { CreateGenerator } from "./generate-create.ts";
import { Knowledge } from "./knowledge.ts";
import { BAD_CREDENTIALS, CREDENTIALS, OPEN } from "./pools.ts";
import type { Mangle, MultiRequest, ReadRequest, Request, SetWatchesRequest } from "./request.ts";
import { SLOTS } from "./side.ts";
import type { Outcome, Step } from "./step.ts";
import { WatchRules } from "./watch-rules.ts";

/** Types that no version knows, that came later, and that only servers send. */
const UNKNOWN_TYPES = [10, 23, 99, 108, 500, 1000, -2, -100, -1, 0];
/** Lengths that lie: null, nonsense, too long, empty. */
const POKES = [-1, -2, 1_000_000, 0, 2];
/** Longer than any frame may be, and less than nothing. */
const BAD_FRAMES = ["7fffffff", "ffffffff", "80000000"];
const WATCHER_KINDS = [1, 1, 2, 2, 3, 3, 3, 3, 4, 5, 6, -1];
const ADD_WATCH_MODES = [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, -1];
const OPEN_MS = 60_000;
const TIMEOUTS_MS = [0, -1, 1, 999, 1_000, 5_000, 60_000, 600_000, 600_001, 2_147_483_647];

const ALONE: ReadonlySet<string> = new Set(["ping", "auth", "unknown", "closeSession", "setAcl"]);
const CHECKED_FOR_QUOTAS: ReadonlySet<string> = new Set([
  "create",
  "create2",
  "createContainer",
  "createTtl",
  "setData",
  "multi",
]);

type Chance = readonly [weight: number, make: () => Step];

/** Makes up a run, one step after the other; what the real server answered steers the dice, and nothing else. */
export class Generator {
  private readonly random: Prng;
  private readonly knowledge: Knowledge;
  private readonly creates: CreateGenerator;
  private readonly queue: Step[] = [];
  private readonly hasQuotas: boolean;
  private readonly watchRules: WatchRules;
  /** The path that has the run's one quota. */
  private quotaRoot: string | undefined;
  private quotaLevel = 2;
  /** Of bytes and of znodes; 0 is no limit. */
  private readonly quotaFactors: readonly [number, number];
  private readonly chances: readonly Chance[];

  constructor(random: Prng) {
    this.random = random;
    this.hasQuotas = random.chance(0.4);
    this.quotaFactors = [random.pick([0, 2, 6]), random.pick([0, 1, 2])];
    const hasClosedAcls = random.chance(0.4);
    this.knowledge = new Knowledge(random);
    this.creates = new CreateGenerator(random, this.knowledge, { hasQuotas: this.hasQuotas, hasClosedAcls });
    this.watchRules = new WatchRules(random, hasClosedAcls);
    for (let slot = 0; slot < SLOTS; slot++) {
      this.queue.push({
        kind: "open",
        slot,
        server: slot,
        timeoutMs: OPEN_MS,
        readOnly: slot === 3 ? undefined : false,
      });
    }
    this.chances = [
      [860, () => this.single(this.request())],
      [90, () => this.burst()],
      [25, () => this.resume()],
      [9, () => this.single({ op: "closeSession" })],
      [3, () => ({ kind: "bytes", slot: this.slot(), hex: random.pick(BAD_FRAMES) })],
      [this.hasQuotas ? 10 : 0, () => this.raiseQuota()],
    ];
    if (this.hasQuotas) this.planQuota();
  }

  next(): Step {
    return this.watchRules.fit(this.made());
  }

  private made(): Step {
    const planned = this.queue.shift();
    if (planned !== undefined) return planned;
    const closed = this.knowledge.closedSlots;
    if (closed.length > 0 && this.random.chance(0.3)) return this.open(this.random.pick(closed));
    return pickWeighted(this.random, this.chances)();
  }

  /** What the real server's clients saw of the step. */
  learn(step: Step, outcome: Outcome): void {
    this.knowledge.learn(step, outcome);
  }

  private open(slot: number): Step {
    const { random } = this;
    const timeoutMs = random.chance(0.3) ? random.pick(TIMEOUTS_MS) : OPEN_MS;
    // A short one would expire between steps: it only asks, and is closed next.
    if (timeoutMs < 5_000) this.queue.push({ kind: "request", slot, request: { op: "closeSession" } });
    return {
      kind: "open",
      slot,
      server: random.below(SLOTS),
      timeoutMs,
      readOnly: random.pick([false, false, true, undefined]),
    };
  }

  private resume(): Step {
    const { random } = this;
    const slot = this.slot();
    const seen = random.pick(["zero", "zero", "last", "last", "future"] as const);
    const password = random.chance(0.15) ? "wrong" : "right";
    if (random.chance(0.7)) this.queue.push({ kind: "request", slot, request: this.setWatches() });
    if (random.chance(0.5)) this.queue.push({ kind: "request", slot, request: this.auth() });
    return { kind: "resume", slot, server: random.below(SLOTS), password, seen, takesOver: random.chance(0.2) };
  }

  private burst(): Step {
    const { random } = this;
    const requests: Request[] = [];
    const count = 2 + random.below(7);
    while (requests.length < count) {
      const request = this.request();
      if (this.mayBurst(request)) requests.push(request);
    }
    const last = random.below(100);
    if (last < 4) requests.push({ op: "closeSession" });
    else if (last < 15) requests.push(this.creates.setAcl());
    return { kind: "burst", slot: this.slot(), requests };
  }

  /**
   * ZooKeeper refuses some requests at its door, out of order or with the connection closed. And it checks quotas and
   * ACLs against what was applied, not against what was asked before: whether a request that follows at once finds a
   * new ACL or the last change of a quota's counts depends on its speed. A ping is no part of the order of replies:
   * Muster's leader has to say that the session lives.
   */
  private mayBurst({ op, mangle }: Request): boolean {
    if (mangle !== undefined || ALONE.has(op)) return false;
    return !this.hasQuotas || !CHECKED_FOR_QUOTAS.has(op);
  }

  private request(): Request {
    const { random } = this;
    const dice = random.below(1000);
    const request = this.wellFormed(dice);
    if (!random.chance(0.015) || request.op === "closeSession") return request;
    return { ...request, mangle: this.mangle() };
  }

  private wellFormed(dice: number): Request {
    const { random, knowledge, creates } = this;
    const path = (): string => knowledge.path();
    if (dice < 230) return creates.create();
    if (dice < 330) return creates.delete();
    if (dice < 430) return creates.setData();
    if (dice < 470) return creates.setAcl();
    if (dice < 580) return creates.multi();
    if (dice < 760) return this.read();
    if (dice < 790) return this.multiRead();
    if (dice < 820) return { op: "getAcl", path: path() };
    if (dice < 875) return { op: "addWatch", path: path(), kind: random.pick(ADD_WATCH_MODES) };
    if (dice < 905) return { op: "checkWatches", path: path(), kind: random.pick(WATCHER_KINDS) };
    if (dice < 930) return { op: "removeWatches", path: path(), kind: random.pick(WATCHER_KINDS) };
    if (dice < 940) return this.auth();
    if (dice < 952) return { op: "getEphemerals", path: random.pick(["§", "/", "", "§/a", "§/", "§/e", "/none"]) };
    if (dice < 964) return { op: "getAllChildrenNumber", path: path() };
    if (dice < 972) return { op: "whoAmI" };
    if (dice < 978) return { op: "ping" };
    if (dice < 984) return { op: "sync", path: random.chance(0.5) ? "/" : path() };
    // One that holds stops every server of a ZooKeeper 3.8 ensemble (ZOOKEEPER-2623).
    if (dice < 986) return { op: "check", path: random.pick(["§/none", "a"]), version: random.pick([-1, 0]) };
    if (dice < 991) return { op: "deleteContainer", path: random.pick(["§/none", "§/none/c1", "a"]) };
    if (dice < 993) return { op: "reconfig", joining: random.pick([null, "", "server.9=localhost:1:2:participant;3"]) };
    if (dice < 996) return { op: "unknown", type: random.pick(UNKNOWN_TYPES), path: path() };
    return this.setWatches();
  }

  private read(): ReadRequest {
    const { random } = this;
    const op = random.pick(["exists", "getData", "getChildren", "getChildren2"] as const);
    return { op, path: this.knowledge.path(), watch: random.chance(0.5) };
  }

  private multiRead(): MultiRequest {
    const { random } = this;
    const operations = Array.from({ length: random.below(5) }, (): Request => {
      const op = random.pick(["getData", "getData", "getChildren"] as const);
      return { op, path: this.knowledge.path(), watch: random.chance(0.3) };
    });
    // Kinds that do not belong there.
    if (random.chance(0.06))
      operations.push({ op: random.pick(["exists", "getChildren2"]), path: "§/a", watch: false });
    if (random.chance(0.04)) operations.push({ op: "check", path: "§/a", version: -1 });
    return { op: "multiRead", operations };
  }

  private auth(): Request {
    const { random } = this;
    const [scheme, credential] = random.pick(random.chance(0.1) ? BAD_CREDENTIALS : CREDENTIALS);
    return { op: "auth", scheme, credential };
  }

  private setWatches(): SetWatchesRequest {
    const { random } = this;
    const op = random.chance(0.5) ? "setWatches" : "setWatches2";
    const paths = (): string[] => Array.from({ length: random.below(4) }, () => this.knowledge.path());
    const lists = Array.from({ length: op === "setWatches" ? 3 : 5 }, paths);
    const relative = random.pick(["zero", "future", { recent: 0 }, { recent: random.below(30) }] as const);
    return { op, relative, lists };
  }

  /**
   * A quota on a subtree, before anything is in it. ZooKeeper 3.8 cannot be compared by more: it also refuses what
   * shrinks a subtree that is above its limit, counts for the deepest of several quotas only, and does not count
   * what a multi does itself.
   */
  private planQuota(): void {
    this.quotaRoot = this.random.pick(["§", "§/a", "§/b"]);
    const parts = this.quotaRoot.split("/");
    for (let length = 1; length <= parts.length; length++) {
      this.queue.push(this.quotaNode(`/zookeeper/quota${parts.slice(0, length).join("/")}`, ""));
    }
    const folder = `/zookeeper/quota${this.quotaRoot}`;
    this.queue.push(this.quotaNode(`${folder}/zookeeper_limits`, this.limits()));
    this.queue.push(this.quotaNode(`${folder}/zookeeper_stats`, "count=0,bytes=0"));
    this.knowledge.noteQuota([`${folder}/zookeeper_limits`, `${folder}/zookeeper_stats`]);
  }

  private raiseQuota(): Step {
    const path = `/zookeeper/quota${this.quotaRoot}/zookeeper_limits`;
    return this.single({ op: "setData", path, data: this.limits(), version: -1 });
  }

  private quotaNode(path: string, data: string): Step {
    return { kind: "request", slot: 0, request: { op: "create", path, data, acl: OPEN, flags: 0 } };
  }

  /** Never lower than at the call before. */
  private limits(): string {
    this.quotaLevel += this.random.below(5);
    const [bytes, count] = this.quotaFactors.map((factor) => (factor === 0 ? -1 : factor * this.quotaLevel));
    return `count=${this.quotaLevel},bytes=-1=;byteHardLimit=${bytes};countHardLimit=${count}`;
  }

  private mangle(): Mangle {
    const { random } = this;
    if (random.chance(0.4)) return { kind: "cut", bytes: 1 + random.below(12) };
    if (random.chance(0.3)) return { kind: "append", bytes: 1 + random.below(12) };
    return { kind: "poke", at: 0, int: random.pick(POKES) };
  }

  private single(request: Request): Step {
    return { kind: "request", slot: this.slot(), request };
  }

  private slot(): number {
    const open = this.knowledge.openSlots;
    return open.length === 0 ? 0 : this.random.pick(open);
  }
}

function pickWeighted(random: Prng, chances: readonly Chance[]): () => Step {
  let dice = random.below(chances.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, make] of chances) {
    dice -= weight;
    if (dice < 0) return make;
  }
  throw new Error("the weights do not add up");
}
