import type { Limits } from "../../src/core/base/limits.ts";
import type { AnswerKind } from "../../src/core/tree/answer.ts";
import type { AclEntry, CreateMode, EventType, Identity, WriteOperation } from "../../src/core/tree/operation.ts";
import type { Stat } from "../../src/core/tree/stat.ts";

/** What the model speaks: commands in, answers and events out, and the objects it keeps in between. */

export interface ExpectedAnswer {
  code: number;
  zxid: number;
  kind: AnswerKind;
  path?: string;
  stat?: Stat;
  data?: Uint8Array;
  names?: readonly string[];
  /** list: creation number of the last child given, for the next page; 0 where nothing is left. */
  next?: number;
  acl?: readonly AclEntry[];
  /** get-acl: the create mode, without its suffix, and the time to live. */
  mode?: CreateMode;
  ttlMs?: number;
  count?: number;
  parts?: readonly ExpectedAnswer[];
}

export interface ExpectedEvent {
  readonly type: EventType;
  readonly path: string;
  readonly zxid: number;
  /** Who may be told of it: the ACL of the znode the event is about. */
  readonly acl: readonly AclEntry[];
}

export interface Outcome {
  readonly answer: ExpectedAnswer;
  readonly events: readonly ExpectedEvent[];
}

/** Who asks. Session 0: nobody in particular, without at-most-once. */
export interface Issuer {
  readonly sessionId: number;
  readonly generation: number;
  readonly identities: readonly Identity[];
  readonly number: number;
  readonly answeredBelow: number;
}

/** Everything the log may hold. */
export type ModelCommand =
  | { readonly kind: "request"; readonly issuer: Issuer; readonly operation: WriteOperation }
  | { readonly kind: "open-session"; readonly timeoutMs: number; readonly secretHash: Uint8Array }
  | { readonly kind: "move-session"; readonly sessionId: number; readonly secretHash: Uint8Array }
  | { readonly kind: "close-session"; readonly issuer: Issuer }
  | { readonly kind: "expire-session"; readonly sessionId: number; readonly generation: number }
  | { readonly kind: "set-limits"; readonly limits: Limits }
  | { readonly kind: "raise-feature-level"; readonly level: number }
  | { readonly kind: "reconfigure"; readonly expectedZxid: number; readonly configuration: Uint8Array }
  | { readonly kind: "reap"; readonly path: string; readonly czxid: number; readonly mzxid: number };

export interface ModelNode {
  kind: "persistent" | "ephemeral" | "container" | "ttl";
  data: Uint8Array;
  acl: readonly AclEntry[];
  czxid: number;
  mzxid: number;
  pzxid: number;
  ctime: number;
  mtime: number;
  version: number;
  /** Children ever created. */
  creations: number;
  aversion: number;
  /** Session id of an ephemeral znode, otherwise 0. */
  owner: number;
  ttlMs: number;
  /** Position in the order of all creations. */
  born: number;
  /** Names in creation order. */
  children: string[];
}

export interface ModelSession {
  readonly id: number;
  readonly generation: number;
  readonly timeoutMs: number;
  readonly secretHash: Uint8Array;
  /** At-most-once: request number -> first answer. */
  readonly answers: ReadonlyMap<number, ExpectedAnswer>;
  /** Numbers below it are stale: answered, or pushed out of the window. */
  readonly floor: number;
}
