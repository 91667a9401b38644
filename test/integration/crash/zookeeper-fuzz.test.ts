import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Member } from "../../../bench/harness/member.ts";
import { scrapeMetrics } from "../../../bench/harness/metrics.ts";
import { openSockets, processStats } from "../../../bench/harness/process-stats.ts";
import { knob } from "./requirements.ts";
import { ZookeeperFuzzer } from "./zookeeper-fuzzer.ts";

/** FUZZ_CASES=100000 for the long run; FUZZ_SEED and FUZZ_FROM repeat one. */
const CASES = knob("FUZZ_CASES", 2000);
const SEED = knob("FUZZ_SEED", 1);
const FROM = knob("FUZZ_FROM", 0);
const MS_PER_CASE_MAX = 100;
const START_AND_STOP_MS = 120_000;
const CHECKS = 20;
/** Requests in which the door found itself in the wrong. */
const DEFECTS = "muster_zookeeper_defects_total";
const MALFORMED = "muster_zookeeper_malformed_total";
/** Until the member has let go of every connection its clients have closed, ms. */
const LET_GO_MS = 15_000;
/** What a run may leave behind above the largest resident size of its first half. */
const GROWTH_BYTES_MAX = 64 * 1024 * 1024;

let folder: string;
let member: Member;

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), "muster-zookeeper-fuzz-"));
  const flags = [
    "--zookeeper-listen",
    "127.0.0.1:0",
    "--zookeeper-connections-per-address",
    "0",
    "--zookeeper-4lw",
    "*",
  ];
  member = await Member.start({ dataDir: path.join(folder, "member"), flags });
});

afterEach(async () => {
  await member?.kill();
  rmSync(folder, { recursive: true, force: true });
});

it(
  "mutated frames of ZooKeeper's protocol are each answered, or close their connection; the member stays up and small",
  async () => {
    const { zookeeper } = JSON.parse(readFileSync(path.join(member.dataDir, "addresses.json"), "utf8"));
    const socketsBefore = openSockets(member.pid);
    const fuzzer = new ZookeeperFuzzer(zookeeper, SEED);
    const sizes: number[] = [];
    for (let check = 0; check < CHECKS; check++) {
      const from = FROM + Math.floor((CASES * check) / CHECKS);
      const to = FROM + Math.floor((CASES * (check + 1)) / CHECKS);
      await fuzzer.run(from, to);
      const where = `FUZZ_SEED=${SEED} FUZZ_FROM=${from} FUZZ_CASES=${to - from}`;
      expect(member.alive, `the member ended; ${where}\n${member.logTail}`).toBe(true);
      expect(fuzzer.findings, where).toEqual([]);
      expect(await fuzzer.healthy(), `the member no longer answers; ${where}`).toBe("answered");
      const metrics = await scrapeMetrics(member.http);
      expect(metrics.get(DEFECTS), `a defect, as the member itself says; ${where}\n${member.logTail}`).toBe(0);
      sizes.push(processStats(member.pid).rssBytes);
    }
    const malformed = (await scrapeMetrics(member.http)).get(MALFORMED);
    await expect.poll(() => openSockets(member.pid), { timeout: LET_GO_MS }).toBeLessThanOrEqual(socketsBefore);
    const halfway = Math.max(...sizes.slice(0, CHECKS / 2));
    await expect
      .poll(() => processStats(member.pid).rssBytes, { timeout: LET_GO_MS, message: sizes.join(" ") })
      .toBeLessThan(halfway + GROWTH_BYTES_MAX);
    const summary = [...fuzzer.counts].map(([key, count]) => `${key}: ${count}`).sort();
    if (process.env["FUZZ_VERBOSE"] !== undefined) process.stderr.write(`${summary.join("\n")}\n`);
    // A fuzzer that reaches nothing proves nothing: every way to end, and what can be refused.
    for (const reached of ["answered", "closed", "waiting", "error 0", "error -5", "error -6", "error -8"]) {
      expect(fuzzer.counts.get(reached) ?? 0, `${reached} in ${summary.join(", ")}`).toBeGreaterThan(0);
    }
    expect(malformed, summary.join("\n")).toBeGreaterThan(0);
    expect((await member.stop()).code).toBe(0);
  },
  START_AND_STOP_MS + CASES * MS_PER_CASE_MAX,
);
