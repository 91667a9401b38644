import { bytesOf, type Data, invalid, requirePath, requireVersion } from "./arguments.ts";
import type { MusterError } from "./errors.ts";
import type { MultiPart, MultiReadPart } from "./gen/muster/coordination/v1/session.ts";
import { CreateMode } from "./gen/muster/coordination/v1/znode.ts";
import { type Kind, kind } from "./pending.ts";
import type { Changed, ChildrenPage, Created, Written, ZnodeAcl, ZnodeData } from "./result-value.ts";
import type { AclEntry, Stat } from "./stat.ts";

/** How a znode is created. */
export interface CreateOptions {
  /**
   * `persistent` (the default) stays until it is deleted; `ephemeral` goes with the session; `container` goes some time
   * after its last child.
   */
  readonly mode?: "persistent" | "ephemeral" | "container" | undefined;
  /** Appends a ten-digit suffix that rises per parent; the path may then end in "/". Not for containers. */
  readonly sequential?: boolean | undefined;
  /** Removed when childless and unchanged for this long, ms (1 to 2^40 - 1). Only for persistent ones. */
  readonly ttlMs?: number | undefined;
  /** Open to everyone by default. */
  readonly acl?: readonly AclEntry[] | undefined;
  /** A znode that exists already is success, unchanged; `created` tells. */
  readonly ifAbsent?: boolean | undefined;
}

/** One operation of a multi. `version` is the version the znode must have; any by default. */
export type MultiOperation =
  | ({ readonly type: "create"; readonly path: string; readonly data?: Data | undefined } & CreateOptions)
  | { readonly type: "set"; readonly path: string; readonly data: Data; readonly version?: number | undefined }
  | { readonly type: "delete"; readonly path: string; readonly version?: number | undefined }
  | { readonly type: "check"; readonly path: string; readonly version?: number | undefined }
  | {
      readonly type: "set-acl";
      readonly path: string;
      readonly acl: readonly AclEntry[];
      /** The ACL version the znode must have. */
      readonly version?: number | undefined;
    };

interface MultiResults {
  readonly create: Created;
  readonly set: Changed;
  readonly delete: Written;
  readonly check: Written;
  readonly "set-acl": Changed;
}

/** The outcome of a multi: one zxid, one result per operation. */
export interface MultiOutcome<T extends readonly MultiOperation[]> extends Written {
  readonly results: { readonly [I in keyof T]: T[I] extends MultiOperation ? MultiResults[T[I]["type"]] : never };
}

/** One read of a multi-read. */
export type MultiRead =
  | { readonly type: "get"; readonly path: string }
  | { readonly type: "exists"; readonly path: string }
  /** The first page of children. */
  | { readonly type: "list"; readonly path: string; readonly pageSize?: number | undefined }
  | { readonly type: "get-acl"; readonly path: string };

interface MultiReadResults {
  readonly get: ZnodeData;
  readonly exists: Stat | undefined;
  readonly list: ChildrenPage;
  readonly "get-acl": ZnodeAcl;
}

/** Each read of a multi-read succeeds or fails for itself. */
export type ReadOutcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: MusterError };

/** The outcome of a multi-read: all of one zxid. */
export interface MultiReadOutcome<T extends readonly MultiRead[]> {
  readonly zxid: number;
  readonly results: {
    readonly [I in keyof T]: T[I] extends MultiRead ? ReadOutcome<MultiReadResults[T[I]["type"]]> : never;
  };
}

/** The proto's CreateMode. Throws INVALID_ARGUMENT for a combination that does not exist. */
export function wireCreateMode(path: string, options: CreateOptions): number {
  const { mode = "persistent", sequential = false, ttlMs } = options;
  if (ttlMs !== undefined) {
    if (mode !== "persistent") throw invalid(`a TTL is for persistent znodes, not for ${mode} ones`, path);
    return sequential ? CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL : CreateMode.PERSISTENT_WITH_TTL;
  }
  if (mode === "persistent") return sequential ? CreateMode.PERSISTENT_SEQUENTIAL : CreateMode.PERSISTENT;
  if (mode === "ephemeral") return sequential ? CreateMode.EPHEMERAL_SEQUENTIAL : CreateMode.EPHEMERAL;
  if (mode !== "container") throw invalid(`there is no create mode ${String(mode)}`, path);
  if (sequential) throw invalid("a container cannot be sequential", path);
  return CreateMode.CONTAINER;
}

/** A create as the proto has it. */
export function wireCreate(path: string, data: Data | undefined, options: CreateOptions) {
  requirePath(path);
  const { ttlMs = 0, acl, ifAbsent = false } = options;
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 0) throw invalid("ttlMs is not a whole number", path);
  return {
    path,
    data: bytesOf(data ?? "", path),
    mode: wireCreateMode(path, options) as CreateMode,
    acl: acl === undefined ? undefined : { entries: acl },
    ttlMs,
    ifAbsent,
  };
}

export function wirePart(operation: MultiOperation): { part: MultiPart; kind: Kind } {
  const { path } = operation;
  requirePath(path);
  if (operation.type === "create") {
    const value = wireCreate(path, operation.data, operation);
    return { part: { operation: { $case: "create", value } }, kind: kind.CREATE };
  }
  const { version } = operation;
  requireVersion(version, path);
  switch (operation.type) {
    case "set": {
      const value = { path, data: bytesOf(operation.data, path), version };
      return { part: { operation: { $case: "set", value } }, kind: kind.SET };
    }
    case "delete":
      return { part: { operation: { $case: "delete", value: { path, version } } }, kind: kind.DELETE };
    case "check":
      return { part: { operation: { $case: "check", value: { path, version } } }, kind: kind.SYNC };
    case "set-acl": {
      const value = { path, acl: { entries: operation.acl }, version };
      return { part: { operation: { $case: "setAcl", value } }, kind: kind.SET_ACL };
    }
    default:
      throw invalid(`a multi has no operation ${String((operation as { type: unknown }).type)}`, path);
  }
}

export function wireReadPart(read: MultiRead): { part: MultiReadPart; kind: Kind } {
  const { path } = read;
  requirePath(path);
  const value = { path };
  switch (read.type) {
    case "get":
      return { part: { operation: { $case: "get", value } }, kind: kind.GET };
    case "exists":
      return { part: { operation: { $case: "exists", value } }, kind: kind.EXISTS };
    case "list": {
      const list = { path, pageSize: read.pageSize ?? 0, pageToken: new Uint8Array(0) };
      return { part: { operation: { $case: "list", value: list } }, kind: kind.LIST };
    }
    case "get-acl":
      return { part: { operation: { $case: "getAcl", value } }, kind: kind.GET_ACL };
    default:
      throw invalid(`a multi-read has no read ${String((read as { type: unknown }).type)}`, path);
  }
}
