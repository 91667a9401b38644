import type { BenchDefaults } from "../harness/bench-options.ts";
import type { BenchRun } from "../harness/bench-run.ts";

/** `exactly` is about correctness: a run that misses it fails. */
export type Asked = { readonly atLeast: number } | { readonly atMost: number } | { readonly exactly: number };

/** One line of a report: a figure, what was asked of it, and whether it was reached where that can be said. */
export interface Finding {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the project asks for on the reference machine (2 cores); none where a figure only explains another. */
  readonly asked?: Asked;
}

export interface WorkloadResult {
  readonly findings: readonly Finding[];
  /** Everything measured, for later comparison. */
  readonly details: unknown;
}

export interface Workload {
  readonly name: string;
  readonly about: string;
  readonly defaults: BenchDefaults;
  run(run: BenchRun): Promise<WorkloadResult>;
}

/** Whether what was asked was reached; undefined where nothing was asked, or nothing measured. */
export function isReached({ value, asked }: Finding): boolean | undefined {
  // What was not measured was neither reached nor missed.
  if (asked === undefined || Number.isNaN(value)) return undefined;
  if ("exactly" in asked) return value === asked.exactly;
  return "atLeast" in asked ? value >= asked.atLeast : value <= asked.atMost;
}

/** Whether it is wrong, not just slow. */
export function isBroken(finding: Finding): boolean {
  return finding.asked !== undefined && "exactly" in finding.asked && isReached(finding) !== true;
}

const MIB = 1024 * 1024;

export function mebibytes(bytes: number): number {
  return bytes / MIB;
}
