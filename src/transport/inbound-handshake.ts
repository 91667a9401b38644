import { FormatError } from "../core/base/bytes.ts";
import { frameKind } from "./frame-kind.ts";
import type { FrameSocket, FrameSocketOwner } from "./frame-socket.ts";
import { decodeHello, type Hello } from "./hello.ts";
import { decodeRefusal, encodeRefusal, type Refusal } from "./refusal.ts";

/** Who decides about connections taken in. */
export interface InboundGate {
  /** The other side introduced itself: answer or refuse, now or a little later. */
  onHello(handshake: InboundHandshake, hello: Hello): void;
  /** It agreed to our answer: the connection is up, and `handshake.frames` is the gate's. */
  onReady(handshake: InboundHandshake, hello: Hello): void;
  /** It came to nothing, by the other side's fault or wish; `why` only if it is worth telling. */
  onEnded(handshake: InboundHandshake, hello: Hello | undefined, why: string | undefined): void;
}

/** A connection taken in, until it is a link, a bulk connection, or nothing. */
export class InboundHandshake implements FrameSocketOwner {
  readonly frames: FrameSocket;
  private readonly gate: InboundGate;
  private readonly timer: NodeJS.Timeout;
  private hello: Hello | undefined;
  private answered = false;
  private heard = false;

  constructor(frames: FrameSocket, gate: InboundGate, handshakeMs: number) {
    this.frames = frames;
    this.gate = gate;
    frames.owner = this;
    this.timer = setTimeout(() => this.abandon(`no handshake within ${handshakeMs} ms`), handshakeMs);
  }

  get remote(): string {
    return this.frames.remote;
  }

  get isClosed(): boolean {
    return this.frames.isClosed;
  }

  /** Agrees: `ownHello` goes back. */
  answer(ownHello: Uint8Array): void {
    if (this.isClosed || this.answered) return;
    this.answered = true;
    this.frames.add(frameKind.HELLO, ownHello);
    this.frames.flush();
  }

  /** Ends it; the other side reads why. The gate is not told. */
  refuse(refusal: Refusal): void {
    clearTimeout(this.timer);
    this.frames.closeWith(frameKind.REFUSE, encodeRefusal(refusal));
  }

  /** Ends it without a word. The gate is not told. */
  close(): void {
    clearTimeout(this.timer);
    this.frames.close();
  }

  onBytes(): void {
    this.heard = true;
  }

  onFrame(kind: number, payload: Uint8Array): void {
    if (kind === frameKind.REFUSE) {
      this.abandon(decodeRefusal(payload).text);
      return;
    }
    if (kind === frameKind.HELLO && this.hello === undefined) {
      this.takeHello(payload);
      return;
    }
    if (kind !== frameKind.READY || this.hello === undefined || !this.answered) {
      const text = `a frame of kind ${kind} in the handshake`;
      this.refuse({ rule: "malformed", text });
      this.gate.onEnded(this, this.hello, text);
      return;
    }
    clearTimeout(this.timer);
    this.gate.onReady(this, this.hello);
  }

  onClosed(why: string, brokeRule: boolean): void {
    clearTimeout(this.timer);
    // A probe that says nothing, and a member that thought better of it, are nothing to talk about.
    const isTold = brokeRule || (this.heard && this.hello === undefined);
    this.gate.onEnded(this, this.hello, isTold ? why : undefined);
  }

  private abandon(why: string): void {
    this.close();
    this.gate.onEnded(this, this.hello, why);
  }

  private takeHello(payload: Uint8Array): void {
    try {
      this.hello = decodeHello(payload);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      const text = `the handshake cannot be read: ${error.message}`;
      this.refuse({ rule: "malformed", text });
      this.gate.onEnded(this, undefined, text);
      return;
    }
    this.gate.onHello(this, this.hello);
  }
}
