import {
  CreateZnodeRequest,
  DeleteZnodeRequest,
  GetStatusRequest,
  GetZnodeRequest,
  ListZnodesRequest,
  SetZnodeRequest,
} from "../../../src/api/grpc/gen/muster/coordination/v1/coordination_service.ts";
import type { Operation } from "../../../src/api/grpc/gen/muster/coordination/v1/session.ts";
import { SessionRequest, WatchMode } from "../../../src/api/grpc/gen/muster/coordination/v1/session.ts";
import { CreateMode } from "../../../src/api/grpc/gen/muster/coordination/v1/znode.ts";
import {
  AddMemberRequest,
  ChangeMemberRequest,
  RemoveMemberRequest,
  TransferLeadershipRequest,
  VotingRole,
} from "../../../src/api/grpc/gen/muster/ensemble/v1/ensemble.ts";

const SERVICE = "/muster.coordination.v1.CoordinationService";
const ENSEMBLE = "/muster.ensemble.v1.EnsembleService";
/** Short, so that the sessions a run opens do not pile up. */
const SESSION_TIMEOUT_MS = 1000;

type OperationCase = NonNullable<Operation["operation"]>;

const data = new Uint8Array(100).fill(0x61);
const path = "/fuzz/znode";
const acl = { entries: [{ permissions: 31, scheme: "world", id: "anyone" }] };
const create = { path, data, mode: CreateMode.PERSISTENT, acl, ttlMs: 0, ifAbsent: false };
const set = { path, data, version: 3 };

/** One of every operation a session may carry. */
const operations: readonly OperationCase[] = [
  { $case: "create", value: create },
  { $case: "create", value: { ...create, mode: CreateMode.EPHEMERAL_SEQUENTIAL } },
  { $case: "create", value: { ...create, mode: CreateMode.PERSISTENT_WITH_TTL, ttlMs: 5000 } },
  { $case: "set", value: set },
  { $case: "delete", value: { path, version: undefined } },
  { $case: "deleteTree", value: { path } },
  { $case: "setAcl", value: { path, acl, version: undefined } },
  {
    $case: "multi",
    value: {
      parts: [
        { operation: { $case: "check", value: { path: "/", version: undefined } } },
        { operation: { $case: "create", value: create } },
        { operation: { $case: "set", value: set } },
        { operation: { $case: "setAcl", value: { path, acl, version: 1 } } },
        { operation: { $case: "delete", value: { path, version: 7 } } },
      ],
    },
  },
  { $case: "get", value: { path } },
  { $case: "exists", value: { path } },
  { $case: "list", value: { path: "/", pageSize: 10, pageToken: new Uint8Array(8) } },
  { $case: "getAcl", value: { path } },
  { $case: "count", value: { path: "/" } },
  { $case: "ephemerals", value: { path: "/" } },
  {
    $case: "multiRead",
    value: {
      parts: [
        { operation: { $case: "get", value: { path } } },
        { operation: { $case: "list", value: { path, pageSize: 0, pageToken: new Uint8Array(0) } } },
      ],
    },
  },
  { $case: "sync", value: {} },
  { $case: "addWatch", value: { watchId: 1, path, mode: WatchMode.PERSISTENT_RECURSIVE, afterZxid: 1 } },
  { $case: "removeWatch", value: { watchId: 1 } },
  { $case: "authenticate", value: { scheme: "digest", secret: "user:password" } },
];

function session(request: SessionRequest["request"]): Uint8Array {
  return SessionRequest.encode({ request }).finish();
}

function batch(numbers: readonly OperationCase[]): Uint8Array {
  const listed = numbers.map((operation, i) => ({ number: i + 1, minZxid: 0, linearizable: false, operation }));
  return session({ $case: "operations", value: { answeredBelow: 1, operations: listed } });
}

/** What opens a session on a stream, unharmed. */
export const openMessage = session({
  $case: "open",
  value: { timeoutMs: SESSION_TIMEOUT_MS, credentials: [], ensembleId: "", minZxid: 0 },
});

/** Messages of a session stream. */
export const sessionMessages: readonly Uint8Array[] = [
  openMessage,
  session({
    $case: "open",
    value: {
      timeoutMs: SESSION_TIMEOUT_MS,
      credentials: [{ scheme: "digest", secret: "u:p" }],
      ensembleId: "",
      minZxid: 1,
    },
  }),
  session({
    $case: "resume",
    value: { sessionId: 4294967297, secret: new Uint8Array(32), credentials: [], ensembleId: "", minZxid: 0 },
  }),
  session({ $case: "keepAlive", value: { token: 7 } }),
  session({ $case: "close", value: {} }),
  batch(operations),
  ...operations.map((operation) => batch([operation])),
];

const placed = { peerAddress: "127.0.0.1:7402", weight: 2, group: 1 };

const header = { readConcern: { minZxid: 0, ensembleId: "", linearizable: true } };

/** One request of every unary method. */
export const unaryRequests: readonly { readonly method: string; readonly message: Uint8Array }[] = [
  { method: `${SERVICE}/GetZnode`, message: GetZnodeRequest.encode({ path: "/", ...header }).finish() },
  {
    method: `${SERVICE}/ListZnodes`,
    message: ListZnodesRequest.encode({ path: "/", pageSize: 5, pageToken: new Uint8Array(8), ...header }).finish(),
  },
  { method: `${SERVICE}/CreateZnode`, message: CreateZnodeRequest.encode({ create }).finish() },
  { method: `${SERVICE}/SetZnode`, message: SetZnodeRequest.encode({ set }).finish() },
  {
    method: `${SERVICE}/DeleteZnode`,
    message: DeleteZnodeRequest.encode({ path, version: undefined, recursive: true }).finish(),
  },
  { method: `${SERVICE}/GetStatus`, message: GetStatusRequest.encode({}).finish() },
  { method: `${ENSEMBLE}/GetStatus`, message: new Uint8Array(0) },
  {
    method: `${ENSEMBLE}/AddMember`,
    message: AddMemberRequest.encode({ id: 2, votingRole: VotingRole.OBSERVER, ...placed }).finish(),
  },
  { method: `${ENSEMBLE}/RemoveMember`, message: RemoveMemberRequest.encode({ id: 1 }).finish() },
  {
    method: `${ENSEMBLE}/ChangeMember`,
    message: ChangeMemberRequest.encode({ id: 1, votingRole: VotingRole.VOTER, ...placed }).finish(),
  },
  { method: `${ENSEMBLE}/TransferLeadership`, message: TransferLeadershipRequest.encode({ toMemberId: 1 }).finish() },
  { method: "/grpc.health.v1.Health/Check", message: new Uint8Array(0) },
  { method: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", message: Uint8Array.of(0x3a, 0) },
];

export const SESSION_METHOD = `${SERVICE}/Session`;
export const HEALTHY_METHOD = `${SERVICE}/GetZnode`;
export const healthyRequest = GetZnodeRequest.encode({ path: "/", ...header }).finish();

const text = (lines: readonly string[]): Uint8Array => Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");

/** Requests to the HTTP door. */
export const httpRequests: readonly Uint8Array[] = [
  ...["/healthz", "/readyz", "/metrics", "/", "/a/../b%2f%00?x=1#y"].map((target) =>
    text([`GET ${target} HTTP/1.1`, "Host: localhost", "Connection: close"]),
  ),
  text(["POST /healthz HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 3", "", "{}"]),
  text(["PUT /readyz HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", "", "3", "abc", "0"]),
  text(["GET /metrics HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"]),
  text(["GET /healthz HTTP/1.1", "Host: localhost", `X-Long: ${"h".repeat(4000)}`, "Expect: 100-continue"]),
];
