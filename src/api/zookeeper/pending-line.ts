import type { Answer } from "../../core/tree/answer.ts";

/** What is to be done with the answer to a request, beyond encoding it as its operation says. */
export interface PendingDetail {
  /** sync: the path to send back. */
  readonly path?: string;
  /** multi, multiRead: the op code of each part. */
  readonly types?: readonly number[];
  /** The watch the request registers, by its id at the port. */
  readonly watchId?: number;
  /** Changes the answer before it is encoded. */
  readonly adjust?: ((answer: Answer) => void) | undefined;
  /** Takes the answer in place of the usual reply. */
  readonly onAnswer?: (answer: Answer) => void;
  /** Answered by the door itself, when all before it has been. */
  readonly run?: () => void;
}

const CAPACITY_MIN = 16;

/**
 * The requests of one connection that have not been answered, in order: replies go out in exactly this order, whoever
 * answers. A ring of columns, because the hot path has no object per request.
 */
export class PendingLine {
  private xids = new Int32Array(CAPACITY_MIN);
  private operations = new Int32Array(CAPACITY_MIN);
  private times = new Float64Array(CAPACITY_MIN);
  private details: (PendingDetail | undefined)[] = new Array<undefined>(CAPACITY_MIN).fill(undefined);
  private head = 0;
  length = 0;

  push(xid: number, operation: number, now: number, detail: PendingDetail | undefined): void {
    if (this.length === this.xids.length) this.grow();
    const slot = (this.head + this.length) & (this.xids.length - 1);
    this.xids[slot] = xid;
    this.operations[slot] = operation;
    this.times[slot] = now;
    this.details[slot] = detail;
    this.length++;
  }

  get xid(): number {
    return this.xids[this.head] as number;
  }

  get operation(): number {
    return this.operations[this.head] as number;
  }

  /** When the oldest came. */
  get since(): number {
    return this.times[this.head] as number;
  }

  get detail(): PendingDetail | undefined {
    return this.details[this.head];
  }

  shift(): void {
    this.details[this.head] = undefined;
    this.head = (this.head + 1) & (this.xids.length - 1);
    this.length--;
  }

  private grow(): void {
    const old = this.xids.length;
    const moved = <T extends { [slot: number]: unknown }>(from: T, to: T): T => {
      for (let i = 0; i < old; i++) to[i] = from[(this.head + i) & (old - 1)];
      return to;
    };
    this.xids = moved(this.xids, new Int32Array(old * 2));
    this.operations = moved(this.operations, new Int32Array(old * 2));
    this.times = moved(this.times, new Float64Array(old * 2));
    this.details = moved(this.details, new Array<PendingDetail | undefined>(old * 2).fill(undefined));
    this.head = 0;
  }
}
