import { type EventType, eventType, type Identity, permission, type WatchMode } from "../../src/core/tree/operation.ts";
import type { ExpectedEvent } from "../model/expectation.ts";
import { granted, parentOf } from "../model/naive-rules.ts";

/** The watches of one connection, by the rules as they are written: a list that is searched for every event. */
export class NaiveWatches {
  private watches: NaiveWatch[] = [];
  private readonly identities: readonly Identity[];

  constructor(identities: readonly Identity[]) {
    this.identities = identities;
  }

  has(watchId: number): boolean {
    return this.watches.some((watch) => watch.watchId === watchId);
  }

  add(watch: NaiveWatch): void {
    this.remove(watch.watchId);
    this.watches.push(watch);
  }

  remove(watchId: number): void {
    this.watches = this.watches.filter((watch) => watch.watchId !== watchId);
  }

  /** What one command's events tell this connection; one-shot watches that were told are gone. */
  match(events: readonly ExpectedEvent[]): string[] {
    const told: string[] = [];
    if (this.watches.length === 0) return told;
    for (const event of events) {
      for (const watch of this.inOrder(event.path)) {
        if (!watch.tells(event, this.identities)) continue;
        told.push(eventText(watch.watchId, event));
        if (watch.isOneShot) this.remove(watch.watchId);
      }
    }
    return told;
  }

  /** Watches of the path itself in order of registration, then recursive ones, the nearest first. */
  private inOrder(path: string): NaiveWatch[] {
    const found = this.watches.filter((watch) => !watch.isRecursive && watch.path === path);
    for (let at = path; ; at = parentOf(at)) {
      found.push(...this.watches.filter((watch) => watch.isRecursive && watch.path === at));
      if (at === "/") return found;
    }
  }
}

const WANTED: Record<WatchMode, readonly EventType[]> = {
  data: [eventType.DATA_CHANGED, eventType.DELETED],
  exists: [eventType.CREATED, eventType.DATA_CHANGED, eventType.DELETED],
  children: [eventType.CHILDREN_CHANGED, eventType.DELETED],
  persistent: [eventType.CREATED, eventType.DATA_CHANGED, eventType.DELETED, eventType.CHILDREN_CHANGED],
  "persistent-recursive": [eventType.CREATED, eventType.DATA_CHANGED, eventType.DELETED],
};

export class NaiveWatch {
  readonly watchId: number;
  readonly path: string;
  readonly mode: WatchMode;

  constructor(watchId: number, path: string, mode: WatchMode) {
    this.watchId = watchId;
    this.path = path;
    this.mode = mode;
  }

  get isRecursive(): boolean {
    return this.mode === "persistent-recursive";
  }

  get isOneShot(): boolean {
    return this.mode !== "persistent" && !this.isRecursive;
  }

  /** Is this event one this watch tells somebody with these identities? */
  tells(event: ExpectedEvent, identities: readonly Identity[]): boolean {
    if (!WANTED[this.mode].includes(event.type)) return false;
    const below = this.path === "/" ? "/" : `${this.path}/`;
    const isAt = event.path === this.path || (this.isRecursive && event.path.startsWith(below));
    return isAt && (granted(event.acl, identities) & permission.READ) !== 0;
  }
}

export function eventText(watchId: number, event: { type: number; path: string; zxid: number }): string {
  return `${watchId}:${event.type}:${event.path}@${event.zxid}`;
}
