import type { MusterClient } from "@muster/client";
import { CounterWriter } from "./counter-writer.ts";

const WRITERS = 4;
const OUTSTANDING = 8;
const BYTES = 8192;

/** Sets on a few counters, many under way, until the client is closed or a set is refused. */
export class CounterLoad {
  /** Bytes of one value. */
  readonly bytes = BYTES;
  /** Settles when no set is under way any more. */
  readonly ended: Promise<unknown>;
  /** Why the first set was refused, once one was. */
  refusal: unknown;
  private readonly counters: readonly CounterWriter[];
  private readonly waiting: { readonly sets: number; readonly resolve: () => void }[] = [];

  private constructor(counters: readonly CounterWriter[]) {
    this.counters = counters;
    const loops = counters.flatMap((counter) => Array.from({ length: OUTSTANDING }, () => this.write(counter)));
    this.ended = Promise.all(loops);
  }

  static async start(client: MusterClient): Promise<CounterLoad> {
    const counters = Array.from({ length: WRITERS }, (_, i) => new CounterWriter(client, `/counter-${i}`, BYTES));
    for (const counter of counters) await counter.create();
    return new CounterLoad(counters);
  }

  get paths(): string[] {
    return this.counters.map((counter) => counter.path);
  }

  get sets(): number {
    return this.counters.reduce((sum, counter) => sum + counter.acknowledged, 0);
  }

  /** Resolves when so many sets have been acknowledged, or when a set is refused before. */
  acknowledged(sets: number): Promise<void> {
    if (this.sets >= sets || this.refusal !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ sets, resolve }));
  }

  /** To be called when the load has ended. */
  async check(observer: MusterClient): Promise<void> {
    for (const counter of this.counters) await counter.check(observer, counter.acknowledged);
  }

  private async write(counter: CounterWriter): Promise<void> {
    while (this.refusal === undefined) {
      try {
        await counter.set();
      } catch (error) {
        this.refusal ??= error;
      }
      this.tell();
    }
  }

  private tell(): void {
    const { sets } = this;
    for (let i = this.waiting.length - 1; i >= 0; i--) {
      const each = this.waiting[i];
      if (each === undefined || (sets < each.sets && this.refusal === undefined)) continue;
      this.waiting.splice(i, 1);
      each.resolve();
    }
  }
}
