import type { ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Connection, ReadOptions, Status } from "../../coordination/port.ts";
import type { Answer } from "../../core/tree/answer.ts";
import {
  ANY_VERSION,
  type CreateOperation,
  createMode,
  type ReadOperation,
  type SetOperation,
  type WriteOperation,
} from "../../core/tree/operation.ts";
import type { Stat } from "../../core/tree/stat.ts";
import { breaksGuard } from "../../products/floor/guarded-subtrees.ts";
import { warrantOf } from "../../products/floor/warrant.ts";
import { BodyDecoder, PAGE_SIZE_MAX } from "./body-decoder.ts";
import { decodeMessage } from "./decode-message.ts";
import {
  type CreateZnodeResponse,
  DeleteZnodeRequest,
  type DeleteZnodeResponse,
  GetStatusRequest,
  type GetStatusResponse,
  GetZnodeRequest,
  type GetZnodeResponse,
  ListZnodesRequest,
  type ListZnodesResponse,
  type ReadConcern,
  type ResponseHeader,
  type SetZnodeResponse,
} from "./gen/muster/coordination/v1/coordination_service.ts";
import type { Stat as StatMessage } from "./gen/muster/coordination/v1/znode.ts";
import { checkHistory, checkServing } from "./history-check.ts";
import { DoorError } from "./status.ts";
import { REQUEST_NUMBER, UnaryCall, type UnaryDependencies } from "./unary-call.ts";
import { requestWithin, smallRequest, unaryHandler } from "./unary-handler.ts";
import { WireReader } from "./wire-reader.ts";

const NO_BYTES = new Uint8Array(0);
/** The one field of CreateZnodeRequest and SetZnodeRequest. */
const TAG_OPERATION = 0x0a;

/** CoordinationService's unary methods. Requests come as bytes, so that a malformed one is refused like any other. */
export function unaryCalls(deps: UnaryDependencies): UntypedServiceImplementation {
  const reader = new WireReader();
  const body = new BodyDecoder(reader);
  return {
    getZnode: unaryHandler(deps, (call, callback) => {
      const request = decodeMessage(GetZnodeRequest, smallRequest(deps, call));
      read(deps, call, callback, { kind: "get", path: request.path }, request.readConcern, getResponse);
    }),
    listZnodes: unaryHandler(deps, (call, callback) => {
      const { path, pageSize, pageToken, readConcern } = decodeMessage(ListZnodesRequest, smallRequest(deps, call));
      const operation = { kind: "list" as const, path, limit: Math.min(pageSize, PAGE_SIZE_MAX), cursor: pageToken };
      read(deps, call, callback, operation, readConcern, listResponse);
    }),
    createZnode: unaryHandler(deps, (call, callback) => {
      const blank = { kind: "create" as const, path: "", data: NO_BYTES, mode: createMode.PERSISTENT };
      let operation: CreateOperation = blank;
      const found = enterOperation(deps, reader, call, () => {
        operation = body.begin().create(blank);
      });
      if (!found) throw new DoorError("INVALID_ARGUMENT", { detail: "create is not set" });
      if (body.problem !== undefined) throw new DoorError(body.problem);
      write(deps, call, callback, operation, createResponse);
    }),
    setZnode: unaryHandler(deps, (call, callback) => {
      const blank = { kind: "set" as const, path: "", data: NO_BYTES, version: ANY_VERSION };
      let operation: SetOperation = blank;
      const found = enterOperation(deps, reader, call, () => {
        operation = body.begin().set(blank);
      });
      if (!found) throw new DoorError("INVALID_ARGUMENT", { detail: "set is not set" });
      write(deps, call, callback, operation, setResponse);
    }),
    deleteZnode: unaryHandler(deps, (call, callback) => {
      const { path, version, recursive } = decodeMessage(DeleteZnodeRequest, smallRequest(deps, call));
      if (recursive && version !== undefined) {
        throw new DoorError("INVALID_ARGUMENT", { detail: "version must be absent from a recursive deletion" });
      }
      const operation: WriteOperation = recursive
        ? { kind: "delete-tree", path }
        : { kind: "delete", path, version: version ?? ANY_VERSION };
      write(deps, call, callback, operation, deleteResponse);
    }),
    getStatus: unaryHandler<GetStatusResponse>(deps, (call, callback) => {
      decodeMessage(GetStatusRequest, smallRequest(deps, call));
      callback(null, statusResponse(deps.coordination.status(), deps.version));
    }),
  };
}

/** Runs `decode` with the reader in the request's operation; false when there is none. Of several the last counts. */
function enterOperation<Response>(
  deps: UnaryDependencies,
  reader: WireReader,
  call: ServerUnaryCall<Buffer, Response>,
  decode: () => void,
): boolean {
  const message = requestWithin(call.request, deps.limits.messageBytesMax);
  reader.reset(message, 0, message.length);
  let found = false;
  while (reader.more) {
    const tag = reader.tag();
    if (tag !== TAG_OPERATION) {
      reader.skip(tag);
      continue;
    }
    found = true;
    const outer = reader.enter();
    decode();
    reader.leave(outer);
  }
  return found;
}

type Respond<Response> = (answer: Answer, header: ResponseHeader) => Response;

function read<Response>(
  deps: UnaryDependencies,
  call: ServerUnaryCall<Buffer, Response>,
  callback: sendUnaryData<Response>,
  operation: ReadOperation,
  concern: ReadConcern | undefined,
  respond: Respond<Response>,
): void {
  const status = deps.coordination.status();
  checkServing(status);
  checkReach(deps, call, operation);
  checkHistory(status, concern?.ensembleId ?? "", concern?.minZxid ?? 0);
  const options: ReadOptions = { minZxid: concern?.minZxid ?? 0, linearizable: concern?.linearizable ?? false };
  const ask = (connection: Connection) => connection.read(REQUEST_NUMBER, operation, options);
  new UnaryCall(deps, call, callback, {
    ask,
    respond: (answer) => respond(answer, headerOf(status, answer.zxid)),
    write: false,
  });
}

function write<Response>(
  deps: UnaryDependencies,
  call: ServerUnaryCall<Buffer, Response>,
  callback: sendUnaryData<Response>,
  operation: WriteOperation,
  respond: Respond<Response>,
): void {
  const status = deps.coordination.status();
  checkServing(status);
  checkReach(deps, call, operation);
  // Nobody is super here.
  if (breaksGuard(operation, [])) throw new DoorError("GUARDED_PATH");
  const ask = (connection: Connection) => connection.submit(REQUEST_NUMBER, REQUEST_NUMBER, operation);
  new UnaryCall(deps, call, callback, {
    ask,
    respond: (answer) => respond(answer, headerOf(status, answer.zxid)),
    write: true,
  });
}

function checkReach(deps: UnaryDependencies, call: object, operation: ReadOperation | WriteOperation): void {
  if (warrantOf(deps.principalOf(call))?.mayReach(operation) === false) {
    throw new DoorError("NO_PERMISSION", { detail: "the path is guarded: it needs admin on tokens" });
  }
}

function headerOf(status: Status, zxid: number): ResponseHeader {
  return { ensembleId: status.ensembleId, memberId: status.memberId, zxid };
}

// An answer is a scratch object, and grpc-js may serialise later: each response is a copy.

function getResponse(answer: Answer, header: ResponseHeader): GetZnodeResponse {
  return { header, data: Uint8Array.from(answer.data), stat: statOf(answer.stat) };
}

function listResponse(answer: Answer, header: ResponseHeader): ListZnodesResponse {
  const nextPageToken = Uint8Array.from(answer.cursor);
  return { header, names: [...answer.names], nextPageToken, stat: statOf(answer.stat) };
}

function createResponse(answer: Answer, header: ResponseHeader): CreateZnodeResponse {
  return { header, path: answer.path, stat: statOf(answer.stat) };
}

function setResponse(answer: Answer, header: ResponseHeader): SetZnodeResponse {
  return { header, stat: statOf(answer.stat) };
}

function deleteResponse(answer: Answer, header: ResponseHeader): DeleteZnodeResponse {
  return { header, deletedCount: answer.kind === "count" ? answer.count : 1 };
}

function statOf(stat: Stat): StatMessage {
  return {
    czxid: stat.czxid,
    mzxid: stat.mzxid,
    createTimeMs: stat.ctime,
    modifyTimeMs: stat.mtime,
    version: stat.version,
    childVersion: stat.cversion,
    aclVersion: stat.aversion,
    ephemeralOwner: stat.ephemeralOwner,
    dataBytes: stat.dataLength,
    childCount: stat.numChildren,
    pzxid: stat.pzxid,
  };
}

function statusResponse(status: Status, version: string): GetStatusResponse {
  return {
    header: headerOf(status, status.zxid),
    epoch: status.epoch,
    members: status.members,
    version,
    notReady: status.notReady,
    counts: new Map(Object.entries(status.counts)),
  };
}
