import type { BenchDefaults } from "../harness/bench-options.ts";
import type { BenchRun } from "../harness/bench-run.ts";

/** One line of a report: a figure, what was asked of it, and whether it was reached where that can be said. */
export interface Finding {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the project asks for on the reference machine (2 cores); none where a figure only explains another. */
  readonly asked?: { readonly atLeast: number } | { readonly atMost: number };
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

const MIB = 1024 * 1024;

export function mebibytes(bytes: number): number {
  return bytes / MIB;
}
