import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { WorldOptions } from "./ensemble/ensemble-world.ts";
import { playSeed, type SeedReport } from "./seed-report.ts";

const PROGRAM = fileURLToPath(new URL("seed-process.ts", import.meta.url));

export interface SeedRange {
  readonly first: number;
  readonly count: number;
  /** Processes that play at the same time. */
  readonly jobs: number;
}

/**
 * Plays all seeds of a range, or up to the lowest that breaks a rule: seeds are handed out in ascending order, and none
 * above a broken one, so that it does not depend on the number of processes which one that is.
 *
 * @param done called once for each seed played, in no particular order
 * @returns the lowest seed that breaks a rule
 */
export async function playSeeds(
  { first, count, jobs }: SeedRange,
  options: Omit<WorldOptions, "seed">,
  done: (report: SeedReport) => void,
): Promise<number | undefined> {
  let next = first;
  let end = first + count;
  let broken: number | undefined;
  const playAll = async (play: (options: WorldOptions) => SeedReport | Promise<SeedReport>): Promise<void> => {
    while (next < end) {
      const report = await play({ ...options, seed: next++ });
      done(report);
      if (report.isBroken && report.seed < end) {
        broken = report.seed;
        end = report.seed;
      }
    }
  };
  if (jobs === 1) await playAll(playSeed);
  else await Promise.all(Array.from({ length: jobs }, () => inProcess(playAll)));
  return broken;
}

async function inProcess(work: (play: (options: WorldOptions) => Promise<SeedReport>) => Promise<void>): Promise<void> {
  const child = fork(PROGRAM);
  try {
    await work((options) => ask(child, options));
  } finally {
    child.kill();
  }
}

async function ask(child: ChildProcess, options: WorldOptions): Promise<SeedReport> {
  const stop = new AbortController();
  const answer = once(child, "message", stop).then(([report]) => report as SeedReport);
  const gone = once(child, "exit", stop).then(() => {
    throw new Error(`the process that plays seed ${options.seed} has ended`);
  });
  child.send(options);
  try {
    return await Promise.race([answer, gone]);
  } finally {
    stop.abort();
  }
}
