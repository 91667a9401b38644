import { JuteWriter } from "./jute.ts";
import { MULTI_END_TYPE, opCodes } from "./protocol.ts";
import { type Acl, type Mangle, PREFIX_SIGN, type Request, type SharedZxid } from "./request.ts";

/** What a request's words mean in one run on one side. */
export interface Meaning {
  /** The path that stands for {@link PREFIX_SIGN}. */
  readonly prefix: string;
  readonly zxid: (shared: SharedZxid) => bigint;
}

/** The number of the request's type. */
export function typeOf(request: Request): number {
  return request.op === "unknown" ? request.type : opCodes[request.op];
}

/** The request's body, which follows xid and type. */
export function encodeRequest(request: Request, meaning: Meaning): Uint8Array {
  const writer = new JuteWriter();
  writeBody(writer, request, meaning);
  const body = writer.done();
  return request.mangle === undefined ? body : mangled(body, request.mangle);
}

/** The text with the run's own path in it. */
export function resolve(text: string, { prefix }: Meaning): string {
  return text.replaceAll(PREFIX_SIGN, prefix);
}

function writeBody(writer: JuteWriter, request: Request, meaning: Meaning): void {
  if ("path" in request) writer.string(resolve(request.path, meaning));
  switch (request.op) {
    case "create":
    case "create2":
    case "createContainer":
    case "createTtl":
      writeData(writer, request.data, meaning);
      writeAcl(writer, request.acl);
      writer.int(request.flags);
      if (request.op === "createTtl") writer.long(BigInt(request.ttl ?? 0));
      break;
    case "delete":
    case "check":
      writer.int(request.version);
      break;
    case "setData":
      writeData(writer, request.data, meaning);
      writer.int(request.version);
      break;
    case "setAcl":
      writeAcl(writer, request.acl);
      writer.int(request.version);
      break;
    case "exists":
    case "getData":
    case "getChildren":
    case "getChildren2":
      writer.boolean(request.watch);
      break;
    case "checkWatches":
    case "removeWatches":
    case "addWatch":
      writer.int(request.kind);
      break;
    case "setWatches":
    case "setWatches2":
      writer.long(meaning.zxid(request.relative));
      for (const list of request.lists) writer.vector(list, (path) => writer.string(resolve(path, meaning)));
      break;
    case "multi":
    case "multiRead":
      for (const operation of request.operations) {
        writer.int(typeOf(operation)).boolean(false).int(-1);
        writeBody(writer, operation, meaning);
      }
      writer.int(MULTI_END_TYPE).boolean(true).int(-1);
      break;
    case "auth":
      writer.int(0).string(request.scheme).string(request.credential);
      break;
    case "reconfig":
      writer.string(request.joining).string(null).string(null).long(-1n);
      break;
    default:
  }
}

function writeData(writer: JuteWriter, data: string | null, meaning: Meaning): void {
  writer.string(data === null ? null : resolve(data, meaning));
}

function writeAcl(writer: JuteWriter, acl: readonly Acl[] | null): void {
  writer.vector(acl, ({ perms, scheme, id }) => writer.int(perms).string(scheme).string(id));
}

function mangled(body: Uint8Array, mangle: Mangle): Uint8Array {
  switch (mangle.kind) {
    case "cut":
      return body.slice(0, Math.max(0, body.length - mangle.bytes));
    case "append": {
      const longer = new Uint8Array(body.length + mangle.bytes);
      longer.set(body);
      return longer;
    }
    case "poke": {
      if (mangle.at + 4 <= body.length) new DataView(body.buffer).setInt32(mangle.at, mangle.int);
      return body;
    }
  }
}
