#!/usr/bin/env node
import { existsSync } from "node:fs";

/** Inside a checkout, what is missing or stale is built first; an installed package has dist/ and no sources. */
async function prepareCheckout() {
  if (!existsSync(new URL("../src/cli/main.ts", import.meta.url))) return true;
  const { prepare } = await import("../scripts/prepare.mjs");
  try {
    await prepare();
    return true;
  } catch (error) {
    process.stderr.write(`muster: ${error instanceof Error ? error.message : error}\n`);
    return false;
  }
}

if (await prepareCheckout()) {
  const { main } = await import("../dist/cli/main.js");
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.exitCode = 1;
}
