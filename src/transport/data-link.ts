import { bytesEqual, FormatError } from "../core/base/bytes.ts";
import { AsideLedger } from "./aside-ledger.ts";
import { frameKind } from "./frame-kind.ts";
import type { FrameSocket, FrameSocketOwner } from "./frame-socket.ts";
import type { Hello } from "./hello.ts";
import { type AnnouncedIdentity, decodeIdentity } from "./identity-codec.ts";
import type { PeerInfo } from "./peer-transport.ts";
import { decodeReason, decodeRefusal } from "./refusal.ts";
import { ASIDE_BYTES_MAX, ASIDE_QUEUE_SHARE, FRAME_BYTES_MAX } from "./transport-limits.ts";

export interface DataLinkHost {
  onMessage(link: DataLink, payload: Uint8Array): void;
  onAside(link: DataLink, payload: Uint8Array): void;
  onHeard(link: DataLink): void;
  onIdentity(link: DataLink): void;
  onLost(link: DataLink, why: string, brokeRule: boolean): void;
}

/** The one link to a peer that messages take. */
export class DataLink implements FrameSocketOwner {
  readonly hello: Hello;
  readonly frames: FrameSocket;
  /** Frames were queued and not yet flushed. */
  isDirty = false;
  /** When it came up, by the monotonic clock, ms. */
  readonly since = performance.now();
  private readonly host: DataLinkHost;
  private readonly queueBytesMax: number;
  private readonly asides = new AsideLedger();
  private announced: AnnouncedIdentity;

  constructor(frames: FrameSocket, hello: Hello, host: DataLinkHost, queueBytesMax: number) {
    this.frames = frames;
    this.hello = hello;
    this.host = host;
    this.queueBytesMax = queueBytesMax;
    this.announced = hello;
    frames.owner = this;
    frames.parser.payloadBytesMax = FRAME_BYTES_MAX;
  }

  get peerId(): number {
    return this.hello.senderId;
  }

  get remote(): string {
    return this.frames.remote;
  }

  get info(): PeerInfo {
    const { senderId: id, incarnation, address } = this.hello;
    return { id, incarnation, address, ensembleId: this.announced.ensembleId, about: this.announced.about };
  }

  /** Queues a frame; returns why the link has to go if the peer has fallen too far behind. */
  queue(kind: number, payload: Uint8Array): string | undefined {
    const queued = this.frames.queuedBytes;
    if (queued + payload.length > this.queueBytesMax) {
      return `slow peer: ${queued} bytes are queued and it does not take them; the bound is ${this.queueBytesMax}`;
    }
    this.frames.add(kind, payload);
    return undefined;
  }

  /** Queues an aside, if there is room for it. */
  queueAside(payload: Uint8Array): boolean {
    const { frames } = this;
    const queued = frames.queuedBytes;
    const waiting = this.asides.waitingBytes(frames.addedBytes - queued);
    if (waiting + payload.length > ASIDE_BYTES_MAX) return false;
    if (queued + payload.length > this.queueBytesMax * ASIDE_QUEUE_SHARE) return false;
    frames.add(frameKind.ASIDE, payload);
    this.asides.added(frames.addedBytes, payload.length);
    return true;
  }

  onBytes(): void {
    this.host.onHeard(this);
  }

  onFrame(kind: number, payload: Uint8Array): void {
    if (kind === frameKind.MESSAGE) {
      this.host.onMessage(this, payload);
      return;
    }
    if (kind === frameKind.ASIDE) {
      this.host.onAside(this, payload);
      return;
    }
    if (kind === frameKind.GOODBYE) {
      this.end(`dropped by the other side: ${decodeReason(payload)}`, false);
      return;
    }
    if (kind === frameKind.REFUSE) {
      // The listener changed its mind at our READY: another connection came up meanwhile.
      this.end(`refused: ${decodeRefusal(payload).text}`, false);
      return;
    }
    if (kind !== frameKind.IDENTITY) {
      this.end(`kind: a frame of kind ${kind} on a link for messages`, true);
      return;
    }
    try {
      const before = this.announced;
      this.announced = decodeIdentity(payload);
      const { ensembleId, about } = this.announced;
      if (ensembleId === before.ensembleId && bytesEqual(about, before.about)) return;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.end(`identity: ${error.message}`, true);
      return;
    }
    this.host.onIdentity(this);
  }

  onClosed(why: string, brokeRule: boolean): void {
    this.host.onLost(this, why, brokeRule);
  }

  private end(why: string, brokeRule: boolean): void {
    this.frames.close();
    this.host.onLost(this, why, brokeRule);
  }
}
