// Loaded into the member's process by `NODE_OPTIONS=--import=...`: a timer of 5 ms on the member's own loop, which
// says how long the loop was kept from it. Independent of what the member says about itself.
//
// Every second it writes what it has seen, as JSON, to the file named by BENCH_TICKER. SIGUSR2 makes it begin anew.
// SIGWINCH, which a process without a terminal has no other use for, makes it collect all garbage and write how much
// memory is left in use to that name with `.memory` behind it.
import { rename, writeFile } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";

const PERIOD_MS = 5;
const WRITE_EVERY_MS = 1000;
/** Delays are counted in steps of this many ms, up to the last step. */
const STEP_MS = 0.1;
const STEPS = 100_000;

const file = process.env["BENCH_TICKER"];
const isMember = process.argv[1]?.endsWith("/server/main.js") === true;

if (file !== undefined && isMember && isMainThread) {
  const counts = new Uint32Array(STEPS);
  let ticks = 0;
  let longest = 0;
  let last = performance.now();

  const quantile = (share) => {
    let left = Math.ceil(ticks * share);
    for (let step = 0; step < STEPS; step++) {
      left -= counts[step];
      if (left <= 0) return step * STEP_MS;
    }
    return longest;
  };

  setInterval(() => {
    const now = performance.now();
    const delay = Math.max(0, now - last - PERIOD_MS);
    last = now;
    ticks++;
    longest = Math.max(longest, delay);
    const step = Math.min(STEPS - 1, Math.floor(delay / STEP_MS));
    counts[step] += 1;
  }, PERIOD_MS).unref();

  process.on("SIGUSR2", () => {
    counts.fill(0);
    ticks = 0;
    longest = 0;
  });

  const replace = (name, content) => {
    writeFile(`${name}.new`, JSON.stringify(content), (error) => {
      if (error === null) rename(`${name}.new`, name, () => {});
    });
  };

  process.on("SIGWINCH", () => {
    setFlagsFromString("--expose-gc");
    // A context made from now on has it as a global.
    runInNewContext("gc")();
    const { heapUsed, external } = process.memoryUsage();
    replace(`${file}.memory`, { liveBytes: heapUsed + external });
  });

  setInterval(() => {
    const seen = { ticks, p50: quantile(0.5), p99: quantile(0.99), p999: quantile(0.999), max: longest };
    replace(file, seen);
  }, WRITE_EVERY_MS).unref();
}
