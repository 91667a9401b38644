import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Prng } from "../../src/core/base/prng.ts";
import type { EnsembleRig } from "./ensemble-rig.ts";
import type { MemberUnderTest } from "./member-under-test.ts";

/** A fault: begins, lasts, ends. */
type Fault = (rig: EnsembleRig, random: Prng, say: (what: string) => void) => Promise<void>;

/** Times of faults and of the calm between them, ms. */
const SHORT_MS = 300;
const LONG_MS = 3_000;
const CALM_MS = 1_200;
/** Rarely: it takes a snapshot or a whole log to come back. */
const WIPE_SHARE = 0.06;

/** Never wiped: the checker needs one log that is whole. */
const KEEPER = 1;

function during(random: Prng): number {
  return SHORT_MS + random.below(LONG_MS - SHORT_MS);
}

function victim(rig: EnsembleRig, random: Prng): MemberUnderTest {
  const leader = random.chance(0.5) ? rig.leader : undefined;
  return leader ?? random.pick(rig.members);
}

/** What happens to processes; one at a time. */
const processFaults: readonly Fault[] = [
  async (rig, random, say) => {
    const member = victim(rig, random);
    say(`kill -9 of ${member.id} (${member.role})`);
    await member.kill();
    await sleep(random.below(LONG_MS));
    await member.start();
  },
  async (rig, random, say) => {
    const member = victim(rig, random);
    const ms = during(random);
    say(`${member.id} (${member.role}) stands still for ${ms} ms`);
    member.pause();
    await sleep(ms);
    member.resume();
  },
  async (rig, random, say) => {
    const member = victim(rig, random);
    say(`${member.id} (${member.role}) is stopped and started`);
    await member.stop();
    await member.start();
  },
  async (rig, random, say) => {
    const [one, other] = [random.below(rig.members.length), 1 + random.below(rig.members.length - 1)];
    const two = [one, (one + other) % rig.members.length].map((index) => rig.members[index] as MemberUnderTest);
    say(`kill -9 of ${two.map(({ id }) => id).join(" and ")}`);
    await Promise.all(two.map((member) => member.kill()));
    await sleep(random.below(SHORT_MS));
    await Promise.all(two.map((member) => member.start()));
  },
];

const wipe: Fault = async (rig, random, say) => {
  const others = rig.members.filter(({ id }) => id !== KEEPER);
  const member = random.pick(others);
  say(`${member.id} (${member.role}) is wiped`);
  await member.kill();
  member.wipe();
  await member.start();
  // Until it is a voter again, another loss would be the loss of a quorum's disks.
  await rig.until(() => member.role === "follower" || member.role === "leader", "a wiped member to count again");
};

/** What happens to links, beside what happens to processes. */
const linkFaults: readonly Fault[] = [
  async ({ links, members }, random, say) => {
    const [from, to] = pairOf(members, random);
    const ms = during(random);
    say(`${from}>${to} stalls for ${ms} ms`);
    links.set(from, to, { stalled: true });
    await sleep(ms);
  },
  async ({ links, members }, random, say) => {
    const id = random.pick(members).id;
    const ms = during(random);
    say(`${id} is cut off for ${ms} ms`);
    links.isolate(id);
    await sleep(ms);
  },
  async ({ links, members }, random, say) => {
    const [one, other] = pairOf(members, random);
    const ms = during(random);
    say(`${one}-${other} is refused for ${ms} ms`);
    links.refuse(one, other);
    await sleep(ms);
  },
  async ({ links, members }, random, say) => {
    const [one, other] = pairOf(members, random);
    say(`${one}-${other} is cut`);
    links.cut(one, other);
  },
  async ({ links, members }, random, say) => {
    const [delayMs, jitterMs, ms] = [random.below(60), random.below(80), during(random)];
    say(`all links take ${delayMs} to ${delayMs + jitterMs} ms, for ${ms} ms`);
    for (const { id } of members) {
      for (const other of members) if (other.id !== id) links.set(id, other.id, { delayMs, jitterMs });
    }
    await sleep(ms);
  },
  async ({ links, members }, random, say) => {
    const [one, other] = pairOf(members, random);
    const [bytesPerSecond, ms] = [16_384 + random.below(200_000), during(random)];
    say(`${one}-${other} carries ${bytesPerSecond} bytes/s, for ${ms} ms`);
    links.setBoth(one, other, { bytesPerSecond });
    await sleep(ms);
  },
];

function pairOf(members: readonly MemberUnderTest[], random: Prng): readonly [number, number] {
  const from = random.below(members.length);
  const to = (from + 1 + random.below(members.length - 1)) % members.length;
  return [(members[from] as MemberUnderTest).id, (members[to] as MemberUnderTest).id];
}

/** What a run of chaos did. */
export interface ChaosCounts {
  processFaults: number;
  linkFaults: number;
  wipes: number;
}

/** Breaks processes and links for so long, then mends all of it: every member runs, every link is good. */
export async function chaos(
  rig: EnsembleRig,
  random: Prng,
  forMs: number,
  say: (what: string) => void,
): Promise<ChaosCounts> {
  const endsAt = performance.now() + forMs;
  const counts = { processFaults: 0, linkFaults: 0, wipes: 0 };
  const breakProcesses = async () => {
    while (performance.now() < endsAt) {
      const wipes = random.chance(WIPE_SHARE) || (counts.wipes === 0 && performance.now() > endsAt - forMs / 2);
      await (wipes ? wipe : random.pick(processFaults))(rig, random, say);
      if (wipes) counts.wipes++;
      counts.processFaults++;
      await sleep(random.below(CALM_MS));
    }
  };
  const breakLinks = async () => {
    while (performance.now() < endsAt) {
      await random.pick(linkFaults)(rig, random, say);
      counts.linkFaults++;
      // What stood still arrives at last, or is gone with its connection.
      if (random.chance(0.5)) rig.links.heal();
      else rig.links.healWithResets();
      await sleep(random.below(CALM_MS));
    }
  };
  try {
    await Promise.all([breakProcesses(), breakLinks()]);
  } finally {
    rig.links.heal();
  }
  await rig.settled();
  return counts;
}
