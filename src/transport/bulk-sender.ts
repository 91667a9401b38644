import { assert } from "../core/base/assert.ts";
import { frameKind } from "./frame-kind.ts";
import type { FrameSocket, FrameSocketOwner } from "./frame-socket.ts";
import type { BulkSender } from "./peer-transport.ts";
import { decodeReason } from "./refusal.ts";
import type { TokenBucket } from "./token-bucket.ts";
import { TransportError } from "./transport-error.ts";
import { BULK_CHUNK_BYTES_MAX } from "./transport-limits.ts";

const NO_PAYLOAD = new Uint8Array(0);

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: TransportError) => void;
}

/** Sends chunks on a bulk connection whose handshake is over: at most one is under way. */
export class BulkSenderEnd implements BulkSender, FrameSocketOwner {
  readonly peerId: number;
  private readonly frames: FrameSocket;
  private readonly bucket: TokenBucket;
  private readonly idleMs: number;
  private readonly onGone: (end: BulkSenderEnd) => void;
  private state: "offered" | "open" | "ending" | "done" = "offered";
  private waiter: Waiter | undefined;
  private failure: TransportError | undefined;
  private idleTimer: NodeJS.Timeout | undefined;
  private rateTimer: NodeJS.Timeout | undefined;

  constructor(
    peerId: number,
    frames: FrameSocket,
    bucket: TokenBucket,
    idleMs: number,
    onGone: (end: BulkSenderEnd) => void,
  ) {
    this.peerId = peerId;
    this.frames = frames;
    this.bucket = bucket;
    this.idleMs = idleMs;
    this.onGone = onGone;
    frames.owner = this;
  }

  /** Resolves when the receiver accepted. */
  whenAccepted(): Promise<void> {
    return this.wait("the receiver neither accepted nor refused");
  }

  write(chunk: Uint8Array): Promise<void> {
    assert(chunk.length <= BULK_CHUNK_BYTES_MAX, "a chunk beyond BULK_CHUNK_BYTES_MAX");
    if (this.failure !== undefined) return Promise.reject(this.failure);
    assert(this.state === "open", "a chunk written to a bulk connection that is not open");
    const written = this.wait("the receiver takes nothing");
    this.frames.add(frameKind.CHUNK, chunk);
    this.frames.flush();
    const pauseMs = this.bucket.take(chunk.length, performance.now());
    if (pauseMs > 0) this.rateTimer = setTimeout(() => this.afterPause(), pauseMs);
    else this.afterPause();
    return written;
  }

  end(): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    assert(this.state === "open", "the end of a bulk connection that is not open");
    this.state = "ending";
    const confirmed = this.wait("the receiver did not confirm the end");
    this.frames.add(frameKind.END, NO_PAYLOAD);
    this.frames.flush();
    return confirmed;
  }

  abort(why: string): void {
    if (this.state === "done") return;
    // The receiver waits for nothing before these words: what is queued before them is one chunk at most.
    this.frames.closeWith(frameKind.ABORT, why);
    this.finish(new TransportError("aborted", `the transfer to member ${this.peerId} was given up: ${why}`));
  }

  onFrame(kind: number, payload: Uint8Array): void {
    const who = `member ${this.peerId}`;
    if (kind === frameKind.ACCEPT && this.state === "offered") {
      this.state = "open";
      this.settle();
      return;
    }
    if (kind === frameKind.CONFIRM && this.state === "ending") {
      this.frames.close();
      this.finish(undefined);
      return;
    }
    this.frames.close();
    if (kind === frameKind.REFUSE) {
      this.finish(new TransportError("refused", `${who} refused the transfer: ${decodeReason(payload)}`));
      return;
    }
    if (kind === frameKind.ABORT) {
      this.finish(new TransportError("aborted", `${who} gave up the transfer: ${decodeReason(payload)}`));
      return;
    }
    this.finish(new TransportError("lost", `${who} sent a frame of kind ${kind} on a bulk connection`));
  }

  onClosed(why: string): void {
    this.finish(new TransportError("lost", `the bulk connection to member ${this.peerId} was lost: ${why}`));
  }

  private afterPause(): void {
    this.rateTimer = undefined;
    const { socket } = this.frames;
    if (this.state === "done") return;
    if (socket.writableNeedDrain) socket.once("drain", () => this.settle());
    else this.settle();
  }

  private wait(whatIfIdle: string): Promise<void> {
    assert(this.waiter === undefined, "one call at a time on a bulk connection");
    this.idleTimer = setTimeout(() => {
      const text = `member ${this.peerId}: ${whatIfIdle} for ${this.idleMs} ms`;
      this.frames.close();
      this.finish(new TransportError("idle", text));
    }, this.idleMs);
    return new Promise((resolve, reject) => {
      this.waiter = { resolve, reject };
    });
  }

  private settle(): void {
    clearTimeout(this.idleTimer);
    const { waiter } = this;
    this.waiter = undefined;
    waiter?.resolve();
  }

  private finish(failure: TransportError | undefined): void {
    this.state = "done";
    this.failure = failure ?? new TransportError("aborted", "the transfer has ended already");
    clearTimeout(this.rateTimer);
    clearTimeout(this.idleTimer);
    const { waiter } = this;
    this.waiter = undefined;
    if (failure === undefined) waiter?.resolve();
    else waiter?.reject(failure);
    this.onGone(this);
  }
}
