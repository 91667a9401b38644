import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { WayFault } from "./faulty-links.ts";

/** Bytes on their way at most; then the sender is not read any more. */
const ON_THE_WAY_BYTES_MAX = 1024 * 1024;

interface Piece {
  readonly bytes: Buffer;
  readonly dueAt: number;
}

/**
 * One direction of a connection: takes the bytes of one socket and gives them to the other, late, slowly or not at
 * all. The end of either side is the end of both, once what is on the way has arrived; a side that is not read reports
 * no end, as half-open connections do not.
 */
export class FaultyWay {
  /** `from>to`. */
  readonly name: string;
  fault: WayFault = {};
  private readonly from: Socket;
  private readonly to: Socket;
  private readonly random: () => number;
  private pieces: Piece[] = [];
  private bytes = 0;
  /** When the last piece taken is due: nothing overtakes it. */
  private lastDueAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(from: Socket, to: Socket, name: string, random: () => number) {
    this.from = from;
    this.to = to;
    this.name = name;
    this.random = random;
    from.on("data", (bytes) => this.take([bytes]));
    from.on("close", () => {
      this.ended = true;
      this.deliver();
    });
    to.on("drain", () => this.deliver());
  }

  /** What was read already. */
  take(pieces: readonly Buffer[]): void {
    const { delayMs = 0, jitterMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY } = this.fault;
    for (const bytes of pieces) {
      const now = performance.now();
      const late = now + delayMs + this.random() * jitterMs;
      const slow = Math.max(this.lastDueAt, now) + (bytes.length / bytesPerSecond) * 1_000;
      this.lastDueAt = Math.max(late, slow);
      this.pieces.push({ bytes, dueAt: this.lastDueAt });
      this.bytes += bytes.length;
    }
    this.deliver();
  }

  steer(fault: WayFault): void {
    this.fault = fault;
    this.deliver();
  }

  private deliver(): void {
    clearTimeout(this.timer);
    if (this.to.destroyed) return;
    const isStalled = this.fault.stalled === true;
    while (!isStalled && this.pieces.length > 0 && !this.to.writableNeedDrain) {
      const next = this.pieces[0] as Piece;
      const inMs = next.dueAt - performance.now();
      if (inMs > 0) {
        this.timer = setTimeout(() => this.deliver(), inMs);
        break;
      }
      this.pieces.shift();
      this.bytes -= next.bytes.length;
      this.to.write(next.bytes);
    }
    if (this.ended) {
      if (this.pieces.length === 0) this.to.destroySoon();
    } else if (isStalled || this.bytes > ON_THE_WAY_BYTES_MAX) this.from.pause();
    else this.from.resume();
  }
}
