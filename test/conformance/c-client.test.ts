import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runClientProgram } from "./client-program.ts";
import { SESSION_TIMEOUT_MAX_MS, SESSION_TIMEOUT_MIN_MS } from "./conformance-target.ts";
import { needClient, useTarget } from "./use-target.ts";

const folder = new URL("c", import.meta.url).pathname;
const programs = readdirSync(folder).filter((name) => name.endsWith(".c"));
const target = useTarget();

let build: string;
beforeAll(() => {
  build = mkdtempSync(path.join(os.tmpdir(), "conformance-c-"));
});
afterAll(() => rmSync(build, { recursive: true, force: true }));

test("there are programs on libzookeeper", () => {
  expect(programs.length).toBeGreaterThan(3);
});

/** Looking for childless containers less often than this is too long to wait for every day, ms. */
const SWEEP_WAITED_FOR_MS = 10_000;

describe.concurrent("libzookeeper", () => {
  for (const program of programs) {
    test(program, async (context) => {
      needClient(context, "libzookeeper");
      const name = path.basename(program, ".c");
      const binary = path.join(build, name);
      const flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-DTHREADED"];
      execFileSync("gcc", [...flags, "-o", binary, path.join(folder, program), "-lzookeeper_mt", "-lpthread"]);
      const ensemble = await target();
      const isPatient = process.env["CONFORMANCE_PATIENT"] === "1";
      if (name === "containers" && ensemble.containerSweepMs > SWEEP_WAITED_FOR_MS && !isPatient) {
        context.skip("not run: containers are looked for once a minute; CONFORMANCE_PATIENT=1 waits for it");
      }
      const timeouts = [SESSION_TIMEOUT_MIN_MS, SESSION_TIMEOUT_MAX_MS].map(String);
      await runClientProgram(ensemble, [binary, ensemble.hosts.join(","), `/c/${name}`, ...timeouts]);
    });
  }
});
