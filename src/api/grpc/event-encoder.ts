import type { NodeEvent, WatchEvent } from "../../core/tree/watch-event.ts";
import { ZnodeEvent } from "./gen/muster/coordination/v1/session.ts";
import { WireWriter } from "./wire-writer.ts";

/** Typical bytes of one WatchEvent. */
const EVENT_GUESS = 60;

/** One SessionResponse{events}: all events of a zxid for one stream, the watches of one event together. */
export function encodeEvents(events: readonly WatchEvent[], zxid: number): Buffer {
  const writer = new WireWriter();
  const guess = events.length * EVENT_GUESS;
  writer.u8(0x1a);
  const start = writer.begin(guess);
  if (zxid !== 0) {
    writer.u8(0x08);
    writer.uint53(zxid);
  }
  for (const [event, watchIds] of groupByEvent(events)) writeEvent(writer, event, watchIds);
  writer.end(start, guess);
  return writer.take();
}

/** The watches of each event, events in the order of their first mention. */
function groupByEvent(events: readonly WatchEvent[]): Iterable<readonly [NodeEvent, readonly number[]]> {
  const only = events[0];
  if (events.length === 1 && only !== undefined) return [[only.event, [only.watchId]]];
  const groups = new Map<NodeEvent, number[]>();
  for (const { event, watchId } of events) {
    const group = groups.get(event);
    if (group === undefined) groups.set(event, [watchId]);
    else group.push(watchId);
  }
  return groups;
}

function writeEvent(writer: WireWriter, event: NodeEvent, watchIds: readonly number[]): void {
  event.encoded ??= ZnodeEvent.encode({ type: event.type, path: event.path }).finish();
  const encoded = event.encoded;
  const guess = encoded.length + 4 + watchIds.length * 2;
  writer.u8(0x12);
  const start = writer.begin(guess);
  writer.field(0x0a, encoded);
  writer.u8(0x12);
  const ids = writer.begin(watchIds.length);
  for (const watchId of watchIds) writer.uint32(watchId);
  writer.end(ids, watchIds.length);
  writer.end(start, guess);
}
