/** What can be asked of the tree, in the vocabulary of ZooKeeper's client operations. Plain data, no behaviour. */

/** ZooKeeper's create flags (ZooDefs / CreateMode), part of the command format. */
export const createMode = {
  PERSISTENT: 0,
  EPHEMERAL: 1,
  PERSISTENT_SEQUENTIAL: 2,
  EPHEMERAL_SEQUENTIAL: 3,
  CONTAINER: 4,
  PERSISTENT_WITH_TTL: 5,
  PERSISTENT_SEQUENTIAL_WITH_TTL: 6,
} as const;
export type CreateMode = (typeof createMode)[keyof typeof createMode];

/** Permission bits of an ACL entry, as in ZooKeeper. */
export const permission = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16, ALL: 31 } as const;

/** Who somebody is, or whom an entry is for: `world:anyone`, `digest:user:hash`, `sasl:user`, `ip:10.0.0.0/8`. */
export interface Identity {
  readonly scheme: string;
  readonly id: string;
}

export interface AclEntry extends Identity {
  /** Sum of {@link permission} bits. */
  readonly permissions: number;
}

/** Matches any version in `delete`, `set`, `set-acl` and `check`. */
export const ANY_VERSION = -1;

export interface CreateOperation {
  readonly kind: "create";
  /** For sequential modes the ten-digit suffix is appended; it may then end in `/`. */
  readonly path: string;
  readonly data: Uint8Array;
  readonly mode: CreateMode;
  /** `undefined` means open to everyone (`world:anyone` with all permissions). An empty list is INVALID_ACL. */
  readonly acl?: readonly AclEntry[] | undefined;
  /** Only for the TTL modes: 1 to 2^40 - 1 ms since the last change, while childless. */
  readonly ttlMs?: number | undefined;
  /** Succeed without a change, answering the existing znode's stat, where the path exists already. */
  readonly ifAbsent?: boolean | undefined;
}

export interface DeleteOperation {
  readonly kind: "delete";
  readonly path: string;
  readonly version: number;
}

/** Deletes a znode and everything below it, or nothing: TOO_LARGE above `nodesPerCommandMax`. */
export interface DeleteTreeOperation {
  readonly kind: "delete-tree";
  readonly path: string;
}

export interface SetOperation {
  readonly kind: "set";
  readonly path: string;
  readonly data: Uint8Array;
  readonly version: number;
}

export interface SetAclOperation {
  readonly kind: "set-acl";
  readonly path: string;
  readonly acl: readonly AclEntry[];
  /** Compared with the znode's `aversion`. */
  readonly version: number;
}

export interface CheckOperation {
  readonly kind: "check";
  readonly path: string;
  readonly version: number;
}

export type LeafOperation = CreateOperation | DeleteOperation | SetOperation | SetAclOperation | CheckOperation;

/** All or nothing, at one zxid. */
export interface MultiOperation {
  readonly kind: "multi";
  readonly operations: readonly LeafOperation[];
}

export type WriteOperation =
  | CreateOperation
  | DeleteOperation
  | DeleteTreeOperation
  | SetOperation
  | SetAclOperation
  | MultiOperation;

export interface GetOperation {
  readonly kind: "get" | "exists" | "get-acl" | "count";
  readonly path: string;
}

/** One page of a znode's children in creation order. */
export interface ListOperation {
  readonly kind: "list";
  readonly path: string;
  /** 0: as many as the member's page limit allows. */
  readonly limit: number;
  /** Empty for the first page, then the `cursor` of the page before. */
  readonly cursor: Uint8Array;
  /** All children in one answer, whatever `limit` says; TOO_LARGE where their names take more than 64 MiB. */
  readonly whole?: boolean | undefined;
}

/** The caller's own ephemeral znodes at or below a path. */
export interface EphemeralsOperation {
  readonly kind: "ephemerals";
  readonly path: string;
}

export type LeafRead = GetOperation | ListOperation;

/** Several reads of one zxid; each has its own outcome. */
export interface MultiReadOperation {
  readonly kind: "multi-read";
  readonly operations: readonly LeafRead[];
}

export type ReadOperation = LeafRead | EphemeralsOperation | MultiReadOperation;

/** The four kinds of ZooKeeper's watches (and `exists`, which may wait for a znode to come). */
export type WatchMode = "data" | "exists" | "children" | "persistent" | "persistent-recursive";

/** ZooKeeper's EventType numbers. */
export const eventType = { CREATED: 1, DELETED: 2, DATA_CHANGED: 3, CHILDREN_CHANGED: 4 } as const;
export type EventType = (typeof eventType)[keyof typeof eventType];
