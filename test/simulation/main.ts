import { parseArgs } from "node:util";
import type { WorldOptions } from "./ensemble/ensemble-world.ts";
import { examineSeed } from "./failure.ts";
import { type Fault, faults } from "./faults.ts";
import { playSeeds, type SeedRange } from "./seed-processes.ts";
import { Tally } from "./tally.ts";

const HELP = `npm run simulate -- [--members M] [--seed S] [--seeds N] [--jobs J] [--requests R] [--faults F]
                    [--clients K] [--fault NAME] [--trace]

Plays seeds S to S + N - 1 (default: seed 1, one seed) in the simulated world of M members (default: 1), J of them
at the same time (default: 1), and stops at the lowest that breaks a rule.
Without a broken rule it prints what has happened how often, and for the seeds that were played: how many operations
were answered and compared with the model, and how many faults have struck, in each and in the one with the fewest.
--requests asks for so many requests per seed (default: 300), which is what decides how long a seed takes; --faults is
the most that may strike.
--trace prints every line of what happens. --fault puts a defect in: ${faults.join(", ")}.
`;

/** A line about how far it has come, so often, ms. */
const PROGRESS_EVERY_MS = 10_000;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      seeds: { type: "string", default: "1" },
      jobs: { type: "string", default: "1" },
      members: { type: "string" },
      requests: { type: "string" },
      faults: { type: "string" },
      clients: { type: "string" },
      fault: { type: "string" },
      trace: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const fault = faults.find((name) => name === values.fault) as Fault | undefined;
  if (values.fault !== undefined && fault === undefined) throw new Error(`--fault is one of ${faults.join(", ")}`);
  const [members, requests, faultsMax, clients] = [values.members, values.requests, values.faults, values.clients].map(
    (text) => (text === undefined ? undefined : whole(text)),
  );
  const trace = values.trace ? (line: string): unknown => process.stdout.write(`${line}\n`) : undefined;
  const range = { first: whole(values.seed), count: whole(values.seeds), jobs: Math.max(1, whole(values.jobs)) };
  if (values.trace && range.jobs > 1) throw new Error("--trace is of one process: without --jobs");
  return play(range, { members, requests, faults: faultsMax, clients, fault, trace });
}

async function play(range: SeedRange, options: Omit<WorldOptions, "seed">): Promise<number> {
  const tally = new Tally();
  const begun = performance.now();
  let toldAt = begun;
  const perMinute = (): string => ((tally.seeds * 60_000) / (performance.now() - begun)).toFixed(1);
  const broken = await playSeeds(range, options, ({ seed, counts, isBroken }) => {
    if (!isBroken) tally.add(seed, counts);
    if (performance.now() - toldAt < PROGRESS_EVERY_MS) return;
    toldAt = performance.now();
    const { seeds, operations } = tally;
    process.stderr.write(`${seeds} of ${range.count} seeds, ${perMinute()} a minute, ${operations.sum} operations\n`);
  });
  if (broken !== undefined) {
    process.stdout.write(`${examineSeed({ ...options, trace: undefined, seed: broken })}\n`);
    return 1;
  }
  const isEnsemble = (options.members ?? 1) > 1;
  const lines = [`${range.count} seeds from ${range.first}, no rule broken`, ...tally.lines(isEnsemble)];
  process.stdout.write(`${lines.join("\n")}\n${perMinute()} seeds a minute\n`);
  const missing = tally.missing(isEnsemble);
  if (missing.length > 0) process.stdout.write(`not put to the test:\n${missing.join("\n")}\n`);
  return missing.length === 0 ? 0 : 1;
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`not a whole number: ${text}`);
  return Number(text);
}
