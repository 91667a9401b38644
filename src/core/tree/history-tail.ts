import { assert } from "../base/assert.ts";
import { ByteReader, ByteWriter, FormatError } from "../base/bytes.ts";
import { isZxid } from "../base/zxid.ts";
import { type AclTable, aclText, OPEN_ACL, parseAclText } from "./acl-table.ts";
import type { EventHistory, HistoryTail } from "./event-history.ts";
import { paddedBytes, RECORD_HEADER_BYTES, RECORD_TYPE_BITS, RECORD_TYPE_MASK, RECORD_UNIT } from "./event-record.ts";
import { type AclEntry, type EventType, eventType, permission } from "./operation.ts";

/**
 * The newest part of the event history as bytes, for a snapshot: events at or below its zxid cannot be had from the
 * journal again, because the state they were made from is past them (core.md 17).
 *
 * u53 floor zxid; varint count of ACLs, each u32 id and text; u32 length of the records; the records as the ring has
 * them (`event-record`). What a record says of its neighbours in the ring means nothing here.
 */

/** More different ACLs than this, and fewer events are kept: their texts are written on the loop. */
const TAIL_ACLS_MAX = 4096;
/** The least one may ask for, bytes. */
export const TAIL_BYTES_MIN = 64 * 1024;
/** One part in so many is left to the ACLs' texts at first. */
const TEXT_SHARE = 16;

const EVENT_TYPES: ReadonlySet<number> = new Set(Object.values(eventType));

/** The newest zxids of the history, complete, in at most `bytesMax` bytes. */
export function exportTail(history: EventHistory, acls: AclTable, bytesMax: number): Uint8Array {
  assert(bytesMax >= TAIL_BYTES_MIN, "too little room for a tail of the history");
  const writer = new ByteWriter(1024);
  let budget = bytesMax - Math.floor(bytesMax / TEXT_SHARE);
  for (let exact = false; ; exact = true) {
    const tail = history.newest(budget, exact, TAIL_ACLS_MAX);
    if (writeHead(writer, tail, acls, bytesMax - tail.bytes)) {
      const bytes = new Uint8Array(writer.length + tail.bytes);
      bytes.set(writer.view());
      history.copyTail(tail, bytes, writer.length);
      return bytes;
    }
    // The ACLs are too many, or too long. Those of older events need not be among them; then fewer events must do.
    if (exact) budget = Math.floor(budget / 2);
  }
}

/** All but the records; false when it is more than `bytesMax`. */
function writeHead(writer: ByteWriter, tail: HistoryTail, acls: AclTable, bytesMax: number): boolean {
  if (tail.aclIds.size > TAIL_ACLS_MAX) return false;
  writer.reset();
  writer.u53(tail.floorZxid);
  writer.varint(tail.aclIds.size);
  for (const id of tail.aclIds) {
    writer.u32(id);
    writer.string(acls.text(id));
    if (writer.length > bytesMax) return false;
  }
  writer.u32(tail.bytes);
  return writer.length <= bytesMax;
}

/**
 * Refills an empty history from {@link exportTail}'s bytes, taken at `zxid`; from none, it begins at `zxid`.
 *
 * @throws FormatError when they are not such bytes; the history is as it was then
 */
export function importTail(history: EventHistory, acls: AclTable, bytes: Uint8Array, zxid: number): void {
  const tail = readTail(bytes, zxid);
  history.reset(tail.floorZxid);
  const ids = new Map<number, number>([[OPEN_ACL, OPEN_ACL]]);
  for (const [id, entries] of tail.acls) ids.set(id, acls.acquire(entries));
  tail.visit((eventZxid, type, start, end, aclId) => {
    history.append(eventZxid, type, tail.records, start, end, ids.get(aclId) as number);
  });
  // Each event has its own use now.
  for (const id of ids.values()) acls.release(id);
}

/** Throws FormatError on what {@link importTail} would not take. */
export function checkTail(bytes: Uint8Array, zxid: number): void {
  readTail(bytes, zxid);
}

type RecordVisitor = (zxid: number, type: EventType, start: number, end: number, aclId: number) => void;

interface Tail {
  readonly floorZxid: number;
  readonly acls: ReadonlyMap<number, readonly AclEntry[]>;
  readonly records: Uint8Array;
  visit(visit: RecordVisitor): void;
}

function readTail(bytes: Uint8Array, zxid: number): Tail {
  if (bytes.length === 0) return { floorZxid: zxid, acls: new Map(), records: bytes, visit: () => {} };
  const reader = new ByteReader(bytes);
  const floorZxid = reader.u53();
  if (!isZxid(floorZxid) || floorZxid > zxid) throw new FormatError("floor of the history out of range");
  const acls = readAcls(reader);
  // A copy, because numbers are read from where they are aligned.
  const records = new Uint8Array(reader.raw(reader.u32()));
  reader.expectEnd();
  if (records.length % RECORD_UNIT !== 0) throw new FormatError("records of the history end within one");
  const words = new Uint32Array(records.buffer);
  const zxids = new Float64Array(records.buffer);
  const visit = (visitRecord: RecordVisitor): void => {
    let previous = floorZxid + 1;
    for (let at = 0; at < records.length; ) {
      if (records.length - at <= RECORD_HEADER_BYTES) throw new FormatError("an event ends too early");
      const eventZxid = zxids[at / RECORD_UNIT] as number;
      const word = words[at / 4 + 2] as number;
      const aclId = words[at / 4 + 3] as number;
      const type = word & RECORD_TYPE_MASK;
      const start = at + RECORD_HEADER_BYTES;
      const end = start + (word >>> RECORD_TYPE_BITS);
      if (!isZxid(eventZxid) || eventZxid < previous || eventZxid > zxid) throw new FormatError("events out of order");
      if (!EVENT_TYPES.has(type)) throw new FormatError(`unknown type of event ${type}`);
      if (aclId !== OPEN_ACL && !acls.has(aclId)) throw new FormatError("an event's ACL is missing");
      at = start + paddedBytes(end - start);
      if (at > records.length || end === start) throw new FormatError("an event ends too early");
      if (records[start] !== SLASH) throw new FormatError("an event's path is not one");
      visitRecord(eventZxid, type as EventType, start, end, aclId);
      previous = eventZxid;
    }
  };
  visit(() => {});
  return { floorZxid, acls, records, visit };
}

const SLASH = 0x2f;

function readAcls(reader: ByteReader): Map<number, readonly AclEntry[]> {
  const acls = new Map<number, readonly AclEntry[]>();
  const count = reader.varint();
  if (count > TAIL_ACLS_MAX) throw new FormatError("too many ACLs");
  for (let index = 0; index < count; index++) {
    const id = reader.u32();
    const entries = readAcl(reader.string());
    if (id === OPEN_ACL || acls.has(id)) throw new FormatError("an ACL's id is taken");
    acls.set(id, entries);
  }
  return acls;
}

function readAcl(text: string): readonly AclEntry[] {
  let entries: readonly AclEntry[] = [];
  try {
    entries = parseAclText(text);
  } catch {
    // Nothing that could be an ACL, as below.
  }
  const valid = entries.length > 0 && entries.every(isEntry) && text !== "" && aclText(entries) === text;
  if (!valid) throw new FormatError("an ACL cannot be read");
  return entries;
}

function isEntry({ scheme, id, permissions }: AclEntry): boolean {
  const known = Number.isInteger(permissions) && permissions >= 0 && permissions <= permission.ALL;
  return typeof scheme === "string" && typeof id === "string" && known;
}
