import { EnsembleWorld, REQUESTS, type WorldOptions } from "./ensemble/ensemble-world.ts";
import { chooseCore, mend } from "./ensemble/healthy-core.ts";
import { demand, Violation } from "./violation.ts";

export interface WorldReport {
  readonly violation: Violation | undefined;
  readonly counts: ReadonlyMap<string, number>;
  readonly virtualMs: number;
  readonly steps: number;
}

/** Faults go on for so long at most, ms, and what one request adds to that. */
const SAFETY_MS = 3_000;
const REQUEST_MS = 15;
/** Virtual time after which what has not come will not come, ms. */
const PATIENCE_MS = 60_000;
/** What one request adds to that: slow links, and epochs of few commands, take their time. */
const REQUEST_MS_MAX = 300;
/** All sessions have ended by then, ms: the longest time-out any client asks for, elections, and then some. */
const EXPIRY_MS = 15_000;
/** Containers are looked for once a minute. */
const LONG_IDLE_MS = 65_000;

/**
 * Runs a world to its end, or to the first violation: faults for a while; then none on a quorum, where every request
 * must be answered; then none at all, and all must be the same in the end, and again after all have lost their power.
 */
export function runWorld(options: WorldOptions): WorldReport {
  const world = new EnsembleWorld(options);
  let violation: Violation | undefined;
  try {
    play(world, options.requests ?? REQUESTS);
  } catch (error) {
    if (error instanceof Violation) violation = error;
    else violation = new Violation("nothing fails", (error as Error).stack ?? String(error));
  }
  const counts = new Map([...world.checker.counts, ...world.book.counts]);
  return { violation, counts, virtualMs: Math.round(world.timeline.now), steps: world.timeline.steps };
}

function play(world: EnsembleWorld, requests: number): void {
  const isDone = (): boolean => world.clients.every(({ isDone }) => isDone);
  world.begin();
  world.plan.begin();
  world.changes.begin();
  const end = world.timeline.now + SAFETY_MS + requests * REQUEST_MS;
  world.until("time passes", PATIENCE_MS + end, () => isDone() || world.timeline.now >= end);
  world.plan.end();
  world.changes.end();
  const core = chooseCore(world, world.changes.isUnanswered);
  world.trace?.(() => `members ${core} are healthy from here on`);
  mend(world, core);
  world.until("every request is answered", PATIENCE_MS + requests * REQUEST_MS_MAX, isDone);
  if (world.random.chance(0.1)) world.pass(LONG_IDLE_MS);
  world.trace?.(() => "all are healthy from here on");
  for (const id of world.members) world.exhume(id);
  world.upgrade();
  mend(world, world.members);
  for (const client of world.clients) client.stop(world.random.chance(0.5));
  world.until("all converge", PATIENCE_MS, () => hasConverged(world));
  world.until("silent sessions expire", EXPIRY_MS, () => world.model.sessions.size === 0);
  const owned = [...world.model.nodes].filter(([, { owner }]) => owner !== 0);
  demand(owned.length === 0, "ephemerals exist while their session is open", () => String(owned));
  world.until("all converge", PATIENCE_MS, () => hasConverged(world));
  compareAll(world);
  world.book.registers.check((what) => world.book.count(what));
  for (const id of world.members) world.powerLoss(id);
  world.until("all converge", PATIENCE_MS, () => hasConverged(world));
  compareAll(world);
}

function compareAll(world: EnsembleWorld): void {
  for (const id of world.members) {
    const process = world.running(id);
    if (process !== undefined) process.checker.compareAll(process.member.tree);
  }
}

/** All follow one leader, and have applied all that anybody has: equal zxids mean equal states, which is checked. */
function hasConverged(world: EnsembleWorld): boolean {
  const running = world.members.map((id) => world.running(id));
  const last = Math.max(...running.map((member) => member?.zab.lastZxid ?? 0));
  return running.every((process) => process?.zxid === last && process.member.isLed && world.roll.isSettled(process.id));
}
