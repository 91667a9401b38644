import { type Meaning, resolve } from "./encode-request.ts";
import { JuteReader } from "./jute.ts";
import { MULTI_END_TYPE, type OpName, opCodes } from "./protocol.ts";
import { CONFIGURATION_PATH, pathOf, type Request } from "./request.ts";
import { NamesLeaf, type Stat, StatLeaf, type Value } from "./value.ts";

const opNames = new Map<number, OpName>(Object.entries(opCodes).map(([name, code]) => [code, name as OpName]));

/**
 * The body of the reply to a request that succeeded. What does not read as it should is shown as bytes, so that it
 * differs from anything that does.
 */
export function decodeReply(request: Request, body: Uint8Array, meaning: Meaning): Value {
  const reader = new JuteReader(body);
  try {
    const value = readReply(reader, request, meaning);
    return reader.left === 0 ? value : { value, bytesMore: reader.left };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { unreadable: Buffer.from(body).toString("hex"), because: error.message };
  }
}

function readReply(reader: JuteReader, request: Request, meaning: Meaning): Value {
  const path = resolve(pathOf(request), meaning);
  switch (request.op) {
    case "multi":
    case "multiRead":
      return readMulti(reader, request.operations, meaning);
    case "checkWatches":
    case "removeWatches":
    case "setWatches":
    case "setWatches2":
    case "delete":
    case "closeSession":
    case "ping":
    case "auth":
    case "deleteContainer":
      return {};
    case "addWatch":
      return { code: reader.int() };
    case "getAllChildrenNumber":
      return { count: reader.int(), of: path };
    case "getEphemerals":
      return { ephemerals: new NamesLeaf("", strings(reader)) };
    case "whoAmI":
      return { identities: new NamesLeaf("", identities(reader)) };
    case "unknown":
    case "reconfig":
    case "check":
      return reader.left === 0 ? {} : { bytes: reader.left };
    case "sync":
      return { path: reader.string() };
    case "getAcl":
      return { acl: readAcl(reader), stat: readStat(reader, path) };
    default:
      return readNode(reader, request.op, path);
  }
}

/** What single replies and the results of multis have in common. */
function readNode(reader: JuteReader, op: OpName, path: string): Value {
  switch (op) {
    case "create":
      return { path: reader.string() };
    case "create2":
    case "createContainer":
    case "createTtl": {
      const created = reader.string();
      return { path: created, stat: readStat(reader, created ?? "") };
    }
    case "exists":
    case "setData":
    case "setAcl":
      return { stat: readStat(reader, path) };
    case "getData":
      return { data: readData(reader, path), stat: readStat(reader, path) };
    case "getChildren":
      return { children: new NamesLeaf(path, strings(reader)) };
    case "getChildren2":
      return { children: new NamesLeaf(path, strings(reader)), stat: readStat(reader, path) };
    default:
      return {};
  }
}

function readMulti(reader: JuteReader, operations: readonly Request[], meaning: Meaning): Value {
  const results: Value[] = [];
  for (;;) {
    const type = reader.int();
    const done = reader.boolean();
    const header = reader.int();
    if (done) return { results, end: [type, header] };
    if (type === MULTI_END_TYPE) {
      results.push({ type, header, error: reader.int() });
      continue;
    }
    const asked = operations[results.length];
    const path = asked === undefined ? "" : resolve(pathOf(asked), meaning);
    const op = opNames.get(type);
    if (op === undefined) throw new RangeError(`a result of type ${type}`);
    results.push({ type, header, result: readNode(reader, op, path) });
  }
}

export function readStat(reader: JuteReader, of: string): StatLeaf {
  const stat: Stat = {
    czxid: reader.long(),
    mzxid: reader.long(),
    ctime: reader.long(),
    mtime: reader.long(),
    version: reader.int(),
    cversion: reader.int(),
    aversion: reader.int(),
    ephemeralOwner: reader.long(),
    dataLength: reader.int(),
    numChildren: reader.int(),
    pzxid: reader.long(),
  };
  return new StatLeaf(of, stat);
}

/** Sorted: whom `auth` means comes in the order of ZooKeeper's hash sets. */
function readAcl(reader: JuteReader): Value {
  const entries = reader.vector((): [number, string | null, string | null] => [
    reader.int(),
    reader.string(),
    reader.string(),
  ]);
  return entries?.sort((one, other) => (String(one) < String(other) ? -1 : 1)) ?? null;
}

function readData(reader: JuteReader, path: string): string | boolean | null {
  const bytes = reader.buffer();
  // Who is of the ensemble, and where: no two have the same.
  if (path === CONFIGURATION_PATH) return bytes !== null && bytes.length > 0;
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** A set in the server, in no order. */
function identities(reader: JuteReader): string[] {
  return (reader.vector(() => [reader.string(), reader.string()]) ?? [["(null list)"]]).map((each) => each.join(":"));
}

function strings(reader: JuteReader): string[] {
  const list = reader.vector(() => reader.string() ?? "(null)");
  return list ?? ["(null list)"];
}

/** Whether what was asked was done: a multi that failed says so in its results only. */
export function hasSucceeded(value: Value): boolean {
  if (typeof value !== "object" || value === null || !("results" in value)) return true;
  const results = value["results"] as readonly { readonly [field: string]: Value }[];
  return results.every((result) => !("error" in result));
}
