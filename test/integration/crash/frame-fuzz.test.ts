import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Member } from "../../../bench/harness/member.ts";
import { scrapeMetrics } from "../../../bench/harness/metrics.ts";
import { openSockets, processStats } from "../../../bench/harness/process-stats.ts";
import { Fuzzer } from "./fuzzer.ts";
import { knob } from "./requirements.ts";

/** FUZZ_CASES=100000 for the long run; FUZZ_SEED and FUZZ_FROM repeat one. */
const CASES = knob("FUZZ_CASES", 2000);
const SEED = knob("FUZZ_SEED", 1);
const FROM = knob("FUZZ_FROM", 0);
const MS_PER_CASE_MAX = 100;
const START_AND_STOP_MS = 120_000;
const CHECKS = 20;
/** Requests the member answered INTERNAL, having found itself in the wrong. */
const DEFECTS = "muster_grpc_defects_total";
/**
 * Until the member has let go of every connection its clients have closed, ms. After a protocol error Node stops
 * reading a connection and does not notice its end; the keep-alive of 10 s and its time-out of 10 s do.
 */
const LET_GO_MS = 45_000;
/** What a run may leave behind above the largest resident size of its first half. */
const GROWTH_BYTES_MAX = 64 * 1024 * 1024;

let folder: string;
let member: Member;

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), "muster-fuzz-"));
  member = await Member.start({ dataDir: path.join(folder, "member") });
});

afterEach(async () => {
  await member?.kill();
  rmSync(folder, { recursive: true, force: true });
});

it(
  "mutated requests and frames are each answered with an error or a closed stream; the member stays up and small",
  async () => {
    const socketsBefore = openSockets(member.pid);
    const fuzzer = new Fuzzer(member, SEED);
    const sizes: number[] = [];
    try {
      for (let check = 0; check < CHECKS; check++) {
        const from = FROM + Math.floor((CASES * check) / CHECKS);
        const to = FROM + Math.floor((CASES * (check + 1)) / CHECKS);
        await fuzzer.run(from, to);
        const where = `FUZZ_SEED=${SEED} FUZZ_FROM=${from} FUZZ_CASES=${to - from}`;
        expect(member.alive, `the member ended; ${where}\n${member.logTail}`).toBe(true);
        expect(fuzzer.findings, where).toEqual([]);
        expect(await fuzzer.healthy(), `the member no longer answers; ${where}`).toMatchObject({ status: 0 });
        const metrics = await scrapeMetrics(member.http);
        expect(metrics.get(DEFECTS), `a defect, as the member itself says; ${where}\n${member.logTail}`).toBe(0);
        sizes.push(processStats(member.pid).rssBytes);
      }
    } finally {
      fuzzer.close();
    }
    await expect.poll(() => openSockets(member.pid), { timeout: LET_GO_MS }).toBeLessThanOrEqual(socketsBefore);
    // Dead connections take memory while they linger, and until the collector comes by after that.
    const halfway = Math.max(...sizes.slice(0, CHECKS / 2));
    await expect
      .poll(() => processStats(member.pid).rssBytes, { timeout: LET_GO_MS, message: sizes.join(" ") })
      .toBeLessThan(halfway + GROWTH_BYTES_MAX);
    if (process.env["FUZZ_VERBOSE"] !== undefined) process.stderr.write(`${[...fuzzer.counts].sort().join("\n")}\n`);
    // Every way in must have been refused something: a fuzzer that reaches nothing proves nothing.
    const summary = [...fuzzer.counts].map(([key, count]) => `${key}: ${count}`).sort();
    for (const attack of ["session", "unary", "grpc frame", "http/2 bytes", "http/1 bytes"]) {
      expect(
        summary.some((line) => line.startsWith(attack) && !line.startsWith(`${attack}: status 0`)),
        summary.join("\n"),
      ).toBe(true);
    }
    expect((await member.stop()).code).toBe(0);
  },
  START_AND_STOP_MS + CASES * MS_PER_CASE_MAX,
);
