import type { EventType } from "./operation.ts";

/** One change of one znode, one object shared by everyone who watches it. */
export interface NodeEvent {
  readonly type: EventType;
  readonly path: string;
  readonly zxid: number;
  /** A door may keep its encoding here, so that an event is encoded once for all its subscribers. */
  encoded: Uint8Array | undefined;
}

export interface WatchEvent {
  /** The watch it is for, as the client named it. */
  readonly watchId: number;
  readonly event: NodeEvent;
}
