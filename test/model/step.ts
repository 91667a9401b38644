import type { Limits } from "../../src/core/base/limits.ts";
import type { Identity, ReadOperation, WriteOperation } from "../../src/core/tree/operation.ts";

/**
 * A step of a generated history. Steps name sessions by slot and versions by intent, and are resolved against the model
 * only when they run; so a history stays meaningful when a shrinker drops steps from it.
 */

/** In a version field: whatever the znode's version is when the step runs. */
export const CURRENT_VERSION = 2_000_000_001;
/** In a version field: a version the znode does not have when the step runs. */
export const WRONG_VERSION = 2_000_000_002;

/** Who asks: the holder of a session slot, or (slot -1) somebody without a session. */
export interface Caller {
  readonly slot: number;
  readonly identities: readonly Identity[];
  /** Speak with the owner generation before the current one. */
  readonly older: boolean;
}

export type Step =
  | {
      readonly kind: "request";
      readonly by: Caller;
      readonly operation: WriteOperation;
      /** 0: the next request number; otherwise the number used that many requests ago. */
      readonly back: number;
      /** Numbers this far below the next one have been answered; -1: says nothing. */
      readonly answered: number;
    }
  | { readonly kind: "read"; readonly by: Caller; readonly operation: ReadOperation }
  /** The next page of a list that may have begun many steps ago. */
  | { readonly kind: "page"; readonly by: Caller; readonly path: string; readonly limit: number }
  | { readonly kind: "open"; readonly slot: number; readonly timeoutMs: number }
  | { readonly kind: "move"; readonly slot: number; readonly wrongSecret: boolean }
  | { readonly kind: "close"; readonly by: Caller }
  | { readonly kind: "expire"; readonly slot: number; readonly older: boolean }
  | { readonly kind: "limits"; readonly limits: Limits }
  | { readonly kind: "raise"; readonly level: number }
  /** `off`: how far the configuration it is meant for is from the one in force. */
  | { readonly kind: "reconfigure"; readonly off: number; readonly configuration: Uint8Array }
  | { readonly kind: "reap"; readonly path: string; readonly older: boolean };
