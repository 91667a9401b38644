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
    let row = sweep.resume(now, this.state);
    let looks = LOOKS_MAX;
    while (row !== 0 && looks-- > 0 && found.length < REMOVALS_MAX) {
      const node = specials.node.get(row);
      if (table.firstChild.get(node) === NO_NODE && isDue(node, row)) {
        found.push({ node, czxid: table.czxid.get(node), mzxid: table.mzxid.get(node) });
      }
      row = specials.following(row);
    }
    sweep.pauseAt(row, serialAt(this.state, row), now);
  }
}

/** Where a sweep over a list stands between calls. */
class Sweep {
  private readonly list: SpecialList;
  private readonly periodMs: number;
  private row = 0;
  /** Of the znode in that row: rows are reused, by znodes of other kinds too. */
  private serial = 0;
  private nextStart: number;

  constructor(list: SpecialList, periodMs: number, now: number) {
    this.list = list;
    this.periodMs = periodMs;
    this.nextStart = now + periodMs;
  }

  /** The row to go on from: a new sweep when the last has ended, or the znode it stopped at has gone since. */
  resume(now: number, state: TreeState): number {
    if (this.row !== 0 && serialAt(state, this.row) === this.serial) return this.row;
    if (this.row === 0 && now < this.nextStart) return 0;
    return this.list.first;
  }

  pauseAt(row: number, serial: number, now: number): void {
    if (row === 0 && (this.row !== 0 || now >= this.nextStart)) this.nextStart = now + this.periodMs;
    this.row = row;
    this.serial = serial;
  }
}

/** The serial of the znode that has this row among the special ones, 0 if none has. */
function serialAt({ specials, table }: TreeState, row: number): number {
  const node = row === 0 ? NO_NODE : specials.node.get(row);
  return node === NO_NODE ? 0 : table.serial.get(node);
}
