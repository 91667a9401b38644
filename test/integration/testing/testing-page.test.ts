import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepare } from "../../../scripts/prepare.mjs";
import { compileSnippets, snippetsOf, writeScript } from "../../support/snippets.ts";

const run = promisify(execFile);

let folder: string;
beforeAll(async () => {
  await prepare();
  folder = mkdtempSync(path.join(os.tmpdir(), "muster-testing-page-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("products.md 30: the page's tests pass, and their process ends by itself: nothing is left open", async () => {
  const { problems, scripts } = compileSnippets(snippetsOf("docs/testing.md"), folder);
  expect(problems).toBe("");
  expect(scripts).toHaveLength(1);
  const file = path.join(folder, "page.mjs");
  writeScript(scripts[0] as string, file);
  // Without the runner's own process per file, which it would end whatever is left.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { stdout } = await run(process.execPath, ["--test-reporter=tap", file], { env });
  const said = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1]);
  expect({ pass: said("pass"), fail: said("fail") }).toEqual({ pass: 4, fail: 0 });
});
