import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { hostileContent } from "../../../../../../bench/harness/hostile-content.ts";
import { zipArchive } from "../../../../../../bench/harness/zip-archive.ts";
import type { ContentJobs } from "../../../../../../src/products/floor/workers/content-jobs.ts";
import type { PoolLimits } from "../../../../../../src/products/floor/workers/worker-limits.ts";
import { WorkerPool } from "../../../../../../src/products/floor/workers/worker-pool.ts";
import { workerFile } from "../../../../../../src/storage/worker-file.ts";
import { utf8 } from "./refusal.ts";

// A worker loads a megabyte of code before its first job.
vi.setConfig({ testTimeout: 60_000 });

const here = new URL("../../../../../../src/products/floor/workers/content/content-worker.ts", import.meta.url);

/** A pool as a member has it, with the real worker. */
function openPool(limits: Partial<PoolLimits>): WorkerPool<ContentJobs> {
  const log = { warn: () => {}, error: (fields: object) => expect.fail(JSON.stringify(fields)) };
  return new WorkerPool({ entry: workerFile("./content-worker", here.href), limits }, { log });
}

/** Its limit of time is met by a machine that has much else to do, but not by content that is not refused at once. */
let pool: WorkerPool<ContentJobs>;
beforeAll(() => {
  pool = openPool({ jobMs: 60_000 });
});
afterAll(() => pool.stop());

const json = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
const schema = utf8(JSON.stringify({ properties: { port: { type: "integer", maximum: 65_535 } } }));

test("every job is done in the worker", async () => {
  const content = utf8("port: 80\n");
  expect(json((await pool.run("parse", { format: "yaml", content })).json)).toEqual({ port: 80 });
  expect(await pool.run("check-xml", { content: utf8("<a/>") })).toEqual({});
  const { entries } = await pool.run("read-zip", { archive: zipArchive([{ name: "a", bytes: content }]) });
  expect(entries).toEqual([{ name: "a", bytes: content }]);
  expect(await pool.run("check-schema", { schema })).toEqual({});
  expect(await pool.run("validate", { schema, format: "yaml", content })).toEqual({ violations: [], total: 0 });
  const { violations } = await pool.run("validate", { schema, format: "json", content: utf8('{"port":80000}') });
  expect(violations).toMatchObject([{ item: "/port", rule: "#/properties/port/maximum", value: "80000" }]);
});

test("what is refused is refused with reason, rule and place", async () => {
  const refused = { name: "WorkerError", reason: "INVALID_CONTENT", rule: "duplicate-key", at: "/a" };
  await expect(pool.run("parse", { format: "json", content: utf8('{"a":1,"a":2}') })).rejects.toMatchObject(refused);
});

test.for(hostileContent().map((piece) => [piece.name, piece] as const))(
  "products.md 4: refused for what it is, before its time: %s",
  async ([, { kind, input, rule }]) => {
    const outcome: unknown = await pool.run(kind, input).catch((error: unknown) => error);
    // A value that breaks its schema is no error; anything else is refused with one.
    const rejected = { violations: [{ rule }] };
    const refused = { reason: expect.stringMatching(/^(CONTENT|INVALID)_/), rule };
    expect(outcome).toMatchObject(kind === "validate" ? rejected : refused);
  },
);

test("products.md 4: what is dear all the same is killed after 500 ms, while the loop goes on", async () => {
  const strict = openPool({});
  const content = utf8(JSON.stringify(Array.from({ length: 45_000 }, (_, index) => ({ index }))));
  let turns = 0;
  let isOver = false;
  const job = strict.run("validate", { schema: utf8('{"uniqueItems":true}'), format: "json", content });
  const refused = job.catch((error: unknown) => error).finally(() => (isOver = true));
  for (; !isOver; turns++) await new Promise(setImmediate);
  const message = "the content took more than 500 ms to read: make it smaller or simpler";
  expect(await refused).toMatchObject({ reason: "CONTENT_TOO_COSTLY", rule: "time", message });
  expect(turns).toBeGreaterThan(10);
  await strict.stop();
});
