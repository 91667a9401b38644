import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { checkout } from "../../support/checkout.ts";

const program = join(checkout, "bin", "muster.js");

/** Builds what is stale, which is said on standard error. */
beforeAll(() => {
  expect(spawnSync(process.execPath, [program, "version"]).status).toBe(0);
});

test.runIf(existsSync("/dev/full"))("output that cannot be written is a failure, said in one line", () => {
  const full = openSync("/dev/full", "w");
  try {
    const { status, stderr } = spawnSync(process.execPath, [program, "version"], {
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/^muster: standard output cannot be written: ENOSPC[^\n]*\n$/),
    });
  } finally {
    closeSync(full);
  }
});

test("a reader that goes away early is no failure", () => {
  const script = `"$1" "$0" completion bash | true; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", script, program, process.execPath], { encoding: "utf8" });
  expect({ stdout, stderr }).toEqual({ stdout: "0\n", stderr: "" });
});
