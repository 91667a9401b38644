import type { Prng } from "../../../src/core/base/prng.ts";
import { ODD_PATHS, PATHS, RESERVED } from "./pools.ts";
import { PREFIX_SIGN, pathOf, type Request } from "./request.ts";
import { SLOTS } from "./side.ts";
import type { Item, Outcome, Step } from "./step.ts";
import { StatLeaf, type Value } from "./value.ts";

/** Sequential znodes remembered, to be asked about again. */
const SEQUENTIAL_MAX = 8;

interface Versions {
  readonly version: number;
  readonly aversion: number;
}

/**
 * What the sequence so far makes likely: which znodes are there, and in which version. A guess from single replies; it
 * steers what is asked next, so that success and failure are both common.
 */
export class Knowledge {
  private readonly random: Prng;
  private readonly known = new Map<string, Versions>([[PREFIX_SIGN, { version: 0, aversion: 0 }]]);
  private readonly sequential: string[] = [];
  private readonly quota: string[] = [];
  private readonly open = new Set<number>();

  constructor(random: Prng) {
    this.random = random;
  }

  get openSlots(): readonly number[] {
    return [...this.open];
  }

  get closedSlots(): readonly number[] {
    return Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => !this.open.has(slot));
  }

  noteQuota(paths: readonly string[]): void {
    for (const path of paths) if (!this.quota.includes(path)) this.quota.push(path);
  }

  /** Some path: mostly one that is there, at times one that cannot be. */
  path(): string {
    const { random } = this;
    const dice = random.below(100);
    if (dice < 60) return random.pick([...this.known.keys()]);
    if (dice < 86) return random.pick(PATHS);
    if (dice < 90) return random.pick(ODD_PATHS);
    if (dice < 94) return random.pick(RESERVED);
    if (dice < 97 && this.sequential.length > 0) return random.pick(this.sequential);
    if (this.quota.length > 0) return random.pick(this.quota);
    return PREFIX_SIGN;
  }

  /** A path to create a znode at: mostly one that is not there, below one that is. */
  freshPath(): string {
    const { random } = this;
    const fresh = PATHS.filter((path) => !this.known.has(path) && this.known.has(path.slice(0, path.lastIndexOf("/"))));
    return fresh.length > 0 && random.chance(0.75) ? random.pick(fresh) : random.pick(PATHS);
  }

  version(path: string, kind: "version" | "aversion"): number {
    const { random } = this;
    const dice = random.below(100);
    if (dice < 45) return -1;
    if (dice < 85) return this.known.get(path)?.[kind] ?? 0;
    return random.pick([0, 1, 2, 5, -2, 2_147_483_647, -2_147_483_648]);
  }

  learn(step: Step, outcome: Outcome): void {
    const items = outcome[step.slot] ?? [];
    for (const item of items) {
      if (item.kind === "connected" && item.granted) this.open.add(step.slot);
      if (item.kind === "connected" && !item.granted && step.kind === "open") this.open.delete(step.slot);
      if (item.kind === "reply" && item.request.op === "closeSession" && item.error === 0) this.open.delete(step.slot);
      if (item.kind === "reply") this.learnReply(item);
    }
  }

  private learnReply({ request, error, value }: Item & { kind: "reply" }): void {
    const path = pathOf(request);
    if (error === -101 && request.op !== "create" && request.op !== "create2") this.forget(path);
    if (error !== 0) return;
    if (request.op === "multi") {
      for (const [index, operation] of request.operations.entries())
        this.learnResult(operation, resultAt(value, index));
      return;
    }
    this.learnResult(request, value);
  }

  private learnResult(request: Request, value: Value | undefined): void {
    if (!isRecord(value)) return;
    const path = pathOf(request);
    if (request.op === "delete") {
      this.forget(path);
      return;
    }
    const stat = value["stat"];
    const created = value["path"];
    if (typeof created === "string" && request.op !== "sync") this.learnCreated(request, path, created);
    if (stat instanceof StatLeaf && typeof created !== "string" && path.startsWith(PREFIX_SIGN)) {
      this.known.set(path, { version: stat.stat.version, aversion: stat.stat.aversion });
    }
  }

  private learnCreated(request: Request, asked: string, created: string): void {
    if (!asked.startsWith(`${PREFIX_SIGN}/`)) return;
    const isSequential = "flags" in request && [2, 3, 6].includes(request.flags);
    const path = isSequential
      ? asked + created.slice(created.length - (created.match(/-?\d{10}$/)?.[0].length ?? 0))
      : asked;
    this.known.set(path, { version: 0, aversion: 0 });
    if (!isSequential) return;
    this.sequential.push(path);
    if (this.sequential.length > SEQUENTIAL_MAX) this.known.delete(this.sequential.shift() as string);
  }

  private forget(path: string): void {
    if (path !== PREFIX_SIGN) this.known.delete(path);
  }
}

function resultAt(value: Value, index: number): Value | undefined {
  if (!isRecord(value)) return undefined;
  const result = (value["results"] as readonly Value[] | undefined)?.[index];
  return isRecord(result) ? result["result"] : undefined;
}

function isRecord(value: Value | undefined): value is { readonly [field: string]: Value } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
