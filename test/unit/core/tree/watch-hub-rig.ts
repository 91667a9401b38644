import { expect } from "vitest";
import { encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { EventHistory } from "../../../../src/core/tree/event-history.ts";
import type { EventType, WatchMode } from "../../../../src/core/tree/operation.ts";
import { eventType } from "../../../../src/core/tree/operation.ts";
import type { WatchEvent } from "../../../../src/core/tree/watch-event.ts";
import type { WatchHub, WatchSubscriber } from "../../../../src/core/tree/watch-hub.ts";

export const { CREATED, DELETED, DATA_CHANGED, CHILDREN_CHANGED } = eventType;
export const MODES: readonly WatchMode[] = ["data", "exists", "children", "persistent", "persistent-recursive"];
export const TYPES: readonly EventType[] = [CREATED, DELETED, DATA_CHANGED, CHILDREN_CHANGED];
export const OPEN_ACL = 1;
export const SECRET_ACL = 2;

export interface Delivery {
  readonly zxid: number;
  readonly events: readonly string[];
}

export class Subscriber implements WatchSubscriber {
  readonly deliveries: Delivery[] = [];
  readonly objects: WatchEvent[] = [];
  readonly name: string;
  readonly log: string[];
  forbidden = new Set<number>();
  onDeliver: () => void = () => {};

  constructor(name = "s", log: string[] = []) {
    this.name = name;
    this.log = log;
  }

  deliver(events: readonly WatchEvent[], zxid: number): void {
    this.deliveries.push({ zxid, events: events.map((e) => `${e.watchId}:${e.event.type}:${e.event.path}`) });
    this.objects.push(...events);
    this.log.push(this.name);
    for (const { event } of events) expect(event.zxid).toBe(zxid);
    this.onDeliver();
  }

  mayRead(aclId: number): boolean {
    return !this.forbidden.has(aclId);
  }

  get flat(): string[] {
    return this.deliveries.flatMap((d) => d.events);
  }
}

/** Records with the path in the middle of other bytes, as the tree does. */
export function record(hub: WatchHub, type: EventType, path: string, zxid: number, aclId = OPEN_ACL): void {
  const bytes = encodeUtf8(`xx${path}yy`);
  hub.record(type, bytes, 2, bytes.length - 2, zxid, aclId);
}

export function newHistory(): EventHistory {
  return new EventHistory(1 << 20, { retain: () => {}, release: () => {} });
}

export function append(history: EventHistory, type: EventType, path: string, zxid: number, aclId = OPEN_ACL): void {
  const bytes = encodeUtf8(path);
  history.append(zxid, type, bytes, 0, bytes.length, aclId);
}
