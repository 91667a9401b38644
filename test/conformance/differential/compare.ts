import type { Correspondence } from "./correspondence.ts";
import { errorName } from "./protocol.ts";
import { CONFIGURATION_PATH, isWrite, type Request } from "./request.ts";
import { isDone } from "./side.ts";
import { type Item, type Outcome, type Step, showItem } from "./step.ts";
import { NamesLeaf, type Stat, StatLeaf, showValue, type Value } from "./value.ts";

/** One thing that is not the same on both sides. */
export interface Difference {
  readonly step: Step | undefined;
  readonly slot: number;
  /** The request that was answered; undefined where it is not about a reply. */
  readonly request: Request | undefined;
  /** Where in what was seen: `error`, `value.stat.cversion`, `item`, `event.path`. */
  readonly at: string;
  readonly left: Value;
  readonly right: Value;
  readonly leftItem: Item | undefined;
  readonly rightItem: Item | undefined;
  readonly because: string;
}

/** What a znode that every ensemble has was like before the run, on each side. */
export interface Baseline {
  readonly children: readonly [readonly string[], readonly string[]];
  readonly counts: readonly [Counts, Counts];
}

/** What of it grows with everything that ever ran there. */
export interface Counts {
  readonly cversion: number;
  readonly version: number;
  readonly aversion: number;
  readonly numChildren: number;
  readonly allChildren: number;
}

type Report = (at: string, left: Value, right: Value, because?: string) => void;

/** Compares what the clients of two sides saw. Keeps what it learns: compare in order. */
export class Comparison {
  private readonly correspondence: Correspondence;
  private readonly baselines: ReadonlyMap<string, Baseline>;

  constructor(correspondence: Correspondence, baselines: ReadonlyMap<string, Baseline>) {
    this.correspondence = correspondence;
    this.baselines = baselines;
  }

  outcomes(step: Step, left: Outcome, right: Outcome): Difference[] {
    return left.flatMap((items, slot) => {
      const sides = [items, right[slot] ?? []].map((list) => (endsSession(step) ? withSortedEvents(list) : list));
      return this.items(step, slot, sides[0]!, sides[1]!);
    });
  }

  /** Compares two values that did not come with a step, say at the end of a run. */
  values(request: Request, left: Value, right: Value): Difference[] {
    const found: Difference[] = [];
    this.value("value", left, right, (at, one, other, because = "") => {
      const items = { leftItem: undefined, rightItem: undefined };
      found.push({ step: undefined, slot: -1, request, at, left: one, right: other, because, ...items });
    });
    return found;
  }

  private items(step: Step, slot: number, left: readonly Item[], right: readonly Item[]): Difference[] {
    const found: Difference[] = [];
    for (let index = 0; index < Math.max(left.length, right.length); index++) {
      const [leftItem, rightItem] = [left[index], right[index]];
      const about = leftItem ?? rightItem;
      const request = about !== undefined && "request" in about ? about.request : undefined;
      const report: Report = (at, one, other, because = "") => {
        found.push({ step, slot, request, at, left: one, right: other, leftItem, rightItem, because });
      };
      this.item(leftItem, rightItem, report);
      // What follows is out of step, and says nothing.
      if (leftItem?.kind !== rightItem?.kind) break;
    }
    return found;
  }

  private item(left: Item | undefined, right: Item | undefined, report: Report): void {
    if (left?.kind === "reply" && right?.kind === "reply") this.reply(left, right, report);
    else if (left?.kind === "event" && right?.kind === "event") {
      for (const field of ["type", "state", "path", "error"] as const) {
        if (left[field] !== right[field]) report(`event.${field}`, left[field], right[field]);
      }
      if (left.zxid !== right.zxid) report("event.zxid", String(left.zxid), String(right.zxid));
    } else if (left?.kind === "connected" && right?.kind === "connected") {
      for (const field of ["granted", "protocolVersion", "timeoutMs", "passwordBytes", "readOnly"] as const) {
        if (left[field] !== right[field]) report(`connected.${field}`, left[field] ?? null, right[field] ?? null);
      }
    } else if (showItem(left) !== showItem(right)) report("item", showItem(left), showItem(right));
  }

  private reply(left: Item & { kind: "reply" }, right: Item & { kind: "reply" }, report: Report): void {
    if (left.index !== right.index) {
      report("order", left.index, right.index);
      return;
    }
    if (left.error !== right.error) report("error", errorName(left.error), errorName(right.error));
    else this.value("value", left.value, right.value, report);
    const isOwnZxid = isWrite(left.request) && isDone(left) && isDone(right);
    if (isOwnZxid) this.zxid("zxid", left.zxid, right.zxid, report);
    if (left.fresh !== right.fresh) report("fresh zxid", left.fresh, right.fresh);
  }

  private value(at: string, left: Value | undefined, right: Value | undefined, report: Report): void {
    if (left instanceof StatLeaf && right instanceof StatLeaf) this.stat(at, left, right, report);
    else if (left instanceof NamesLeaf && right instanceof NamesLeaf) this.names(at, left, right, report);
    else if (isRecord(left) && isRecord(right)) {
      if ("count" in left && "of" in left) this.count(at, left, right, report);
      else this.fields(at, left, right, report);
    } else if (Array.isArray(left) && Array.isArray(right) && left.length === right.length) {
      for (const [index, each] of left.entries()) this.value(`${at}.${index}`, each, right[index], report);
    } else if (showValue(left) !== showValue(right))
      report(at, left === undefined ? "nothing" : left, right === undefined ? "nothing" : right);
  }

  private fields(at: string, left: ValueRecord, right: ValueRecord, report: Report): void {
    for (const field of new Set([...Object.keys(left), ...Object.keys(right)])) {
      this.value(`${at}.${field}`, left[field], right[field], report);
    }
  }

  private stat(at: string, left: StatLeaf, right: StatLeaf, report: Report): void {
    const [one, other] = [left.stat, right.stat];
    for (const field of ["czxid", "mzxid", "pzxid"] as const) {
      this.zxid(`${at}.${field}`, one[field], other[field], report);
    }
    const counts = this.baselines.get(left.of)?.counts;
    for (const field of ["version", "cversion", "aversion", "numChildren"] as const) {
      const [leftBase, rightBase] = [counts?.[0][field] ?? 0, counts?.[1][field] ?? 0];
      const [leftGrown, rightGrown] = [one[field] - leftBase, other[field] - rightBase];
      if (leftGrown !== rightGrown) report(`${at}.${field}`, one[field], other[field]);
    }
    if (one.dataLength !== other.dataLength && left.of !== CONFIGURATION_PATH) {
      report(`${at}.dataLength`, one.dataLength, other.dataLength);
    }
    if (!this.correspondence.isSameSession(one.ephemeralOwner, other.ephemeralOwner)) {
      report(`${at}.ephemeralOwner`, String(one.ephemeralOwner), String(other.ephemeralOwner));
    }
    for (const [side, stat] of [one, other].entries()) {
      const wrong = this.wrongTime(side as 0 | 1, stat);
      if (wrong !== undefined) report(`${at}.${wrong}`, String(one[wrong]), String(other[wrong]), `of side ${side}`);
    }
  }

  /** The time that contradicts what this side has shown before. */
  private wrongTime(side: 0 | 1, { czxid, mzxid, ctime, mtime }: Stat): "ctime" | "mtime" | undefined {
    if (!this.correspondence.isTimeOf(side, czxid, ctime)) return "ctime";
    return this.correspondence.isTimeOf(side, mzxid, mtime) ? undefined : "mtime";
  }

  private names(at: string, left: NamesLeaf, right: NamesLeaf, report: Report): void {
    const children = this.baselines.get(left.of)?.children;
    const own = (names: readonly string[], before: readonly string[] = []): string[] =>
      names.filter((name) => !before.includes(name)).sort();
    const [leftNames, rightNames] = [own(left.names, children?.[0]), own(right.names, children?.[1])];
    if (leftNames.join("\n") !== rightNames.join("\n")) report(at, leftNames, rightNames);
  }

  private count(at: string, left: ValueRecord, right: ValueRecord, report: Report): void {
    const counts = this.baselines.get(String(left["of"]))?.counts;
    const [leftBase, rightBase] = [counts?.[0].allChildren ?? 0, counts?.[1].allChildren ?? 0];
    const [one, other] = [Number(left["count"]) - leftBase, Number(right["count"]) - rightBase];
    if (one !== other) report(`${at}.count`, one, other);
  }

  private zxid(at: string, left: bigint, right: bigint, report: Report): void {
    const because = this.correspondence.zxids(left, right);
    if (because !== undefined) report(at, `0x${left.toString(16)}`, `0x${right.toString(16)}`, because);
  }
}

type ValueRecord = { readonly [field: string]: Value };

function isRecord(value: Value | undefined): value is ValueRecord {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !(value instanceof StatLeaf) && !(value instanceof NamesLeaf);
}

/** A session's ephemerals go at once: no server promises the order of their events. */
function endsSession(step: Step): boolean {
  if (step.kind === "request") return step.request.op === "closeSession";
  return step.kind === "burst" && step.requests.some(({ op }) => op === "closeSession");
}

/** Every run of events without a reply between, sorted. */
function withSortedEvents(items: readonly Item[]): Item[] {
  const sorted: Item[] = [];
  let events: Item[] = [];
  const flush = (): void => {
    sorted.push(...events.sort((one, other) => (showItem(one) < showItem(other) ? -1 : 1)));
    events = [];
  };
  for (const item of items) {
    if (item.kind === "event") {
      events.push(item);
      continue;
    }
    flush();
    sorted.push(item);
  }
  flush();
  return sorted;
}
