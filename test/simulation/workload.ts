import type { Prng } from "../../src/core/base/prng.ts";
import type { LeafOperation, ReadOperation, WatchMode, WriteOperation } from "../../src/core/tree/operation.ts";
import { generateHistory } from "../model/generate.ts";
import type { NaiveTree } from "../model/naive-tree.ts";
import { CURRENT_VERSION, type Step, WRONG_VERSION } from "../model/step.ts";

/** Longer data and paths would not fit the small segments of a simulated journal. */
const DATA_BYTES_MAX = 300;
const PATH_LENGTH_MAX = 200;

/** What a workload has to know of its world. */
export interface WorkloadHost {
  readonly model: NaiveTree;
  readonly book: { readonly uncompared: number };
}

/**
 * The requests of a run, in the order in which the clients take them: those of a generated history (`test/model`), but
 * for its sessions, which the clients have of their own.
 */
export class Workload {
  private readonly random: Prng;
  private readonly host: WorkloadHost;
  private readonly steps: Step[];
  private readonly asked: (WriteOperation | ReadOperation)[] = [];
  private readonly returned: (WriteOperation | ReadOperation)[] = [];
  /** Asked once more in place of those whose answers were not compared. */
  private repeated = 0;
  private readonly paths: string[] = ["/"];

  /** The model is asked for the versions of znodes as somebody well informed would guess them. */
  constructor(seed: number, random: Prng, requests: number, host: WorkloadHost) {
    this.random = random;
    this.host = host;
    this.steps = [...generateHistory(seed, requests * 2).steps].reverse();
  }

  /** There is nothing left to ask. */
  get isOver(): boolean {
    return this.steps.length === 0 && this.returned.length === 0 && this.repeated >= this.host.book.uncompared;
  }

  /** Somebody has lost the answer to that request for good: it is asked again, by whoever comes next. */
  giveBack(operation: WriteOperation | ReadOperation): void {
    this.returned.push(operation);
  }

  /** The next request of a client; undefined when there is nothing left to ask. */
  next(): WriteOperation | ReadOperation | undefined {
    const operation = this.fresh() ?? this.returned.pop() ?? this.again();
    if (operation !== undefined) this.asked.push(operation);
    return operation;
  }

  private again(): WriteOperation | ReadOperation | undefined {
    if (this.isOver || this.asked.length === 0) return undefined;
    this.repeated++;
    return this.random.pick(this.asked);
  }

  private fresh(): WriteOperation | ReadOperation | undefined {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      if (step.kind === "page") {
        return { kind: "list", path: step.path, limit: step.limit, cursor: new Uint8Array(0) };
      }
      if (step.kind !== "request" && step.kind !== "read") continue;
      const { operation } = step;
      if ("path" in operation && operation.path.length > PATH_LENGTH_MAX) continue;
      if ("path" in operation) this.paths.push(operation.path);
      return isRead(operation) ? operation : this.resolve(operation);
    }
    return undefined;
  }

  watchPath(): string {
    const recent = this.paths.slice(-20);
    return this.random.chance(0.1) ? "/" : this.random.pick(recent);
  }

  watchMode(): WatchMode {
    return this.random.pick(["data", "exists", "children", "persistent", "persistent-recursive"]);
  }

  private resolve(operation: WriteOperation): WriteOperation {
    if (operation.kind === "delete-tree") return operation;
    if (operation.kind !== "multi") return this.resolveLeaf(operation) as WriteOperation;
    const operations = operation.operations.filter(({ path }) => path.length <= PATH_LENGTH_MAX);
    return { kind: "multi", operations: operations.map((leaf) => this.resolveLeaf(leaf)) };
  }

  private resolveLeaf(leaf: LeafOperation): LeafOperation {
    if (leaf.kind === "create") return { ...leaf, data: shortened(leaf.data) };
    const node = this.host.model.nodes.get(leaf.path);
    const actual = (leaf.kind === "set-acl" ? node?.aversion : node?.version) ?? 0;
    const { version: meant } = leaf;
    const version = meant === CURRENT_VERSION ? actual : meant === WRONG_VERSION ? actual + 1 : meant;
    return leaf.kind === "set" ? { ...leaf, version, data: shortened(leaf.data) } : { ...leaf, version };
  }
}

function shortened(data: Uint8Array): Uint8Array {
  return data.length > DATA_BYTES_MAX ? data.slice(0, DATA_BYTES_MAX) : data;
}

export function isRead(operation: WriteOperation | ReadOperation): operation is ReadOperation {
  return ["get", "exists", "get-acl", "count", "list", "ephemerals", "multi-read"].includes(operation.kind);
}
