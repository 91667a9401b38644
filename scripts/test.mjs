#!/usr/bin/env node
import path from "node:path";
// `npm test`: prepares the checkout, then runs vitest in this process with the arguments given, so that signals and
// the exit code need no passing on.
import { pathToFileURL } from "node:url";
import { prepare, root } from "./prepare.mjs";

try {
  await prepare();
} catch (error) {
  process.stderr.write(`muster: ${/** @type {Error} */ (error).message}\n`);
  process.exit(1);
}

process.chdir(root);
const vitest = path.join(root, "node_modules", "vitest", "vitest.mjs");
process.argv.splice(1, process.argv.length, vitest, "run", ...process.argv.slice(2));
await import(pathToFileURL(vitest).href);
