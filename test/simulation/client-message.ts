import type { Reason } from "../../src/core/base/errors.ts";
import type { WatchAsked } from "../../src/core/member/connection-host.ts";
import type { OpenedSession } from "../../src/core/member/connection-listener.ts";
import type { ReadOperation, WriteOperation } from "../../src/core/tree/operation.ts";
import type { WatchEvent } from "../../src/core/tree/watch-event.ts";

/** What a simulated client says. */
export type ClientRequest =
  | { readonly kind: "open"; readonly secretHash: Uint8Array; readonly timeoutMs: number }
  | { readonly kind: "resume"; readonly sessionId: number; readonly secretHash: Uint8Array }
  | { readonly kind: "touch"; readonly token: number }
  | { readonly kind: "close" }
  | NumberedRequest;

/** What has an answer of its own. */
export type NumberedRequest =
  | {
      readonly kind: "write";
      readonly number: number;
      readonly answeredBelow: number;
      readonly operation: WriteOperation;
    }
  | {
      readonly kind: "read";
      readonly number: number;
      readonly operation: ReadOperation;
      readonly minZxid: number;
      readonly linearizable: boolean;
    }
  | { readonly kind: "sync"; readonly number: number }
  | { readonly kind: "watch"; readonly number: number; readonly watch: WatchAsked }
  | { readonly kind: "unwatch"; readonly number: number; readonly watchId: number };

/** What it hears, copied out of the member's scratch objects. */
export type ServerMessage =
  | { readonly kind: "opened"; readonly session: OpenedSession }
  | {
      readonly kind: "answer";
      readonly number: number;
      readonly code: number;
      readonly zxid: number;
      readonly cursor: Uint8Array;
    }
  | { readonly kind: "events"; readonly events: readonly WatchEvent[]; readonly zxid: number }
  | { readonly kind: "touched"; readonly token: number }
  | { readonly kind: "closed"; readonly reason: Reason | undefined };
