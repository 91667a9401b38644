import { assert } from "../core/base/assert.ts";
import { frameKind } from "./frame-kind.ts";
import type { FrameSocket, FrameSocketOwner } from "./frame-socket.ts";
import type { BulkReceiver } from "./peer-transport.ts";
import { decodeReason } from "./refusal.ts";
import { TransportError } from "./transport-error.ts";
import { BULK_CHUNK_BYTES_MAX } from "./transport-limits.ts";

const NO_PAYLOAD = new Uint8Array(0);

interface Waiter {
  readonly resolve: (result: IteratorResult<Uint8Array, undefined>) => void;
  readonly reject: (error: TransportError) => void;
}

/** Hands out the chunks of a bulk connection; the socket is read only while somebody waits for one. */
export class BulkReceiverEnd implements BulkReceiver, FrameSocketOwner, AsyncIterator<Uint8Array, undefined> {
  readonly peerId: number;
  private readonly frames: FrameSocket;
  private readonly idleMs: number;
  private readonly onGone: (end: BulkReceiverEnd) => void;
  private state: "offered" | "open" | "done" = "offered";
  private readonly chunks: Uint8Array[] = [];
  private isComplete = false;
  private waiter: Waiter | undefined;
  private failure: TransportError | undefined;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(peerId: number, frames: FrameSocket, idleMs: number, onGone: (end: BulkReceiverEnd) => void) {
    this.peerId = peerId;
    this.frames = frames;
    this.idleMs = idleMs;
    this.onGone = onGone;
    frames.owner = this;
    frames.parser.payloadBytesMax = BULK_CHUNK_BYTES_MAX;
    frames.parser.copies = true;
    this.limit("nobody accepted or refused it");
  }

  accept(): void {
    if (this.state !== "offered") return;
    this.state = "open";
    this.frames.add(frameKind.ACCEPT, NO_PAYLOAD);
    this.frames.flush();
    this.limit("no chunk came");
  }

  refuse(reason: string): void {
    if (this.state !== "offered") return;
    this.frames.closeWith(frameKind.REFUSE, reason);
    this.finish(new TransportError("refused", `the transfer from member ${this.peerId} was refused: ${reason}`));
  }

  /** Gives up: the sender reads why, the iteration throws. */
  abort(why: string): void {
    this.giveUp("aborted", why);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    assert(this.waiter === undefined, "one reader of a bulk connection");
    const chunk = this.chunks.shift();
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (chunk !== undefined) return Promise.resolve({ done: false, value: chunk });
    if (this.isComplete) {
      this.confirm();
      return Promise.resolve({ done: true, value: undefined });
    }
    assert(this.state === "open", "a bulk connection is read once it was accepted, and to its end");
    this.frames.socket.resume();
    this.limit("no chunk came");
    return new Promise((resolve, reject) => {
      this.waiter = { resolve, reject };
    });
  }

  /** The reader leaves its loop early. */
  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.abort("the receiver stopped reading");
    return Promise.resolve({ done: true, value: undefined });
  }

  onFrame(kind: number, payload: Uint8Array): void {
    const who = `member ${this.peerId}`;
    if (kind === frameKind.CHUNK && this.state === "open" && !this.isComplete) {
      this.take(payload);
      return;
    }
    if (kind === frameKind.END && this.state === "open" && !this.isComplete) {
      this.complete();
      return;
    }
    this.frames.close();
    if (kind === frameKind.ABORT) {
      this.finish(new TransportError("aborted", `${who} gave up the transfer: ${decodeReason(payload)}`));
      return;
    }
    this.finish(new TransportError("lost", `${who} sent a frame of kind ${kind} on a bulk connection`));
  }

  onClosed(why: string): void {
    this.finish(new TransportError("lost", `the bulk connection from member ${this.peerId} was lost: ${why}`));
  }

  private take(chunk: Uint8Array): void {
    clearTimeout(this.idleTimer);
    const { waiter } = this;
    this.waiter = undefined;
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value: chunk });
      return;
    }
    this.chunks.push(chunk);
    this.frames.socket.pause();
  }

  private complete(): void {
    clearTimeout(this.idleTimer);
    this.isComplete = true;
    const { waiter } = this;
    this.waiter = undefined;
    if (waiter === undefined) return;
    this.confirm();
    waiter.resolve({ done: true, value: undefined });
  }

  /** Every chunk is out, and whoever took the last one came back for more. */
  private confirm(): void {
    if (this.state === "done") return;
    this.frames.closeWith(frameKind.CONFIRM, NO_PAYLOAD);
    this.finish(undefined);
  }

  private giveUp(reason: "aborted" | "idle", why: string): void {
    if (this.state === "done") return;
    this.frames.closeWith(frameKind.ABORT, why);
    this.finish(new TransportError(reason, `the transfer from member ${this.peerId} was given up: ${why}`));
  }

  private limit(what: string): void {
    clearTimeout(this.idleTimer);
    this.idleTimer = setTimeout(() => this.giveUp("idle", `${what} for ${this.idleMs} ms`), this.idleMs);
  }

  private finish(failure: TransportError | undefined): void {
    this.state = "done";
    this.failure = failure;
    clearTimeout(this.idleTimer);
    const { waiter } = this;
    this.waiter = undefined;
    if (failure !== undefined) waiter?.reject(failure);
    this.onGone(this);
  }
}
