import type { WorldOptions } from "./ensemble/ensemble-world.ts";
import { runWorld } from "./world-run.ts";

/** What one seed has come to, between processes. */
export interface SeedReport {
  readonly seed: number;
  readonly isBroken: boolean;
  readonly counts: readonly (readonly [what: string, many: number])[];
}

export function playSeed(options: WorldOptions): SeedReport {
  const { violation, counts } = runWorld(options);
  return { seed: options.seed, isBroken: violation !== undefined, counts: [...counts] };
}
