import { NO_NODE } from "../tree/node-table.ts";
import type { SpecialList } from "../tree/special-table.ts";
import type { TreeState } from "../tree/tree-state.ts";

/** TTL znodes are looked at this often, ms; containers, as in ZooKeeper, once a minute. */
export const TTL_SWEEP_MS = 1_000;
export const CONTAINER_SWEEP_MS = 60_000;
/** Znodes looked at, and removals proposed, per call. */
const LOOKS_MAX = 2_000;
const REMOVALS_MAX = 200;

/** What the reaper proposes. */
export interface Removal {
  readonly node: number;
  readonly czxid: number;
  readonly mzxid: number;
}

/**
 * The leader's search for childless containers and TTL znodes whose time is up (core.md 7), by leader time; a new
 * leader counts from its own beginning. It only proposes: `apply` checks again.
 */
export class Reaper {
  private readonly state: TreeState;
  /** Leader time at which this leader began. */
  private readonly startedAt: number;
  private readonly ttls: Sweep;
  private readonly containers: Sweep;

  constructor(state: TreeState, startedAt: number) {
    this.state = state;
    this.startedAt = startedAt;
    this.ttls = new Sweep(state.ttls, TTL_SWEEP_MS, startedAt);
    this.containers = new Sweep(state.containers, CONTAINER_SWEEP_MS, startedAt);
  }

  /** What should be removed at leader time `now`; a few at a time. */
  due(now: number): Removal[] {
    const found: Removal[] = [];
    this.sweep(this.ttls, now, found, (node, row) => this.ttlIsUp(node, row, now));
    this.sweep(this.containers, now, found, (node) => this.state.table.creations.get(node) !== 0);
    return found;
  }

  private ttlIsUp(node: number, row: number, now: number): boolean {
    const since = Math.max(this.state.table.mtime.get(node), this.startedAt);
    return now - since >= this.state.specials.ttlMs.get(row);
  }

  private sweep(sweep: Sweep, now: number, found: Removal[], isDue: (node: number, row: number) => boolean): void {
    const { table, specials } = this.state;
    let row = sweep.resume(now, specials.node);
    let looks = LOOKS_MAX;
    while (row !== 0 && looks-- > 0 && found.length < REMOVALS_MAX) {
      const node = specials.node.get(row);
      if (table.firstChild.get(node) === NO_NODE && isDue(node, row)) {
        found.push({ node, czxid: table.czxid.get(node), mzxid: table.mzxid.get(node) });
      }
      row = specials.following(row);
    }
    sweep.pauseAt(row, row === 0 ? 0 : specials.node.get(row), now);
  }
}

/** Where a sweep over a list stands between calls. */
class Sweep {
  private readonly list: SpecialList;
  private readonly periodMs: number;
  private row = 0;
  private node = 0;
  private nextStart: number;

  constructor(list: SpecialList, periodMs: number, now: number) {
    this.list = list;
    this.periodMs = periodMs;
    this.nextStart = now + periodMs;
  }

  /** The row to go on from: a new sweep when the last has ended, or its row was given to another znode since. */
  resume(now: number, nodes: { get(row: number): number }): number {
    if (this.row !== 0 && nodes.get(this.row) === this.node) return this.row;
    if (this.row === 0 && now < this.nextStart) return 0;
    return this.list.first;
  }

  pauseAt(row: number, node: number, now: number): void {
    if (row === 0 && (this.row !== 0 || now >= this.nextStart)) this.nextStart = now + this.periodMs;
    this.row = row;
    this.node = node;
  }
}
