import { expect, onTestFinished, test, vi } from "vitest";
import { defaultPoolLimits, type PoolLimits } from "../../../../../src/products/floor/workers/worker-limits.ts";
import { WorkerPool } from "../../../../../src/products/floor/workers/worker-pool.ts";
import { BROKEN_WORKER, SCRIPTED_WORKER, type ScriptedJobs } from "./scripted-worker.ts";

// Threads are started in most tests, and a machine that has much else to do takes its time.
vi.setConfig({ testTimeout: 60_000 });

function openPool(limits: Partial<PoolLimits>, entry: URL = SCRIPTED_WORKER) {
  const lines: { level: string; fields: object; message: string }[] = [];
  const seconds: number[] = [];
  const log = {
    warn: (fields: object, message: string) => void lines.push({ level: "warn", fields, message }),
    error: (fields: object, message: string) => void lines.push({ level: "error", fields, message }),
  };
  const pool = new WorkerPool<ScriptedJobs>(
    { entry, limits: { running: 1, spares: 1, ...limits } },
    { log, observeJob: (each) => void seconds.push(each) },
  );
  onTestFinished(() => pool.stop());
  return { pool, lines, seconds };
}

const bytes = Uint8Array.of(1, 2, 3);

test("a job has its output, and of the input no more than the bytes that were meant", async () => {
  const { pool, seconds } = openPool({});
  const frame = new Uint8Array(1024).fill(7);
  const { bytes: output } = await pool.run("echo", { bytes: frame.subarray(10, 12) });
  expect(output).toEqual(Uint8Array.of(7, 7));
  expect(output.buffer.byteLength).toBe(2);
  expect(frame.length).toBe(1024);
  expect(seconds).toHaveLength(1);
});

test("a refusal crosses the thread as it is", async () => {
  const { pool } = openPool({});
  const refused = { name: "WorkerError", reason: "INVALID_CONTENT", rule: "no", at: "/a", message: "no" };
  await expect(pool.run("refuse", { at: "/a" })).rejects.toMatchObject(refused);
});

test("products.md 4: a job over its time is killed while the loop goes on, and the next does not wait", async () => {
  const { pool, lines, seconds } = openPool({ jobMs: 100 });
  const job = pool.run("spin", {}).catch((error: unknown) => error);
  const next = pool.run("echo", { bytes });
  let turns = 0;
  let isOver = false;
  void job.then(() => {
    isOver = true;
  });
  for (; !isOver; turns++) await new Promise(setImmediate);
  const message = "the content took more than 100 ms to read: make it smaller or simpler";
  expect(await job).toMatchObject({ reason: "CONTENT_TOO_COSTLY", rule: "time", message });
  expect(turns).toBeGreaterThan(10);
  // The spare takes it, since what replaces the killed thread has not even loaded its code.
  expect(await next).toEqual({ bytes });
  expect(pool.stats()).toMatchObject({ threads: 2, running: 0, queuedJobs: 0, queuedBytes: 0 });
  const fields = { kind: "spin", bytes: 0, ms: expect.any(Number), why: "timeout" };
  expect(lines).toEqual([{ level: "warn", fields, message: "a worker was killed" }]);
  expect(seconds[0]).toBeGreaterThanOrEqual(0.099);
});

test("products.md 4: a job over its memory takes nothing but itself with it", async () => {
  const { pool, lines } = openPool({ heapMib: 40, jobMs: 60_000 });
  const message = "the content took more than 40 MiB of memory to read: make it smaller or simpler";
  await expect(pool.run("eat", {})).rejects.toMatchObject({ reason: "CONTENT_TOO_COSTLY", rule: "memory", message });
  expect(await pool.run("echo", { bytes })).toEqual({ bytes });
  expect(lines).toMatchObject([{ level: "warn", fields: { kind: "eat", why: "memory" } }]);
});

test("a defect of a worker is INTERNAL, is logged, and ends that worker only", async () => {
  const { pool, lines } = openPool({});
  await expect(pool.run("crash", {})).rejects.toMatchObject({ reason: "INTERNAL" });
  expect(await pool.run("echo", { bytes })).toEqual({ bytes });
  expect(lines).toMatchObject([{ level: "error", fields: { kind: "crash", err: { message: "boom" } } }]);
});

test("a worker that ends without a job is logged, and replaced when there is one", async () => {
  const { pool, lines } = openPool({ spares: 0 });
  await pool.run("crash-later", {});
  await expect.poll(() => pool.stats().threads, { timeout: 30_000 }).toBe(0);
  expect(await pool.run("echo", { bytes })).toEqual({ bytes });
  expect(lines).toMatchObject([{ level: "error", message: "a worker ended that had no job" }]);
});

test("workers that cannot start fail the jobs that wait, and are not started over and over", async () => {
  const { pool, lines } = openPool({}, BROKEN_WORKER);
  await expect(pool.run("echo", { bytes })).rejects.toMatchObject({ reason: "INTERNAL" });
  expect(pool.stats()).toMatchObject({ threads: 0, queuedJobs: 0, queuedBytes: 0 });
  await expect(pool.run("echo", { bytes })).rejects.toMatchObject({ reason: "INTERNAL" });
  expect(lines).toHaveLength(4);
});

test("products.md 4: what waits is bounded in jobs and bytes; more is refused, and can be tried again", async () => {
  const { pool } = openPool({ queueJobs: 3, queueBytes: 8, jobBytes: 6 });
  const first = [pool.run("echo", { bytes }), pool.run("echo", { bytes })];
  expect(pool.stats()).toMatchObject({ queuedJobs: 2, queuedBytes: 6 });
  const message = "2 jobs wait for a worker, with 6 bytes: try again";
  await expect(pool.run("echo", { bytes })).rejects.toMatchObject({ reason: "OVERLOADED", message });
  const second = pool.run("echo", { bytes: bytes.subarray(1) });
  await expect(pool.run("refuse", { at: "" })).rejects.toMatchObject({ reason: "OVERLOADED", rule: "queue" });
  await expect(pool.run("echo", { bytes: new Uint8Array(7) })).rejects.toMatchObject({
    reason: "CONTENT_TOO_LARGE",
    rule: "job-bytes",
    message: "the job has 7 bytes, and 6 is the most: send it in parts",
  });
  await Promise.all([...first, second]);
  expect(pool.stats().jobs).toEqual([
    { kind: "echo", outcome: "overloaded", count: 1 },
    { kind: "echo", outcome: "refused", count: 1 },
    { kind: "echo", outcome: "done", count: 3 },
    { kind: "refuse", outcome: "overloaded", count: 1 },
  ]);
});

test("a pool that stops gives up what runs and what waits, and takes nothing more", async () => {
  const { pool, lines } = openPool({ jobMs: 60_000 });
  const jobs = [pool.run("spin", {}), pool.run("echo", { bytes })].map((job) => job.catch((error: unknown) => error));
  await expect.poll(() => pool.stats().running, { timeout: 30_000 }).toBe(1);
  await pool.stop();
  for (const error of await Promise.all(jobs)) expect(error).toMatchObject({ reason: "STOPPING" });
  await expect(pool.run("echo", { bytes })).rejects.toMatchObject({ reason: "STOPPING" });
  pool.start();
  expect(pool.stats()).toMatchObject({ threads: 0, running: 0, queuedJobs: 0, queuedBytes: 0 });
  expect(lines).toEqual([]);
  await pool.stop();
});

test("started, its threads are warm before the first job, one more than may run", () => {
  const { pool } = openPool({ running: 2 });
  expect(pool.stats().threads).toBe(0);
  pool.start();
  pool.start();
  expect(pool.stats().threads).toBe(3);
});

test("a core is left to the member's loop", () => {
  expect([1, 2, 3, 4, 5, 64].map((cores) => defaultPoolLimits(cores).running)).toEqual([1, 1, 2, 3, 4, 4]);
});
