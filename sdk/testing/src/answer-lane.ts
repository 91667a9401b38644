import type { Socket } from "node:net";

/** True: answers are held back; asked again every {@link HELD_LOOK_MS} until it says false. */
export type Held = () => boolean;

/** How long after the server sent it a client gets it, ms; or while what answers are held back. */
export type Delay = number | Held;

/** A predicate is asked this often, ms. */
const HELD_LOOK_MS = 10;
/** Of one connection, held back here; what is more stays with the server, bytes. */
const HELD_BYTES_MAX = 1024 * 1024;

interface Parcel {
  readonly bytes: Uint8Array;
  /** When it may go, by the monotonic clock; not asked of what a predicate holds back. */
  readonly dueMs: number;
}

/** What a server sends over one connection, in order, as late as the delay of the moment says. */
export class AnswerLane {
  private readonly server: Socket;
  private readonly client: Socket;
  private readonly delay: () => Delay;
  private parcels: Parcel[] = [];
  private heldBytes = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(server: Socket, client: Socket, delay: () => Delay) {
    this.server = server;
    this.client = client;
    this.delay = delay;
    server.on("data", (bytes: Uint8Array) => this.take(bytes));
    client.on("drain", () => this.deliver());
  }

  /** The delay is another one: what is held back may be due. */
  delayChanged(): void {
    this.deliver();
  }

  close(): void {
    clearTimeout(this.timer);
    this.parcels = [];
  }

  private take(bytes: Uint8Array): void {
    const delay = this.delay();
    this.parcels.push({ bytes, dueMs: typeof delay === "number" ? performance.now() + delay : 0 });
    this.heldBytes += bytes.length;
    this.deliver();
  }

  /** Sends what is due, and looks again when the next may be. */
  private deliver(): void {
    clearTimeout(this.timer);
    for (let next = this.parcels[0]; next !== undefined && !this.client.writableNeedDrain; next = this.parcels[0]) {
      const waitMs = this.waitFor(next);
      if (waitMs > 0) {
        this.timer = setTimeout(() => this.deliver(), waitMs);
        this.timer.unref();
        break;
      }
      this.parcels.shift();
      this.heldBytes -= next.bytes.length;
      this.client.write(next.bytes);
    }
    if (this.heldBytes >= HELD_BYTES_MAX || this.client.writableNeedDrain) this.server.pause();
    else this.server.resume();
  }

  private waitFor({ dueMs }: Parcel): number {
    const delay = this.delay();
    if (typeof delay === "function") return delay() ? HELD_LOOK_MS : 0;
    return delay === 0 ? 0 : dueMs - performance.now();
  }
}
