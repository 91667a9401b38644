import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkout } from "../support/checkout.ts";

/** What `npm run simulate` says, without how fast it was. */
function simulate(...options: string[]): { readonly code: number | null; readonly said: string } {
  const tsx = join(checkout, "node_modules", "tsx", "dist", "cli.mjs");
  const { status, stdout } = spawnSync(process.execPath, [tsx, "test/simulation/main.ts", ...options], {
    cwd: checkout,
    encoding: "utf8",
  });
  return { code: status, said: stdout.replace(/^.* seeds a minute$/m, "") };
}

const SHORT = ["--members", "3", "--requests", "40", "--seeds", "6"];

describe("seeds in several processes", () => {
  it("come to what they come to in one", { timeout: 120_000 }, () => {
    const alone = simulate(...SHORT);
    expect(alone).toMatchObject({ code: 0, said: expect.stringContaining("6 seeds from 1, no rule broken") });
    expect(simulate(...SHORT, "--jobs", "3")).toEqual(alone);
  });

  it("fail with the lowest that breaks a rule, whichever is found first", { timeout: 120_000 }, () => {
    const broken = [...SHORT, "--fault", "commit-alone"];
    const alone = simulate(...broken);
    expect(alone).toMatchObject({ code: 1, said: expect.stringMatching(/^seed \d+ breaks "/) });
    expect(simulate(...broken, "--jobs", "3")).toEqual(alone);
  });
});
