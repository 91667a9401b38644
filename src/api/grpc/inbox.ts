import type { DoorCounters } from "./door-counters.ts";
import { MESSAGE_OVERHEAD_BYTES, type SessionCall } from "./outbound-queue.ts";

/**
 * Messages of a stream that are held back, counted in bytes, and the tap they come through: while there are too many,
 * the stream is not read. A paused Readable would still read 16 messages ahead, of any size; so its own requests for
 * more are held instead.
 */
export class Inbox {
  private readonly counters: DoorCounters;
  private readonly bytesMax: number;
  private readonly startRead: (size: number) => void;
  private messages: Buffer[] = [];
  private bytes = 0;
  /** The stream asked for more while the inbox was full. */
  private readHeld = false;

  /** To be made before the stream is read from. */
  constructor(call: SessionCall, bytesMax: number, counters: DoorCounters) {
    this.counters = counters;
    this.bytesMax = bytesMax;
    this.startRead = call._read.bind(call);
    call._read = (size) => {
      if (this.full) this.readHeld = true;
      else this.startRead(size);
    };
  }

  get empty(): boolean {
    return this.messages.length === 0;
  }

  private get full(): boolean {
    return this.bytes >= this.bytesMax;
  }

  hold(message: Buffer): void {
    this.messages.push(message);
    this.account(message.length + MESSAGE_OVERHEAD_BYTES);
  }

  /** The oldest message, and reading goes on if that made room. */
  take(): Buffer | undefined {
    const message = this.messages.shift();
    if (message !== undefined) this.account(-message.length - MESSAGE_OVERHEAD_BYTES);
    if (this.readHeld && !this.full) {
      this.readHeld = false;
      this.startRead(1);
    }
    return message;
  }

  drop(): void {
    this.messages = [];
    this.account(-this.bytes);
  }

  private account(bytes: number): void {
    this.bytes += bytes;
    this.counters.readAheadBytes += bytes;
  }
}
