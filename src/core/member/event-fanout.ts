import { assert } from "../base/assert.ts";
import type { EventSink } from "../tree/event-buffer.ts";
import type { EventHistory } from "../tree/event-history.ts";
import type { EventType } from "../tree/operation.ts";
import type { WatchHub } from "../tree/watch-hub.ts";

/** Where the tree's events go: into the history, for those who resume, and to the hub, for those who watch now. */
export class EventFanout implements EventSink {
  private hub: WatchHub | undefined;
  private history: EventHistory | undefined;

  /** The tree is made with its sink, the history with the tree's ACLs: so this is tied last. */
  bind(hub: WatchHub, history: EventHistory): void {
    this.hub = hub;
    this.history = history;
  }

  record(type: EventType, path: Uint8Array, start: number, end: number, zxid: number, aclId: number): void {
    assert(this.hub !== undefined && this.history !== undefined, "events before the fanout was bound");
    this.history.append(zxid, type, path, start, end, aclId);
    this.hub.record(type, path, start, end, zxid, aclId);
  }
}
