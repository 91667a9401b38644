import type { ByteWriter } from "../base/bytes.ts";
import type { Answer } from "../tree/answer.ts";
import type { OpenSessionFields } from "../tree/command.ts";
import type { ReadOperation, WatchMode, WriteOperation } from "../tree/operation.ts";
import type { ReadIssuer } from "../tree/reader.ts";
import type { Tree } from "../tree/tree.ts";
import type { WatchHub } from "../tree/watch-hub.ts";
import type { Barrier } from "./barriers.ts";

export interface WatchAsked {
  readonly watchId: number;
  readonly path: string;
  readonly mode: WatchMode;
  readonly afterZxid: number;
}

/** What a connection, of type `C`, needs of the member it belongs to. Codes are OK or those of `errors`. */
export interface ConnectionHost<C> {
  readonly id: number;
  readonly tree: Tree;
  readonly hub: WatchHub;
  /** Why a write is not taken now. */
  admit(operation: WriteOperation): number;
  /** Begins a command of the connection; {@link endCommand} follows, with nothing in between. */
  beginCommand(): ByteWriter;
  /** Takes the command encoded since; its size in bytes, or minus a code. */
  endCommand(connection: C, number: number): number;
  openSession(connection: C, fields: OpenSessionFields): void;
  moveSession(connection: C, sessionId: number, secretHash: Uint8Array): void;
  /** False while there is no leader that would take a command. */
  readonly isLed: boolean;
  /** The connection's client was heard. */
  touch(connection: C): void;
  /** Asks the leader to acknowledge that the session lives, and will for its whole time-out from now. */
  keepAlive(connection: C, token: number): void;
  read(issuer: ReadIssuer, operation: ReadOperation, answer: Answer): void;
  watch(connection: C, request: WatchAsked): number;
  /** The barrier of a request that begins now: known at once, or later. */
  barrier(): Barrier;
  /** Until when, in monotonic ms, a barrier that begins now waits. */
  barrierDeadline(): number;
  /** Calls the connection's `advance` when the tree has moved, `expireBarrier` as time passes. */
  awaitZxid(connection: C): void;
  /** Tells the connection's listener of the turn's end. */
  markTouched(connection: C): void;
  forget(connection: C): void;
}
