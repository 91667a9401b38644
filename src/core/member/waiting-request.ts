import { errors, OK } from "../base/errors.ts";
import type { Identity, ReadOperation, WatchMode } from "../tree/operation.ts";
import type { Barrier } from "./barriers.ts";
import type { WatchAsked } from "./connection-host.ts";

export interface ReadFreshness {
  readonly minZxid: number;
  readonly linearizable: boolean;
  /** Left behind by a read that succeeds, or by `exists` of what is not there. */
  readonly watch?: { readonly watchId: number; readonly mode: WatchMode } | undefined;
}

/**
 * Requests that may wait on one connection, beyond the writes in the log. One more is refused at once, out of its
 * order: a place for every refusal would be the growth the bound is there to stop.
 */
export const WAITING_MAX = 10_000;
/** A number no client uses: the close of the session itself. */
export const CLOSE_NUMBER = Number.MAX_SAFE_INTEGER;

/** A number a client may give a request. */
export function isNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** A request that waits its turn on the connection. */
export type Waiting =
  | {
      readonly kind: "read";
      readonly number: number;
      readonly operation: ReadOperation;
      readonly freshness: ReadFreshness;
      /** Whose it was when it was asked. */
      readonly identities: readonly Identity[];
    }
  | { readonly kind: "sync"; readonly number: number }
  | { readonly kind: "watch"; readonly number: number; readonly request: WatchAsked }
  | { readonly kind: "unwatch"; readonly number: number; readonly watchId: number }
  | { readonly kind: "refusal"; readonly number: number; readonly code: number }
  /** A write held back by a barrier before it; encoded, because the caller reuses its operation. */
  | { readonly kind: "write"; readonly number: number; readonly command: Uint8Array }
  | { readonly kind: "close" };

export type BarrierRequest = Extract<Waiting, { kind: "read" | "sync" | "watch" }>;

export function isBarrierRequest(request: Waiting): request is BarrierRequest {
  return request.kind === "read" || request.kind === "sync" || request.kind === "watch";
}

/** What the tree must have reached before. */
export function zxidAsked(request: BarrierRequest): number {
  if (request.kind === "watch") return request.request.afterZxid;
  return request.kind === "read" ? request.freshness.minZxid : 0;
}

/** A znode that is not there can be waited for by `exists` alone, as in ZooKeeper. */
export function leavesWatch({ kind }: ReadOperation, code: number): boolean {
  return code === OK || (kind === "exists" && code === errors.NODE_NOT_FOUND.code);
}

/** Where a request stands among those that wait. */
export interface Place {
  readonly request: Waiting;
  /** Its turn comes when this many of the connection's writes have been answered. */
  readonly afterWrites: number;
  /** Writes behind it are held until it is answered. */
  readonly isBarrier: boolean;
  /** Of a barrier whose turn it is: what it waits for, and until when. */
  barrier: Barrier | undefined;
  deadline: number;
}
