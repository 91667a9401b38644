export type { Data } from "./arguments.ts";
export {
  AuthAdmin,
  type CreatedToken,
  type NewToken,
  type TokenGrant,
  type TokenInfo,
  type Verb,
} from "./auth-admin.ts";
export type { MusterClient, SessionInfo } from "./client.ts";
export { type ConnectOptions, connect } from "./connect.ts";
export type { DiagnosticEvent, DiagnosticListener, Diagnostics, DiagnosticType } from "./diagnostics.ts";
export { EnsembleAdmin, type EnsembleChanged, type MemberChange, type NewMember } from "./ensemble-admin.ts";
export type { EnsembleOptions } from "./ensemble-call.ts";
export { MusterError, type MusterErrorInit, type Reason, type RetryClass } from "./errors.ts";
export type { TlsOptions } from "./grpc-transport.ts";
export type {
  CreateOptions,
  MultiOperation,
  MultiOutcome,
  MultiRead,
  MultiReadOutcome,
  ReadOutcome,
} from "./multi.ts";
export type { CallOptions } from "./operation-queue.ts";
export type { Changed, ChildrenPage, Created, TreeDeleted, Written, ZnodeAcl, ZnodeData } from "./result-value.ts";
export type { SessionState } from "./session-options.ts";
export { type AclEntry, type Credential, permission, type Stat } from "./stat.ts";
export { type EnsembleStatus, type MemberStatus, readStatus } from "./status.ts";
export type { TokenOption } from "./token.ts";
export { VERSION } from "./version.ts";
export type {
  CompactedEvent,
  Watch,
  WatchEvent,
  WatchEventType,
  WatchMode,
  WatchOptions,
  ZnodeEvent,
} from "./watch.ts";
export type { ListOptions, ReadOptions, VersionOptions, Znodes } from "./znodes.ts";
