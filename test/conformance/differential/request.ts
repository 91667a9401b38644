/**
 * What a client can ask for, as data, so that a sequence of requests can be printed, shrunk and played again. The sign
 * {@link PREFIX_SIGN} stands for the znode that a run has for itself.
 */
export const PREFIX_SIGN = "§";

/** Where every ensemble tells who is of it. */
export const CONFIGURATION_PATH = "/zookeeper/config";

export interface Acl {
  readonly perms: number;
  readonly scheme: string;
  readonly id: string;
}

/** Bytes that are not what the request should be. */
export type Mangle =
  /** So many bytes of the body's end are missing. */
  | { readonly kind: "cut"; readonly bytes: number }
  /** So many zero bytes follow. */
  | { readonly kind: "append"; readonly bytes: number }
  /** An int written over the body at an offset: at 0, the length of the path of most requests. */
  | { readonly kind: "poke"; readonly at: number; readonly int: number };

/** A zxid both sides know: 0, the n-th newest of those seen on both, or one that is far ahead. */
export type SharedZxid = "zero" | "future" | { readonly recent: number };

interface Mangled {
  readonly mangle?: Mangle;
}

export interface CreateRequest extends Mangled {
  readonly op: "create" | "create2" | "createContainer" | "createTtl";
  readonly path: string;
  readonly data: string | null;
  readonly acl: readonly Acl[] | null;
  readonly flags: number;
  /** ms; only sent by createTtl. */
  readonly ttl?: number;
}

export interface VersionRequest extends Mangled {
  readonly op: "delete" | "check";
  readonly path: string;
  readonly version: number;
}

export interface SetDataRequest extends Mangled {
  readonly op: "setData";
  readonly path: string;
  readonly data: string | null;
  readonly version: number;
}

export interface SetAclRequest extends Mangled {
  readonly op: "setAcl";
  readonly path: string;
  readonly acl: readonly Acl[] | null;
  readonly version: number;
}

export interface ReadRequest extends Mangled {
  readonly op: "exists" | "getData" | "getChildren" | "getChildren2";
  readonly path: string;
  readonly watch: boolean;
}

export interface PathRequest extends Mangled {
  readonly op: "getAcl" | "sync" | "getEphemerals" | "getAllChildrenNumber" | "deleteContainer";
  readonly path: string;
}

/** checkWatches, removeWatches: the kind of watcher; addWatch: the mode. */
export interface WatcherRequest extends Mangled {
  readonly op: "checkWatches" | "removeWatches" | "addWatch";
  readonly path: string;
  readonly kind: number;
}

export interface SetWatchesRequest extends Mangled {
  readonly op: "setWatches" | "setWatches2";
  readonly relative: SharedZxid;
  /** data, exist, child; for setWatches2 also persistent, recursive. */
  readonly lists: readonly (readonly string[])[];
}

export interface MultiRequest extends Mangled {
  readonly op: "multi" | "multiRead";
  readonly operations: readonly Request[];
}

export interface AuthRequest extends Mangled {
  readonly op: "auth";
  readonly scheme: string;
  readonly credential: string;
}

export interface ReconfigRequest extends Mangled {
  readonly op: "reconfig";
  readonly joining: string | null;
}

export interface BareRequest extends Mangled {
  readonly op: "whoAmI" | "ping" | "closeSession";
}

/** A request of a type that no server knows, or that no client should send. */
export interface UnknownRequest extends Mangled {
  readonly op: "unknown";
  readonly type: number;
  readonly path: string;
}

export type Request =
  | CreateRequest
  | VersionRequest
  | SetDataRequest
  | SetAclRequest
  | ReadRequest
  | PathRequest
  | WatcherRequest
  | SetWatchesRequest
  | MultiRequest
  | AuthRequest
  | ReconfigRequest
  | BareRequest
  | UnknownRequest;

/** What can change the tree, or take a zxid. */
export function isWrite({ op }: Request): boolean {
  switch (op) {
    case "create":
    case "create2":
    case "createContainer":
    case "createTtl":
    case "delete":
    case "setData":
    case "setAcl":
    case "multi":
    case "check":
    case "deleteContainer":
    case "reconfig":
    case "closeSession":
    case "unknown":
      return true;
    default:
      return false;
  }
}

/** The path a request is about; "" where it has none. */
export function pathOf(request: Request): string {
  return "path" in request ? request.path : "";
}
