import { Prng } from "../../../src/core/base/prng.ts";
import type { Difference } from "./compare.ts";
import { DifferentialRun } from "./differential-run.ts";
import type { ExpectedDifference } from "./expected-difference.ts";
import { Generator } from "./generate.ts";
import { shrink, signature } from "./shrink.ts";
import { type Step, showItem, showStep } from "./step.ts";
import type { Peers } from "./target.ts";
import { showValue } from "./value.ts";

const SHRINK_TRIES = 150;

export interface SeedOptions {
  readonly peers: Peers;
  readonly seed: number;
  /** Operations to play; a burst counts as many as it has. */
  readonly operations: number;
  readonly expected: readonly ExpectedDifference[];
  /** Not to stop at the first difference: what follows may be its consequence. */
  readonly keepsGoing?: boolean;
}

export interface SeedReport {
  readonly operations: number;
  readonly differences: readonly Difference[];
  /** The steps played, up to the first that differed. */
  readonly steps: readonly Step[];
  /** How often each expected difference was met. */
  readonly met: ReadonlyMap<string, number>;
  /** How often each kind of request had which error, as `create NoNode`. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/** Plays the sequence of a seed on both sides, up to the first step that differs. */
export async function playSeed(options: SeedOptions): Promise<SeedReport> {
  const { peers, seed, operations, expected, keepsGoing = false } = options;
  const generator = new Generator(new Prng(seed));
  const steps: Step[] = [];
  const outcomes = new Map<string, number>();
  const { run, differences: early } = await DifferentialRun.start(peers, freshPrefix(seed), expected);
  const differences = [...early];
  let played = 0;
  while (played < operations && (keepsGoing || differences.length === 0)) {
    const step = generator.next();
    steps.push(step);
    const result = await run.play(step);
    differences.push(...result.differences);
    generator.learn(step, result.outcome);
    for (const item of result.outcome[step.slot] ?? []) {
      if (item.kind !== "reply") continue;
      const key = `${item.request.op} ${item.error}`;
      outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
    }
    played += step.kind === "burst" ? step.requests.length : 1;
  }
  if (differences.length === 0) differences.push(...(await run.finish()));
  else await clearIfPossible(run);
  return { operations: played, differences, steps, met: run.met, outcomes };
}

/** The shortest sequence found that shows the first difference of the report. */
export async function shrinkReport(options: SeedOptions, report: SeedReport): Promise<readonly Step[]> {
  const wanted = signature(report.differences[0] as Difference);
  const shows = async (steps: readonly Step[]): Promise<boolean> => {
    const differences = await playSteps(options, steps);
    return differences.some((difference) => signature(difference) === wanted);
  };
  return shrink(report.steps, shows, SHRINK_TRIES);
}

/** Plays these steps on both sides, in a part of the tree of their own. */
export async function playSteps(options: SeedOptions, steps: readonly Step[]): Promise<readonly Difference[]> {
  const { peers, seed, expected } = options;
  const { run, differences: early } = await DifferentialRun.start(peers, freshPrefix(seed), expected);
  let differences: readonly Difference[] = early;
  for (const step of steps) {
    if (differences.length > 0) break;
    differences = (await run.play(step)).differences;
  }
  if (differences.length === 0) return run.finish();
  await clearIfPossible(run);
  return differences;
}

/** The difference is what counts, even if it is that a side has gone. */
async function clearIfPossible(run: DifferentialRun): Promise<void> {
  try {
    await run.clear();
  } catch (error) {
    process.stderr.write(`what the run has made stays there: ${String(error)}\n`);
  }
}

let runs = 0;

function freshPrefix(seed: number): string {
  return `/d${seed}-${process.pid}-${runs++}`;
}

/** For people: what differed, and in which step. */
export function showDifference(difference: Difference): string {
  const { step, slot, request, at, left, right, leftItem, rightItem, because } = difference;
  const lines = [
    `${at} of ${request?.op ?? "no reply"}, slot ${slot}: ${showValue(left)} is right, but it is ${showValue(right)}`,
    ...(because === "" ? [] : [`  because: ${because}`]),
    `  step:  ${step === undefined ? `at the end, ${JSON.stringify(request)}` : showStep(step)}`,
    `  left:  ${showItem(leftItem)}`,
    `  right: ${showItem(rightItem)}`,
  ];
  return lines.join("\n");
}
