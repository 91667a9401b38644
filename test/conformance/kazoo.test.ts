import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { runClientProgram } from "./client-program.ts";
import { SESSION_TIMEOUT_MAX_MS, SESSION_TIMEOUT_MIN_MS } from "./conformance-target.ts";
import { needClient, PYTHON, useTarget } from "./use-target.ts";

const folder = new URL("kazoo", import.meta.url).pathname;
const scripts = readdirSync(folder).filter((name) => name.endsWith(".py") && name !== "harness.py");
/** Scripts that kill members: nothing else runs meanwhile. */
const alone = ["failover.py"];

const target = useTarget();

async function run(script: string): Promise<void> {
  const ensemble = await target();
  const { name, hosts, sasl } = ensemble;
  const timeouts = [SESSION_TIMEOUT_MIN_MS, SESSION_TIMEOUT_MAX_MS];
  const told = JSON.stringify({ name, hosts, timeouts, sasl });
  // -B: no compiled files beside the scripts.
  await runClientProgram(ensemble, [PYTHON, "-B", path.join(folder, script), told]);
}

test("there are scripts of kazoo, those that run alone among them", () => {
  expect(scripts.length).toBeGreaterThan(10);
  expect(scripts).toEqual(expect.arrayContaining(alone));
});

describe.concurrent("kazoo", () => {
  for (const script of scripts.filter((name) => !alone.includes(name))) {
    test(script, async (context) => {
      needClient(context, "kazoo");
      await run(script);
    });
  }
});

describe("kazoo, alone", () => {
  for (const script of alone) {
    test(script, async (context) => {
      needClient(context, "kazoo");
      await run(script);
    });
  }
});
