import type { Socket } from "node:net";
import { FrameReader } from "./frame-reader.ts";

const IPV4_MAPPED = "::ffff:";

/** Whose socket it is: says when there may be more, and takes it. */
export interface FrameSocketOwner {
  /** A further frame may be taken now. */
  mayRead(): boolean;
  /** Something has come, or may be read again. */
  beforeReading(): void;
  /** Takes one frame; false when none is complete. */
  readOne(frames: FrameReader): boolean;
  /** All that could be read has been. */
  afterReading(): void;
  /** Reading has thrown. */
  failThrown(error: unknown): void;
  /** The socket is closed. */
  onGone(): void;
}

/**
 * A client's socket, read frame by frame as fast as its owner takes them and no faster: what is held back stays in the
 * kernel, but for the chunk that is being read.
 */
export class FrameSocket {
  private readonly socket: Socket;
  private readonly owner: FrameSocketOwner;
  private readonly frames: FrameReader;
  private isEnded = false;
  private isPaused = false;
  private resumeQueued = false;
  private linger: NodeJS.Timeout | undefined;

  constructor(socket: Socket, frameBytesMax: number, owner: FrameSocketOwner) {
    this.socket = socket;
    this.owner = owner;
    this.frames = new FrameReader(frameBytesMax);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.onData(chunk));
    socket.on("drain", () => this.queueResume());
    // "close" follows, and is all that matters: the client is gone.
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(this.linger);
      owner.onGone();
    });
  }

  /** Handed over and not taken by the kernel. */
  get unsentBytes(): number {
    return this.socket.writableLength;
  }

  /** Something has come that has not been read. */
  get isHeldBack(): boolean {
    return this.isPaused || this.frames.heldBytes > 0;
  }

  /** True when the kernel has taken it all: the bytes are the caller's again. */
  write(bytes: Uint8Array | string): boolean {
    this.socket.write(bytes);
    return this.socket.writableLength === 0;
  }

  /** Nothing is read any more; the socket closes when what was written has left, after `lingerMs` at the latest. */
  end(lingerMs: number): void {
    this.isEnded = true;
    this.socket.end();
    // Whatever still comes is thrown away: unread, it would keep the client's own end from being seen.
    this.socket.resume();
    this.linger = setTimeout(() => this.socket.destroy(), lingerMs);
  }

  destroy(): void {
    this.isEnded = true;
    this.socket.destroy();
  }

  /** Calls back when nothing has come or gone for so long. */
  onSilence(ms: number, call: () => void): void {
    this.socket.setTimeout(ms, call);
  }

  /** Goes on with what is held back, in a turn of its own: the caller may be in the middle of a call back. */
  queueResume(): void {
    if (this.resumeQueued || this.isEnded || !this.owner.mayRead()) return;
    this.resumeQueued = true;
    setImmediate(() => {
      this.resumeQueued = false;
      this.readOn();
    });
  }

  private onData(chunk: Buffer): void {
    if (this.isEnded) return;
    this.frames.push(chunk);
    this.readOn();
  }

  private readOn(): void {
    if (this.isEnded) return;
    try {
      this.readAll();
    } catch (error) {
      this.owner.failThrown(error);
    }
  }

  private readAll(): void {
    this.owner.beforeReading();
    let isHeldBack = true;
    while (this.owner.mayRead()) {
      if (this.owner.readOne(this.frames)) continue;
      isHeldBack = false;
      break;
    }
    if (this.isEnded) return;
    this.frames.settle();
    this.owner.afterReading();
    this.pause(!this.owner.mayRead());
    // What the kernel takes at once leaves no "drain" to go on at.
    if (isHeldBack) this.queueResume();
  }

  private pause(isPaused: boolean): void {
    if (isPaused === this.isPaused || this.isEnded) return;
    this.isPaused = isPaused;
    if (isPaused) this.socket.pause();
    else this.socket.resume();
  }
}

/** The client's address; IPv4 as such, also where the socket is one of both families. */
export function addressOf({ remoteAddress = "" }: Socket): string {
  return remoteAddress.startsWith(IPV4_MAPPED) ? remoteAddress.slice(IPV4_MAPPED.length) : remoteAddress;
}
