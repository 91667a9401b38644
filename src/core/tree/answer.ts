import type { AclEntry, CreateMode } from "./operation.ts";
import type { Stat } from "./stat.ts";

/**
 * The outcome of one request. Delivered as a **scratch object**: it, its stat and its byte views are valid only
 * during the call that delivers them, so that a stream of answers allocates nothing. Copy what must live longer.
 */
export interface Answer {
  /** The request number it answers. */
  number: number;
  /** 0 or the code of an entry in `errors`. */
  code: number;
  /** For a write, its own zxid (a failed one has one too); for a read, the zxid it was read at. */
  zxid: number;
  /** Which of the fields below are set. */
  kind: AnswerKind;
  /** create: the path with its sequence suffix. */
  path: string;
  /** create, set, set-acl, exists, get, list, get-acl. */
  stat: Stat;
  /** get: a view of the znode's data. */
  data: Uint8Array;
  /** list, ephemerals: names, or whole paths for ephemerals. */
  names: readonly string[];
  /** list: where the next page begins; empty after the last. */
  cursor: Uint8Array;
  acl: readonly AclEntry[];
  /** get-acl: how the znode was made, sequential or not: PERSISTENT, EPHEMERAL, CONTAINER or PERSISTENT_WITH_TTL. */
  mode: CreateMode;
  /** get-acl: with PERSISTENT_WITH_TTL its time to live, otherwise 0. */
  ttlMs: number;
  /** count: descendants of the znode; delete-tree: znodes deleted. */
  count: number;
  /** multi and multi-read: one answer per operation. Of a failed multi: 0, the failing one's code, then ROLLED_BACK. */
  parts: readonly Answer[];
}

export type AnswerKind =
  | "none"
  | "create"
  | "stat"
  | "get"
  | "list"
  | "ephemerals"
  | "acl"
  | "count"
  | "multi"
  | "multi-read";
