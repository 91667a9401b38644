import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { need } from "../../integration/crash/requirements.ts";
import { expectedDifferences } from "./expected-differences.ts";
import { MusterMembers } from "./muster-members.ts";
import { showDifference } from "./play-seed.ts";
import { RealEnsemble, whyNoZooKeeper } from "./real-ensemble.ts";
import { reap } from "./reapers.ts";
import { playSeeds } from "./run-report.ts";

/** Many more of each: `npm run differential -- --operations 100000`. */
const OPERATIONS = 5_000;
const FIRST_SEED = 1;
const NEVER_MS = 24 * 3_600_000;
const OFTEN_MS = 500;
const TEST_MS = 300_000;
const MEMBERS = 3;

const missing = whyNoZooKeeper();

describe("Muster's ZooKeeper door and Apache ZooKeeper", () => {
  let muster: MusterMembers | undefined;

  beforeAll(async () => {
    if (missing === undefined) muster = await MusterMembers.start(MEMBERS);
  });

  afterAll(async () => {
    await muster?.[Symbol.asyncDispose]();
  });

  it("answer random operations alike", { timeout: TEST_MS }, async (context) => {
    need(context, `Apache ZooKeeper (${missing})`, muster !== undefined);
    const left = await RealEnsemble.start({ members: MEMBERS, reapEveryMs: NEVER_MS });
    onTestFinished(() => left[Symbol.asyncDispose]());
    const options = { peers: { left, right: muster as MusterMembers }, seed: FIRST_SEED, operations: OPERATIONS };
    const report = await playSeeds({ ...options, expected: expectedDifferences }, () => false);
    const found = [...report.found.values()].map(
      ({ seed, difference }) => `seed ${seed}: ${showDifference(difference)}`,
    );
    expect(found).toEqual([]);
    expect(report.operations).toBeGreaterThanOrEqual(OPERATIONS);
  });

  it("remove the same containers, TTL znodes and ephemerals", { timeout: TEST_MS }, async (context) => {
    need(context, `Apache ZooKeeper (${missing})`, muster !== undefined);
    const real = await RealEnsemble.start({ members: 1, reapEveryMs: OFTEN_MS });
    onTestFinished(() => real[Symbol.asyncDispose]());
    const [expected, found] = await Promise.all([real, muster as MusterMembers].map((target) => reap(target, "/reap")));
    expect(expected?.staying).toEqual([]);
    expect(found).toEqual(expected);
  });
});
