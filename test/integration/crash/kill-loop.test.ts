import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Member, type MemberOptions, spawnMember } from "../../../bench/harness/member.ts";
import { Prng } from "../../../src/core/base/prng.ts";
import { compareWithModel } from "./compare-with-model.ts";
import { CrashLoad } from "./crash-load.ts";
import { killTree } from "./kill-tree.ts";
import { knob } from "./requirements.ts";
import { stablePort } from "./stable-port.ts";

/** CRASH_ROUNDS=200 for the long run; CRASH_SEED repeats the instants of one, as far as a real machine can. */
const ROUNDS = knob("CRASH_ROUNDS", 20);
const SEED = knob("CRASH_SEED", 1);
const MS_PER_ROUND_MAX = 10_000;
const FINISH_MS = 180_000;
/** Load before the kill, ms. */
const LOAD_MS_MAX = 400;
/** How often a start is killed, too, and how far into it at most, ms. */
const KILL_START_SHARE = 0.25;
const KILL_START_MS_MAX = 1200;

let folder: string;
let random: Prng;

beforeEach(() => {
  random = new Prng(SEED);
  folder = mkdtempSync(path.join(os.tmpdir(), "muster-kill-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function loadedMember(): Promise<MemberOptions> {
  const grpcListen = `127.0.0.1:${await stablePort(random)}`;
  // The whole history is compared at the end, and snapshots are to fall into the crashes.
  const flags = ["--journal-keep-commands", "100000000", "--snapshot-every-bytes", "1MiB"];
  return { dataDir: path.join(folder, "member"), grpcListen, flags };
}

it(
  "kill -9 under load at random instants: nothing acknowledged lost, nothing applied twice, the naive model's digest",
  async () => {
    const options = await loadedMember();
    let member = await Member.start(options);
    const load = await CrashLoad.start(member.grpc, random);
    try {
      for (let round = 0; round < ROUNDS; round++) {
        // The instant of the crash, not a wait for anything.
        await sleep(random.below(LOAD_MS_MAX));
        await member.kill();
        const before = load.acknowledgements();
        if (random.chance(KILL_START_SHARE)) {
          const starting = spawnMember(options);
          await sleep(random.below(KILL_START_MS_MAX));
          await killTree(starting);
        }
        member = await Member.start(options);
        load.nextRound();
        await load.check(before);
      }
      await load.finish();
      expect(load.history.length).toBeGreaterThan(ROUNDS * 10);
      expect((await member.stop()).code).toBe(0);
      expect(compareWithModel(options.dataDir)).toBeGreaterThan(load.history.length);
    } finally {
      await load.close();
      await member.kill();
    }
  },
  FINISH_MS + ROUNDS * MS_PER_ROUND_MAX,
);
