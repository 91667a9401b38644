import type { CliIo } from "./io.ts";

/** Counts shown on standard error while a person watches; silent otherwise. */
export class Progress {
  readonly #io: CliIo;
  readonly #what: string;
  #count = 0;
  #shownAt = 0;

  constructor(io: CliIo, what: string) {
    this.#io = io;
    this.#what = what;
  }

  add(count: number): void {
    this.#count += count;
    // A few times a second is enough, and asking the clock for each znode is cheap beside the rest.
    if (!this.#io.stderrIsTerminal || performance.now() - this.#shownAt < 200) return;
    this.#shownAt = performance.now();
    this.#io.stderr.write(`\r${this.#what} ${this.#count} znodes`);
  }

  /** Clears the line and leaves a closing one. */
  finish(closing: string): void {
    if (this.#io.stderrIsTerminal) this.#io.stderr.write(`\r\u001b[K${closing}\n`);
  }
}
