import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileSnippets, snippetsOf, writeScript } from "../../support/snippets.ts";
import { type ProcessRig, startProcessRig } from "./process-rig.ts";

let folder: string;
let compiled: string[];
let rig: ProcessRig;
const children: ChildProcess[] = [];
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), "muster-readme-"));
  // Builds what is stale, too.
  rig = await startProcessRig();
});
afterAll(async () => {
  await Promise.all(
    children.map(async (child) => {
      const closed = once(child, "close");
      if (child.exitCode === null && child.kill("SIGKILL")) await closed;
    }),
  );
  await rig?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs compiled code against the member; its standard output, line by line. */
function run(name: string, script: string): { child: ChildProcess; lines: AsyncIterator<string> } {
  const file = path.join(folder, `${name}.mjs`);
  writeScript(script, file);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  return { child, lines };
}

/** Replaces what the snippet says by what is so here; it must be there. */
function adapt(script: string, said: string | RegExp, here: string): string {
  expect(script).toMatch(said);
  return script.replace(said, here);
}

test("every snippet of the client's README compiles, and the tests below run all of them", () => {
  const { problems, scripts } = compileSnippets(snippetsOf("sdk/typescript/README.md"), folder);
  expect(problems).toBe("");
  expect(scripts).toHaveLength(2);
  compiled = scripts;
});

test("the first snippet of the client's README does what it says", async () => {
  const { lines } = run("first", adapt(compiled[0] as string, "127.0.0.1:7400", rig.endpoint));
  const worker = "/app/worker-0000000000";
  expect((await lines.next()).value).toBe(`${worker} up [ 'worker-0000000000' ]`);
  const client = await rig.connect();
  const seen = lines.next();
  // The watch is registered some time after the line was printed: what it shows first is a change after that.
  let last = 0;
  let over = false;
  const changing = (async () => {
    while (!over) last = (await client.znodes.set(worker, "busier")).zxid;
  })();
  const [type, name, zxid] = ((await seen).value as string).split(" ");
  over = true;
  await changing;
  expect([type, name]).toEqual(["data-changed", worker]);
  expect(Number(zxid)).toBeLessThanOrEqual(last);
});

test("the second snippet of the client's README tells a lost race by its reason", async () => {
  const client = await rig.connect();
  await client.znodes.create("/app", "", { ifAbsent: true });
  const code = compiled[1] as string;
  const here = adapt(
    adapt(code, /\["a\.example:7400", "b\.example:7400"\]/, JSON.stringify([rig.endpoint])),
    ", tls: true",
    "",
  );
  const { child, lines } = run("second", here);
  expect((await lines.next()).value).toBe("somebody was faster: read again");
  expect(await once(child, "close")).toEqual([0, null]);
});
