import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ContentJobs } from "../../../../../../src/products/floor/workers/content-jobs.ts";
import { WorkerPool } from "../../../../../../src/products/floor/workers/worker-pool.ts";
import { workerFile } from "../../../../../../src/storage/worker-file.ts";
import { utf8 } from "./refusal.ts";
import { zipArchive } from "./zip-archive.ts";

/** The pool as a member has it, with the real worker. */
let pool: WorkerPool<ContentJobs>;
beforeAll(() => {
  const here = new URL("../../../../../../src/products/floor/workers/content/content-worker.ts", import.meta.url);
  const log = { warn: () => {}, error: (fields: object) => expect.fail(JSON.stringify(fields)) };
  pool = new WorkerPool({ entry: workerFile("./content-worker", here.href), limits: { running: 1 } }, { log });
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

describe("products.md 4: refused within the limit:", () => {
  const lines = Array.from({ length: 20_000 }, (_, index) => `<!ENTITY e${index + 1} "&e${index};&e${index};">`);
  const doctype = `<!DOCTYPE a [<!ENTITY e0 "ha">${lines.join("")}]><a>&e20000;`;
  const names = "abcdefghijklmnop".split("");
  const aliases = names.map((name, index) => `${name}: &${name} [${`*${names[index - 1]},`.repeat(index && 6)}1]`);

  test.for<[string, string, () => Promise<unknown>]>([
    ["a YAML bomb", "values", () => pool.run("parse", { format: "yaml", content: utf8(aliases.join("\n")) })],
    [
      "1 MiB of XML with nested entities",
      "doctype",
      () => pool.run("check-xml", { content: utf8(`${doctype.padEnd(1024 * 1024 - 4)}</a>`) }),
    ],
    [
      "a zip bomb",
      "ratio",
      () => pool.run("read-zip", { archive: zipArchive([{ name: "a", bytes: new Uint8Array(1024 * 1024) }]) }),
    ],
  ])("%s", async ([, rule, start]) => {
    await expect(start()).rejects.toMatchObject({ reason: expect.stringMatching(/^(CONTENT|INVALID)_/), rule });
  });

  test("a value that a catastrophic pattern is held against", async () => {
    const pattern = utf8('{"pattern":"^(a+)+$"}');
    const content = utf8(`"${"a".repeat(100_000)}!"`);
    const { violations } = await pool.run("validate", { schema: pattern, format: "json", content });
    expect(violations).toMatchObject([{ item: "", rule: "#/pattern" }]);
  });

  test("a schema whose cost is the square of the content, by the kill, while the loop goes on", async () => {
    const content = utf8(JSON.stringify(Array.from({ length: 45_000 }, (_, index) => ({ index }))));
    let turns = 0;
    let isOver = false;
    const job = pool.run("validate", { schema: utf8('{"uniqueItems":true}'), format: "json", content });
    const refused = job.catch((error: unknown) => error).finally(() => (isOver = true));
    for (; !isOver; turns++) await new Promise(setImmediate);
    expect(await refused).toMatchObject({ reason: "CONTENT_TOO_COSTLY", rule: "time" });
    expect(turns).toBeGreaterThan(10);
  });
});
