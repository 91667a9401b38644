import type { Difference } from "./compare.ts";
import type { ExpectedDifference } from "./expected-difference.ts";
import { playSeed, type SeedOptions, type SeedReport } from "./play-seed.ts";
import { errorName } from "./protocol.ts";
import { signature } from "./shrink.ts";

/** Operations of one seed: enough to fill the tree, few enough to shrink. */
export const OPERATIONS_PER_SEED = 1_000;

/** What many seeds came to. */
export class RunReport {
  operations = 0;
  seeds = 0;
  /** The first of each kind, with the seed that has it. */
  readonly found = new Map<string, Found>();
  private readonly met = new Map<string, number>();
  private readonly outcomes = new Map<string, number>();

  /** Takes in what a seed came to; true if it shows a kind of difference that none before has shown. */
  add(seed: number, report: SeedReport): boolean {
    this.seeds++;
    this.operations += report.operations;
    for (const [name, count] of report.met) this.met.set(name, (this.met.get(name) ?? 0) + count);
    for (const [name, count] of report.outcomes) this.outcomes.set(name, (this.outcomes.get(name) ?? 0) + count);
    let isNew = false;
    for (const difference of report.differences) {
      const kind = signature(difference);
      const known = this.found.get(kind);
      if (known === undefined) {
        isNew = true;
        this.found.set(kind, { seed, difference, report, times: 1 });
      } else known.times++;
    }
    return isNew;
  }

  /** How often each kind of request was answered how. */
  outcomeLines(): string[] {
    const byRequest = new Map<string, string[]>();
    for (const [key, count] of [...this.outcomes].sort(([one], [other]) => (one < other ? -1 : 1))) {
      const [op = "", error = ""] = key.split(" ");
      byRequest.set(op, [...(byRequest.get(op) ?? []), `${errorName(Number(error))} ${count}`]);
    }
    return [...byRequest].map(([op, parts]) => `${op}: ${parts.join(", ")}`);
  }

  /** How often each difference was met that is expected. */
  expectedLines(expected: readonly ExpectedDifference[]): string[] {
    return expected.map(({ name, reason }) => `${this.met.get(name) ?? 0} times: ${name} (${reason})`);
  }
}

export interface Found {
  readonly seed: number;
  readonly difference: Difference;
  readonly report: SeedReport;
  times: number;
}

/** Plays seeds from `options.seed` on until so many operations are done; `isEnough` is asked after each. */
export async function playSeeds(
  options: SeedOptions,
  isEnough: (seed: number, isNew: boolean, report: RunReport) => Promise<boolean> | boolean,
): Promise<RunReport> {
  const all = new RunReport();
  for (let seed = options.seed; all.operations < options.operations; seed++) {
    const operations = Math.min(OPERATIONS_PER_SEED, options.operations - all.operations);
    const isNew = all.add(seed, await playSeed({ ...options, seed, operations }));
    if (await isEnough(seed, isNew, all)) break;
  }
  return all;
}
