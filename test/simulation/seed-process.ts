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

// Begun by `seed-processes.ts`: plays what it is told to, one seed after the other, until it is not needed any more.
process.on("message", (options: WorldOptions) => process.send?.(playSeed(options)));
