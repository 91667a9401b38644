import { parseArgs } from "node:util";
import { countLine, countLines, LONG_RUN_SEEDS, shortfalls } from "./coverage.ts";
import type { WorldOptions } from "./ensemble/ensemble-world.ts";
import { examineSeed } from "./failure.ts";
import { type Fault, faults } from "./faults.ts";
import { runWorld } from "./world-run.ts";

const HELP = `npm run simulate -- [--members M] [--seed S] [--seeds N] [--requests R] [--faults F] [--clients K]
                    [--fault NAME] [--trace]

Plays seeds S to S + N - 1 (default: seed 1, one seed) in the simulated world of M members (default: 1), and
stops at the first that breaks a rule.
--trace prints every line of what happens. --fault puts a defect in: ${faults.join(", ")}.
`;

process.exitCode = main();

function main(): number {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      seeds: { type: "string", default: "1" },
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
  return play(whole(values.seed), whole(values.seeds), { members, requests, faults: faultsMax, clients, fault, trace });
}

function play(first: number, count: number, options: Omit<WorldOptions, "seed">): number {
  const totals = new Map<string, number>();
  for (let seed = first; seed < first + count; seed++) {
    const { violation, counts } = runWorld({ ...options, seed });
    if (violation !== undefined) {
      process.stdout.write(`${examineSeed({ ...options, trace: undefined, seed })}\n`);
      return 1;
    }
    for (const [what, many] of counts) totals.set(what, (totals.get(what) ?? 0) + many);
  }
  const isEnsemble = (options.members ?? 1) > 1;
  const lines = isEnsemble ? countLines(totals) : [...totals].sort().map(([what, many]) => countLine(what, many));
  process.stdout.write(`${count} seeds from ${first}, no rule broken\n${lines.join("\n")}\n`);
  const missing = isEnsemble && count >= LONG_RUN_SEEDS ? shortfalls(totals) : [];
  if (missing.length > 0) process.stdout.write(`not put to the test:\n${missing.join("\n")}\n`);
  return missing.length === 0 ? 0 : 1;
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`not a whole number: ${text}`);
  return Number(text);
}
