import type { Prng } from "../../../src/core/base/prng.ts";
import { breaksPathRules } from "./pools.ts";
import type { ReadRequest, Request, SetWatchesRequest, WatcherRequest } from "./request.ts";
import { SLOTS } from "./side.ts";
import type { Step } from "./step.ts";

type WatchKind = "none" | "one-shot" | "persistent" | "recursive";

const KINDS: readonly WatchKind[] = ["one-shot", "one-shot", "persistent", "recursive"];
/** Kinds of each list of a setWatches2: data, exist, child, persistent, recursive. */
const KINDS_OF_LISTS: readonly WatchKind[] = ["one-shot", "one-shot", "one-shot", "persistent", "recursive"];
const PERSISTENT_MODE = 0;
const RECURSIVE_MODE = 1;
/** ZooKeeper's WatcherType: children 1, data 2, any 3, persistent 4, recursive 5. */
const CHILDREN_TYPE = 1;
const ANY_TYPE = 3;
const RECURSIVE_TYPE = 5;

/**
 * What keeps a run off the watches that ZooKeeper 3.8 cannot be compared by, since later versions and Muster do
 * otherwise on purpose:
 *
 * - of one session and one path, it keeps one kind of watch only, the last one asked for (until ZOOKEEPER-4466): here
 *   each session watches a path in one way;
 * - it answers checkWatches for the watches of all sessions of the server, and takes persistent ones for data watches,
 *   too: where these are asked for, a path is watched by one session only, and persistent ones are asked for as any;
 * - a one-shot watch is used up, in silence, by an event that its session may not see: with closed ACLs there are none.
 */
export class WatchRules {
  private readonly salt: number;
  private readonly isExclusive: boolean;
  private readonly hasOneShots: boolean;

  constructor(random: Prng, hasClosedAcls: boolean) {
    this.salt = random.below(1_000);
    this.isExclusive = random.chance(0.4);
    this.hasOneShots = !hasClosedAcls;
  }

  /** The step, with only such watches as its session may have. */
  fit(step: Step): Step {
    if (step.kind === "request") {
      const slot = this.isExclusive && isAboutWatches(step.request) ? this.ownerOf(step.request.path) : step.slot;
      return { ...step, slot, request: this.fitted(slot, step.request) };
    }
    if (step.kind !== "burst") return step;
    return { ...step, requests: step.requests.map((request) => this.fitted(step.slot, request)) };
  }

  private fitted(slot: number, request: Request): Request {
    switch (request.op) {
      case "exists":
      case "getData":
      case "getChildren":
      case "getChildren2":
        return { ...request, watch: request.watch && this.kindOf(slot, request.path) === "one-shot" };
      case "multiRead":
        return { ...request, operations: request.operations.map((operation) => this.fitted(slot, operation)) };
      case "addWatch":
        return this.fittedAdd(slot, request);
      case "checkWatches":
      case "removeWatches":
        return this.fittedQuery(slot, request);
      case "setWatches":
      case "setWatches2":
        return this.fittedLists(slot, request);
      default:
        return request;
    }
  }

  private fittedAdd(slot: number, request: WatcherRequest): Request {
    const { path, kind: mode } = request;
    if (mode !== PERSISTENT_MODE && mode !== RECURSIVE_MODE) return request;
    const kind = this.kindOf(slot, path);
    if (kind === "persistent") return { ...request, kind: PERSISTENT_MODE };
    if (kind === "recursive") return { ...request, kind: RECURSIVE_MODE };
    return { op: "exists", path, watch: kind === "one-shot" };
  }

  private fittedQuery(slot: number, request: WatcherRequest): Request {
    const { path, kind: type } = request;
    const kind = this.kindOf(slot, path);
    if (!this.isExclusive || kind === "none") return { op: "exists", path, watch: false };
    const isOfOneKind = type >= CHILDREN_TYPE && type <= RECURSIVE_TYPE && type !== ANY_TYPE;
    const mayAsk = !isOfOneKind || (kind === "one-shot" && type < ANY_TYPE);
    return mayAsk ? request : { ...request, kind: ANY_TYPE };
  }

  private fittedLists(slot: number, request: SetWatchesRequest): Request {
    const lists = request.lists.map((list, index) => {
      return list.filter((path) => this.kindOf(slot, path) === KINDS_OF_LISTS[index]);
    });
    return { ...request, lists };
  }

  /** How this session watches this path. */
  private kindOf(slot: number, path: string): WatchKind {
    if (breaksPathRules(path)) return "none";
    if (this.isExclusive && this.ownerOf(path) !== slot) return "none";
    const kind = KINDS[this.hash(`${path} ${slot}`) % KINDS.length] as WatchKind;
    return kind === "one-shot" && !this.hasOneShots ? "none" : kind;
  }

  private ownerOf(path: string): number {
    return this.hash(path) % SLOTS;
  }

  private hash(text: string): number {
    let hash = this.salt;
    for (const character of text) hash = (Math.imul(hash, 31) + (character.codePointAt(0) as number)) >>> 0;
    return (hash ^ (hash >>> 13)) >>> 0;
  }
}

function isAboutWatches(request: Request): request is WatcherRequest | ReadRequest {
  return (
    "watch" in request || request.op === "addWatch" || request.op === "checkWatches" || request.op === "removeWatches"
  );
}
