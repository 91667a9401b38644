import { countLine, countLines, LONG_RUN_SEEDS, shortfalls } from "./coverage.ts";
import { faultKinds, uncertainKinds } from "./ensemble/fault-plan.ts";

type Counts = Iterable<readonly [what: string, many: number]>;

/** What comes of those that are not sure to strike: counted when it happens. */
const HAPPENED = ["power lost at a call", "disks lost", "data put aside", "members diverged"];
const FAULTS: ReadonlySet<string> = new Set([...faultKinds.filter((kind) => !uncertainKinds.has(kind)), ...HAPPENED]);

interface Spread {
  lowest: number;
  /** The first seed that has so few. */
  seed: number;
  sum: number;
}

/** What many seeds have come to: their counts, and how much each of them has put to the test. */
export class Tally {
  seeds = 0;
  /** Answers that were compared with the model's, each once. */
  readonly operations: Spread = { lowest: Number.POSITIVE_INFINITY, seed: 0, sum: 0 };
  /** Faults that have struck. */
  readonly faults: Spread = { lowest: Number.POSITIVE_INFINITY, seed: 0, sum: 0 };
  private readonly totals = new Map<string, number>();

  add(seed: number, counts: Counts): void {
    this.seeds++;
    const byName = new Map(counts);
    for (const [what, many] of byName) this.totals.set(what, (this.totals.get(what) ?? 0) + many);
    const of = (what: string): number => byName.get(what) ?? 0;
    note(this.operations, seed, of("answers OK") + of("answers with an error") - of("repeats answered"));
    const faults = [...FAULTS].map(of).reduce((sum, many) => sum + many, 0);
    note(this.faults, seed, faults);
  }

  /** What an ensemble has to have met in a run of so many seeds, and has not. */
  missing(isEnsemble: boolean): string[] {
    return isEnsemble && this.seeds >= LONG_RUN_SEEDS ? shortfalls(this.totals) : [];
  }

  lines(isEnsemble: boolean): string[] {
    const counts = isEnsemble ? countLines(this.totals) : [...this.totals].sort().map((each) => countLine(...each));
    return [...counts, this.spreadLine("operations", this.operations), this.spreadLine("faults", this.faults)];
  }

  private spreadLine(what: string, { lowest, seed, sum }: Spread): string {
    return `${what} per seed: ${lowest} at least (seed ${seed}), ${Math.round(sum / this.seeds)} on average`;
  }
}

function note(spread: Spread, seed: number, many: number): void {
  spread.sum += many;
  // Seeds come in no particular order.
  if (many > spread.lowest || (many === spread.lowest && seed > spread.seed)) return;
  spread.lowest = many;
  spread.seed = seed;
}
