import type { AclEntry, Stat } from "./stat.ts";
import { malformed, WireReader } from "./wire-reader.ts";

/** Deepest nesting of results followed: a multi has one level. */
const RESULT_DEPTH_MAX = 8;
const noBytes = Buffer.alloc(0);

/** One answer as it stands on the wire. `data` and `nextPageToken` are views of the message. */
export class WireResult {
  number = 0;
  zxid = 0;
  failed = false;
  failureStatus = 0;
  failureReason = "";
  failureMessage = "";
  path = "";
  stat: Stat | undefined = undefined;
  data: Buffer = noBytes;
  names: string[] | undefined = undefined;
  nextPageToken: Buffer = noBytes;
  acl: AclEntry[] | undefined = undefined;
  /** The proto's CreateMode. */
  mode = 0;
  ttlMs = 0;
  count = 0;
  parts: WireResult[] | undefined = undefined;
}

export interface WireOpened {
  sessionId: number;
  secret: Buffer;
  timeoutMs: number;
  resumed: boolean;
  ensembleId: string;
  memberId: number;
  zxid: number;
  endpoints: string[];
}

export interface WireFailure {
  status: number;
  reason: string;
  message: string;
}

export interface WireEvent {
  /** The proto's EventType. */
  type: number;
  path: string;
  watchIds: number[];
}

/** Where decoded responses go. Views of the message are the sink's to copy if they are to live longer. */
export interface ResponseSink {
  onOpened(opened: WireOpened): void;
  onResult(result: WireResult): void;
  onEvents(zxid: number, events: readonly WireEvent[]): void;
  onKeepAlive(token: number, zxid: number): void;
  onProgress(zxid: number): void;
  onClosed(failure: WireFailure | undefined, zxid: number): void;
}

/** Decodes one SessionResponse into the sink; throws MALFORMED for bytes that are none. */
export function decodeSessionResponse(buffer: Buffer, sink: ResponseSink): void {
  const reader = new WireReader(buffer);
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if ((tag & 7) !== 2 || tag > 50 || tag < 10) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    switch (tag) {
      case 10:
        sink.onOpened(readOpened(reader));
        break;
      case 18:
        readResults(reader, sink);
        break;
      case 26:
        readEvents(reader, sink);
        break;
      case 34: {
        const mark = readMark(reader);
        sink.onKeepAlive(mark.first, mark.second);
        break;
      }
      case 42:
        sink.onProgress(readMark(reader).first);
        break;
      default:
        readClosed(reader, sink);
    }
    reader.leave(outer);
  }
}

function readResults(reader: WireReader, sink: ResponseSink): void {
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if (tag !== 10) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    const result = readResult(reader, 0);
    reader.leave(outer);
    sink.onResult(result);
  }
}

function readResult(reader: WireReader, depth: number): WireResult {
  const result = new WireResult();
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if (tag === 8) result.number = reader.uint();
    else if (tag === 16) result.zxid = reader.uint();
    else if (tag === 42) result.stat = readStat(reader);
    else if (tag === 50) result.data = reader.view();
    else if (tag === 34) result.path = reader.text();
    else readRareField(reader, result, tag, depth);
  }
  return result;
}

function readRareField(reader: WireReader, result: WireResult, tag: number, depth: number): void {
  switch (tag) {
    case 26: {
      const failure = readFailure(reader);
      result.failed = true;
      result.failureStatus = failure.status;
      result.failureReason = failure.reason;
      result.failureMessage = failure.message;
      break;
    }
    case 58:
      result.names ??= [];
      result.names.push(reader.text());
      break;
    case 66:
      result.nextPageToken = reader.view();
      break;
    case 74:
      result.acl = readAcl(reader);
      break;
    case 80:
      result.count = reader.uint();
      break;
    case 90: {
      if (depth >= RESULT_DEPTH_MAX) throw malformed("results are nested too deeply");
      const outer = reader.enter();
      result.parts ??= [];
      result.parts.push(readResult(reader, depth + 1));
      reader.leave(outer);
      break;
    }
    case 96:
      result.mode = reader.int32();
      break;
    case 104:
      result.ttlMs = reader.uint();
      break;
    default:
      reader.skip(tag);
  }
}

function readStat(reader: WireReader): Stat {
  const outer = reader.enter();
  let czxid = 0;
  let mzxid = 0;
  let ctime = 0;
  let mtime = 0;
  let version = 0;
  let cversion = 0;
  let aversion = 0;
  let ephemeralOwner = 0;
  let dataLength = 0;
  let numChildren = 0;
  let pzxid = 0;
  while (reader.position < reader.end) {
    const tag = reader.uint();
    switch (tag) {
      case 8:
        czxid = reader.uint();
        break;
      case 16:
        mzxid = reader.uint();
        break;
      case 24:
        ctime = reader.int64();
        break;
      case 32:
        mtime = reader.int64();
        break;
      case 40:
        version = reader.int32();
        break;
      case 48:
        cversion = reader.int32();
        break;
      case 56:
        aversion = reader.int32();
        break;
      case 64:
        ephemeralOwner = reader.uint();
        break;
      case 72:
        dataLength = reader.uint();
        break;
      case 80:
        numChildren = reader.uint();
        break;
      case 88:
        pzxid = reader.uint();
        break;
      default:
        reader.skip(tag);
    }
  }
  reader.leave(outer);
  return { czxid, mzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner, dataLength, numChildren, pzxid };
}

function readAcl(reader: WireReader): AclEntry[] {
  const outer = reader.enter();
  const entries: AclEntry[] = [];
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if (tag === 10) entries.push(readAclEntry(reader));
    else reader.skip(tag);
  }
  reader.leave(outer);
  return entries;
}

function readAclEntry(reader: WireReader): AclEntry {
  const outer = reader.enter();
  const entry = { permissions: 0, scheme: "", id: "" };
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if (tag === 8) entry.permissions = reader.uint();
    else if (tag === 18) entry.scheme = reader.text();
    else if (tag === 26) entry.id = reader.text();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return entry;
}

function readFailure(reader: WireReader): WireFailure {
  const outer = reader.enter();
  const failure = { status: 0, reason: "", message: "" };
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if (tag === 8) failure.status = reader.uint();
    else if (tag === 18) failure.reason = reader.text();
    else if (tag === 26) failure.message = reader.text();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return failure;
}

function readOpened(reader: WireReader): WireOpened {
  const opened: WireOpened = {
    sessionId: 0,
    secret: noBytes,
    timeoutMs: 0,
    resumed: false,
    ensembleId: "",
    memberId: 0,
    zxid: 0,
    endpoints: [],
  };
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if (tag === 8) opened.sessionId = reader.uint();
    else if (tag === 18) opened.secret = reader.view();
    else if (tag === 24) opened.timeoutMs = reader.uint();
    else if (tag === 32) opened.resumed = reader.uint() !== 0;
    else if (tag === 42) opened.ensembleId = reader.text();
    else if (tag === 48) opened.memberId = reader.uint();
    else if (tag === 56) opened.zxid = reader.uint();
    else if (tag === 66) opened.endpoints.push(reader.text());
    else reader.skip(tag);
  }
  return opened;
}

function readEvents(reader: WireReader, sink: ResponseSink): void {
  let zxid = 0;
  const events: WireEvent[] = [];
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if (tag === 8) zxid = reader.uint();
    else if (tag === 18) events.push(readEvent(reader));
    else reader.skip(tag);
  }
  sink.onEvents(zxid, events);
}

function readEvent(reader: WireReader): WireEvent {
  const outer = reader.enter();
  const event: WireEvent = { type: 0, path: "", watchIds: [] };
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if (tag === 10) readZnodeEvent(reader, event);
    else if (tag === 18) readPacked(reader, event.watchIds);
    else if (tag === 16) event.watchIds.push(reader.uint());
    else reader.skip(tag);
  }
  reader.leave(outer);
  return event;
}

function readZnodeEvent(reader: WireReader, event: WireEvent): void {
  const outer = reader.enter();
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if (tag === 8) event.type = reader.int32();
    else if (tag === 18) event.path = reader.text();
    else reader.skip(tag);
  }
  reader.leave(outer);
}

function readPacked(reader: WireReader, numbers: number[]): void {
  const outer = reader.enter();
  while (reader.position < reader.end) numbers.push(reader.uint());
  reader.leave(outer);
}

/** KeepAliveAcknowledged and Progress: one or two numbers. */
function readMark(reader: WireReader): { first: number; second: number } {
  const mark = { first: 0, second: 0 };
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if (tag === 8) mark.first = reader.uint();
    else if (tag === 16) mark.second = reader.uint();
    else reader.skip(tag);
  }
  return mark;
}

function readClosed(reader: WireReader, sink: ResponseSink): void {
  let failure: WireFailure | undefined;
  let zxid = 0;
  while (reader.position < reader.end) {
    const tag = reader.uint();
    if (tag === 10) failure = readFailure(reader);
    else if (tag === 16) zxid = reader.uint();
    else reader.skip(tag);
  }
  sink.onClosed(failure, zxid);
}
