// Loaded into the member's process by `NODE_OPTIONS=--import=...`: while the folder BENCH_CONTENT has a file `go`, it
// gives hostile content to workers like the member's own, on the member's own loop. No door takes content yet.
//
// `feed.json` in that folder says what and how often; `outcome-<pid>.json` is how it ended so far.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";

/** How often it looks whether to go, ms. */
const LOOK_MS = 50;

const folder = process.env["BENCH_CONTENT"];
const isMember = process.argv[1]?.endsWith("/server/main.js") === true;

if (folder !== undefined && isMember && isMainThread) {
  const workers = new URL("../../dist/products/floor/workers/", import.meta.url);
  const { WorkerPool } = await import(new URL("worker-pool.js", workers).href);
  const log = { warn: () => {}, error: () => {} };
  const pool = new WorkerPool({ entry: new URL("content/content-worker.js", workers) }, { log });
  pool.start();
  const { everyMs, pieces } = JSON.parse(readFileSync(path.join(folder, "feed.json"), "utf8"));
  const jobs = pieces.map(({ kind, texts, bytes }) => {
    const parts = Object.entries(bytes).map(([part, base64]) => [part, Buffer.from(base64, "base64")]);
    return { kind, input: { ...texts, ...Object.fromEntries(parts) } };
  });
  const outcomes = pieces.map(({ name }) => ({ name, longestMs: 0, ends: {} }));

  /** Gives one piece, and keeps by which rule that ended and how long it took at most. */
  const give = async (index) => {
    const { kind, input } = jobs[index];
    const begin = performance.now();
    const end = await pool.run(kind, input).then(
      ({ violations = [] }) => violations[0]?.rule ?? "nothing",
      ({ rule, reason }) => rule || reason,
    );
    const { ends, longestMs } = outcomes[index];
    ends[end] = (ends[end] ?? 0) + 1;
    outcomes[index].longestMs = Math.max(longestMs, performance.now() - begin);
    writeFileSync(path.join(folder, `outcome-${process.pid}.json`), JSON.stringify(outcomes));
  };

  const feed = async () => {
    for (let given = 0; ; ) {
      const isGoing = existsSync(path.join(folder, "go"));
      if (isGoing) await give(given++ % jobs.length);
      await sleep(isGoing ? everyMs : LOOK_MS, undefined, { ref: false });
    }
  };
  void feed();
}
