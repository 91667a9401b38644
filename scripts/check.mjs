#!/usr/bin/env node
// `npm run check`: all that CI runs, in order, fast first. Says which step runs and how long it took; the first that
// fails ends it. The tests come last, so that their closing line is the last thing printed.
import { spawnSync } from "node:child_process";
import { prepare, root } from "./prepare.mjs";

const steps = ["format:check", "lint:proto", "layers", "typecheck", "proto:check", "package:check", "test"];

const seconds = (/** @type {number} */ begin) => `${((performance.now() - begin) / 1000).toFixed(1)} s`;

const begin = performance.now();
await timed("prepare", () =>
  prepare().then(
    () => 0,
    (error) => {
      console.error(`muster: ${error.message}`);
      return 1;
    },
  ),
);
for (const name of steps) {
  await timed(name, () => spawnSync("npm", ["run", "--silent", name], { cwd: root, stdio: "inherit" }).status ?? 1);
}

/** @param {string} name @param {() => number | Promise<number>} work */
async function timed(name, work) {
  const from = performance.now();
  console.error(`==> ${name}`);
  const code = await work();
  console.error(`<== ${name}: ${code === 0 ? "ok" : `failed (${code})`} in ${seconds(from)}, ${seconds(begin)} in all`);
  if (code !== 0) process.exit(code);
}
