import type { Socket } from "node:net";
import { encodeUtf8 } from "../core/base/bytes.ts";
import { FrameParser } from "./frame-codec.ts";
import { FrameWriter } from "./frame-writer.ts";
import { describeSocketError } from "./transport-error.ts";
import { HELLO_BYTES_MAX, LINGER_MS } from "./transport-limits.ts";

/** Who a connection's frames are for: first its handshake, then its link or bulk end. */
export interface FrameSocketOwner {
  onFrame(kind: number, payload: Uint8Array): void;
  /** Bytes of any kind came. */
  onBytes?(): void;
  /** Once, unless the owner closed it itself. `brokeRule`: the bytes were not what the protocol allows. */
  onClosed(why: string, brokeRule: boolean): void;
}

/** One connection as frames both ways. After it is closed, from either side, every call is without effect. */
export class FrameSocket {
  owner: FrameSocketOwner | undefined;
  readonly socket: Socket;
  readonly parser: FrameParser;
  /** The other side's IP address; the socket forgets it when it closes. */
  readonly remote: string;
  private readonly writer: FrameWriter;
  private closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    this.remote = socket.remoteAddress ?? "an unknown address";
    this.parser = new FrameParser({ onFrame: (kind, payload) => this.owner?.onFrame(kind, payload) }, HELLO_BYTES_MAX);
    this.writer = new FrameWriter(socket);
    socket.on("data", (chunk: Buffer) => this.onData(chunk));
    socket.on("error", (error) => this.fail(describeSocketError(error)));
    socket.on("end", () => this.fail(this.parser.isBetweenFrames ? "closed by the other side" : "cut off in a frame"));
    socket.on("close", () => this.fail("closed"));
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Bytes added and not yet taken by the system. */
  get queuedBytes(): number {
    return this.closed ? 0 : this.writer.waitingBytes + this.socket.writableLength;
  }

  /** Bytes added ever. */
  get addedBytes(): number {
    return this.writer.addedBytes;
  }

  /** Queues a frame; {@link flush} writes it. */
  add(kind: number, payload: Uint8Array): void {
    if (!this.closed) this.writer.add(kind, payload);
  }

  flush(): void {
    if (!this.closed) this.writer.flush();
  }

  /** Closes at once, without a word to the other side. The owner is not told. */
  close(): void {
    if (this.closed) return;
    this.silence();
    this.socket.destroy();
  }

  /**
   * Closes with last words: what is queued and this frame are still written, and the other side has a bounded time to
   * read them. What it says meanwhile is read and dropped: unread bytes would turn the end into a reset, which
   * overtakes the words. The owner is not told.
   */
  closeWith(kind: number, text: string | Uint8Array): void {
    if (this.closed) return;
    this.writer.add(kind, typeof text === "string" ? encodeUtf8(text) : text);
    this.writer.flush();
    this.silence();
    const timer = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.socket.on("close", () => clearTimeout(timer));
    this.socket.resume();
    this.socket.end();
  }

  /** Closes and tells the owner: the connection is lost or of no use, or the other side broke a rule. */
  fail(why: string, brokeRule = false): void {
    if (this.closed) return;
    const { owner } = this;
    this.close();
    owner?.onClosed(why, brokeRule);
  }

  private silence(): void {
    this.closed = true;
    this.owner = undefined;
    this.parser.stop();
  }

  private onData(chunk: Buffer): void {
    if (this.closed) return;
    this.owner?.onBytes?.();
    const fault = this.parser.push(chunk);
    if (fault !== undefined) this.fail(fault, true);
  }
}
