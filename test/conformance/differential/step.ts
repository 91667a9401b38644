import { errorName, eventName } from "./protocol.ts";
import type { Request } from "./request.ts";
import { showValue, type Value } from "./value.ts";

/** One step of a run, as data: it means the same on both sides. A slot holds at most one session at a time. */
export type Step =
  | {
      readonly kind: "open";
      readonly slot: number;
      /** Which of the side's servers, counted round. */
      readonly server: number;
      readonly timeoutMs: number;
      readonly readOnly: boolean | undefined;
    }
  | { readonly kind: "request"; readonly slot: number; readonly request: Request }
  /** Sent without waiting for answers. */
  | { readonly kind: "burst"; readonly slot: number; readonly requests: readonly Request[] }
  | {
      readonly kind: "resume";
      readonly slot: number;
      readonly server: number;
      readonly password: "right" | "wrong";
      readonly seen: "zero" | "last" | "future";
      /** The old connection is still open; only on the same server. */
      readonly takesOver: boolean;
    }
  /** Bytes that are no frame, hexadecimal. */
  | { readonly kind: "bytes"; readonly slot: number; readonly hex: string };

/** What a client saw of one step, in order. */
export type Item =
  | {
      readonly kind: "reply";
      readonly request: Request;
      /** Which request of the step. */
      readonly index: number;
      readonly error: number;
      readonly zxid: bigint;
      /** Whether its zxid is newer than any this side has shown before. */
      readonly fresh: boolean;
      readonly value: Value;
    }
  | {
      readonly kind: "event";
      readonly type: number;
      readonly state: number;
      readonly path: string;
      readonly zxid: bigint;
      readonly error: number;
    }
  | { readonly kind: "closed" }
  | { readonly kind: "silent"; readonly request: Request; readonly index: number }
  | { readonly kind: "stray"; readonly xid: number; readonly error: number }
  | {
      readonly kind: "connected";
      readonly granted: boolean;
      readonly protocolVersion: number;
      readonly timeoutMs: number;
      readonly passwordBytes: number;
      readonly readOnly: boolean | undefined;
    }
  /** Closed without an answer to the request for a session. */
  | { readonly kind: "refused" }
  | { readonly kind: "old connection"; readonly closed: boolean };

/** Per slot. */
export type Outcome = readonly (readonly Item[])[];

export function showStep(step: Step): string {
  return JSON.stringify(step);
}

export function showItem(item: Item | undefined): string {
  switch (item?.kind) {
    case undefined:
      return "nothing";
    case "reply": {
      const { index, request, error, zxid, value } = item;
      const content = error === 0 ? showValue(value) : "";
      const shownZxid = BigInt.asUintN(64, zxid).toString(16);
      return `reply ${index} ${request.op}: ${errorName(error)} zxid 0x${shownZxid} ${content}`;
    }
    case "event":
      return `event ${eventName(item.type)} ${item.path} state ${item.state} zxid ${item.zxid}`;
    default:
      return JSON.stringify(item);
  }
}
