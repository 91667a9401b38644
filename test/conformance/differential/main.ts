import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { DifferentialRun } from "./differential-run.ts";
import { expectedDifferences } from "./expected-differences.ts";
import { MusterMembers } from "./muster-members.ts";
import { type SeedOptions, showDifference, shrinkReport } from "./play-seed.ts";
import { RealEnsemble } from "./real-ensemble.ts";
import { reap } from "./reapers.ts";
import { playSeeds } from "./run-report.ts";
import { type Step, showItem, showStep } from "./step.ts";
import type { Target } from "./target.ts";

const HELP = `npm run differential -- [--operations N] [--seed S] [--peer WHERE] [--muster WHERE] [--members M]
                        [--keep-going] [--shrink] [--outcomes] [--reapers] [--replay FILE]

Plays the same random operations on Apache ZooKeeper and on Muster's ZooKeeper door, and compares all that clients see.
Plays seeds from S on (default: 1), 1000 operations each, until N (default: 5000) are done.
--peer and --muster are host:port,host:port,...; zookeeper, which starts one; or, for --muster, muster, which starts
one (the default). --peer zookeeper --muster zookeeper tests the tester. --members: of each that is started (3).
Without --keep-going a seed ends at its first difference. --shrink looks for a short sequence that still shows each
kind, and prints it as JSON lines; --replay plays such a file, and prints what clients see on both sides.
--reapers compares what becomes of containers, TTL znodes and expired sessions; it takes minutes.
--outcomes tells how often each request was answered how.
Ends with 0 if nothing differs but what expected-differences.ts lists, else with 1.
`;

const NEVER_MS = 24 * 3_600_000;
const OFTEN_MS = 500;
/** More kinds than this are not looked for. */
const KINDS_MAX = 40;
const PROGRESS_EVERY_SEEDS = 10;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      operations: { type: "string", default: "5000" },
      seed: { type: "string", default: "1" },
      peer: { type: "string", default: "zookeeper" },
      muster: { type: "string", default: "muster" },
      members: { type: "string", default: "3" },
      "keep-going": { type: "boolean", default: false },
      shrink: { type: "boolean", default: false },
      outcomes: { type: "boolean", default: false },
      reapers: { type: "boolean", default: false },
      replay: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    say(HELP);
    return 0;
  }
  const members = whole(values.members);
  const reapEveryMs = values.reapers ? OFTEN_MS : NEVER_MS;
  await using left = await targetAt(values.peer, members, reapEveryMs, true);
  await using right = await targetAt(values.muster, members, reapEveryMs, false);
  const options: SeedOptions = {
    peers: { left, right },
    seed: whole(values.seed),
    operations: whole(values.operations),
    expected: expectedDifferences,
    keepsGoing: values["keep-going"],
  };
  try {
    if (values.replay !== undefined) return await replay(options, values.replay);
    if (values.reapers) return await compareReapers(left, right);
    return await play(options, values.shrink, values.outcomes);
  } catch (error) {
    process.stderr.write(`${left.logs}\n${right.logs}\n`);
    throw error;
  }
}

async function play(options: SeedOptions, shrinks: boolean, tellsOutcomes: boolean): Promise<number> {
  const begin = performance.now();
  const all = await playSeeds(options, async (seed, isNew, report) => {
    if (seed % PROGRESS_EVERY_SEEDS === 0) {
      const perSecond = (report.operations / (performance.now() - begin)) * 1_000;
      process.stderr.write(`${report.operations} operations, ${perSecond.toFixed(0)} a second\n`);
    }
    if (!isNew) return false;
    for (const found of report.found.values()) {
      if (found.seed !== seed) continue;
      say(`\nseed ${seed}, step ${found.report.steps.length}: ${showDifference(found.difference)}\n`);
    }
    const first = [...report.found.values()].find((found) => found.seed === seed);
    if (shrinks && first !== undefined) {
      const steps = await shrinkReport({ ...options, seed }, first.report);
      say(`shortest sequence found, for --replay:\n${steps.map(showStep).join("\n")}\n`);
    }
    return report.found.size >= KINDS_MAX;
  });
  if (tellsOutcomes) say(`${all.outcomeLines().join("\n")}\n`);
  for (const line of all.expectedLines(options.expected)) say(`expected, ${line}\n`);
  for (const [kind, { seed, times }] of all.found) say(`${times} times: ${kind}, first in seed ${seed}\n`);
  say(`${all.operations} operations in ${all.seeds} seeds, ${all.found.size} kinds of differences\n`);
  return all.found.size === 0 ? 0 : 1;
}

/** Plays a file of steps, and shows what both sides' clients see. */
async function replay({ peers, expected }: SeedOptions, file: string): Promise<number> {
  const lines = readFileSync(file, "utf8").split("\n");
  const steps = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Step);
  const { run, differences } = await DifferentialRun.start(peers, `/replay-${process.pid}`, expected);
  const found = [...differences];
  for (const step of steps) {
    const { outcome, other, differences: here } = await run.play(step);
    say(`${showStep(step)}\n`);
    for (const [side, items] of [outcome.flat(), other.flat()].entries()) {
      for (const item of items) say(`  ${side === 0 ? "left " : "right"} ${showItem(item)}\n`);
    }
    for (const difference of here) say(`  DIFFERS ${showDifference(difference)}\n`);
    found.push(...here);
  }
  for (const difference of await run.finish()) {
    say(`at the end, DIFFERS ${showDifference(difference)}\n`);
    found.push(difference);
  }
  return found.length === 0 ? 0 : 1;
}

async function compareReapers(left: Target, right: Target): Promise<number> {
  const sides = await Promise.all([left, right].map((target) => reap(target, `/reap-${process.pid}`)));
  const texts = sides.map((reaped) => JSON.stringify(reaped, undefined, 2));
  say(`${left.name}: ${texts[0]}\n`);
  if (texts[0] === texts[1]) return 0;
  say(`${right.name}: ${texts[1]}\n`);
  return 1;
}

async function targetAt(
  where: string,
  members: number,
  reapEveryMs: number,
  isPeer: boolean,
): Promise<Target & AsyncDisposable> {
  if (where === "zookeeper") return RealEnsemble.start({ members, reapEveryMs });
  if (where === "muster") return MusterMembers.start(members);
  const addresses = where.split(",");
  const wrong = addresses.find((address) => !/^.+:\d{1,5}$/.test(address));
  if (wrong !== undefined)
    throw new Error(`"${wrong}" is no address: write host:port,host:port, or zookeeper, or muster`);
  return { name: where, addresses, losesWakeUps: isPeer, logs: "", [Symbol.asyncDispose]: () => Promise.resolve() };
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`not a whole number: ${text}`);
  return Number(text);
}

function say(text: string): void {
  process.stdout.write(text);
}
