import { epochOf } from "../../../src/core/base/zxid.ts";
import { demand, Violation } from "../violation.ts";
import { chooseCore, mend } from "./healthy-core.ts";
import { PEER_TIMEOUT_MS, ZabWorld, type ZabWorldOptions } from "./zab-world.ts";

export interface ZabReport {
  readonly violation: Violation | undefined;
  readonly counts: ReadonlyMap<string, number>;
  readonly virtualMs: number;
  readonly steps: number;
}

/** With all links of a quorum as they should be, one of it leads for good, and commits, within ten time-outs, ms. */
const STABLE_MS = 10 * PEER_TIMEOUT_MS;
/** What still lasts of the faults before - starts, handshakes, slow syncs - ends within so long, ms. */
const AFTERMATH_MS = 5_000;
const DURATION_MS = 12_000;

/** Faults for a while, then none on a quorum: it must commit; then none at all: all must be the same in the end. */
export function runZab(options: ZabWorldOptions): ZabReport {
  return play(options, (world) => {
    world.begin();
    world.plan.begin();
    world.pass(options.durationMs ?? DURATION_MS);
    world.plan.end();
    const core = chooseCore(world);
    world.trace?.(() => `members ${core} are healthy from here on`);
    mend(world, core);
    untilCommitted(world, "a healthy quorum commits");
    world.trace?.(() => "all are healthy from here on");
    for (const id of world.members) world.exhume(id);
    mend(world, world.members);
    untilCommitted(world, "all healthy, they commit");
    world.isQuiet = true;
    world.until(
      "all converge",
      STABLE_MS + AFTERMATH_MS,
      () => hasConverged(world),
      () => world.describe(),
    );
  });
}

/** Roads of three members, one bit each: 1>2, 1>3, 2>1, 2>3, 3>1, 3>2. */
export const LINK_STATES = 64;
const ROADS = [1, 2, 3].flatMap((from) => [1, 2, 3].filter((to) => to !== from).map((to) => [from, to] as const));

/**
 * Three members whose roads are open or closed as `state` has it, from the beginning or from the middle on: where some
 * voter has two-way links to a quorum, one leader within ten time-outs, and it stays; otherwise nobody commits.
 */
export function runLinkState(options: ZabWorldOptions, state: number, fromTheBeginning: boolean): ZabReport {
  return play({ ...options, members: 3, faults: 0, isCalm: true }, (world) => {
    const close = (): void => {
      for (const [bit, [from, to]] of ROADS.entries()) world.network.setOpen(from, to, ((state >> bit) & 1) === 1);
    };
    const isLinked = (one: number, other: number): boolean =>
      world.network.isOpen(one, other) && world.network.isOpen(other, one);
    if (fromTheBeginning) close();
    world.begin();
    if (!fromTheBeginning) {
      world.pass(STABLE_MS / 2);
      close();
    }
    const isPossible = [1, 2, 3].some((id) => [1, 2, 3].some((other) => other !== id && isLinked(id, other)));
    world.pass(STABLE_MS);
    const [leader] = world.leaders;
    const { committedZxid } = world.checker;
    world.pass(STABLE_MS);
    const now = world.leaders;
    const text = (): string => `state ${state.toString(2).padStart(6, "0")}\n${world.describe()}`;
    if (isPossible) {
      const isStable = leader !== undefined && now.length === 1 && now[0] === leader;
      demand(isStable, "where a quorum is linked, one leader within ten time-outs, and it stays", text);
      const isSame = epochOf(world.checker.committedZxid) === epochOf(committedZxid);
      demand(isSame, "where a quorum is linked, one leader within ten time-outs, and it stays", text);
      demand(world.checker.committedZxid > committedZxid, "a leader commits", text);
    } else {
      demand(world.checker.committedZxid === committedZxid, "without a quorum nobody commits", text);
      demand(now.length === 0, "without a quorum nobody leads", text);
    }
  });
}

function play(options: ZabWorldOptions, run: (world: ZabWorld) => void): ZabReport {
  const world = new ZabWorld(options);
  let violation: Violation | undefined;
  try {
    run(world);
  } catch (error) {
    if (error instanceof Violation) violation = error;
    else violation = new Violation("nothing fails", (error as Error).stack ?? String(error));
  }
  const { counts } = world.checker;
  return { violation, counts, virtualMs: Math.round(world.timeline.now), steps: world.timeline.steps };
}

function untilCommitted(world: ZabWorld, rule: string): void {
  // What is proposed from here on, by whoever leads then.
  world.pass(AFTERMATH_MS);
  const { committedZxid } = world.checker;
  world.until(
    rule,
    STABLE_MS,
    () => world.checker.committedZxid > committedZxid,
    () => world.describe(),
  );
}

/** All have applied all that anybody has in his log; that equal zxids mean equal states is checked anyway. */
function hasConverged(world: ZabWorld): boolean {
  const running = world.members.map((id) => world.running(id));
  const last = Math.max(...running.map((member) => member?.zab.lastZxid ?? 0));
  return running.every((member) => member?.appliedZxid === last);
}
