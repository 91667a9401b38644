import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkout } from "../support/checkout.ts";
import { MusterHome } from "./cli/muster-process.ts";

let home: MusterHome;
beforeEach(() => {
  home = new MusterHome();
});
afterEach(() => home.dispose());

const transcript = /```console\n(?<lines>[\s\S]*?)```/.exec(readFileSync(join(checkout, "README.md"), "utf8"));

/** The commands of the transcript, each with the output shown under it. */
function commands(): { args: string[]; shown: string }[] {
  const lines = transcript?.groups?.["lines"] ?? "";
  return lines
    .split(/^\$ npx muster /m)
    .filter((part) => part !== "")
    .map((part) => {
      const end = part.indexOf("\n");
      const words = part.slice(0, end).match(/"[^"]*"|\S+/g) ?? [];
      return { args: words.map((word) => word.replaceAll('"', "")), shown: part.slice(end + 1) };
    });
}

test("the README's transcript is what a user sees", async () => {
  const { ready } = await home.server();
  const steps = commands();
  expect(steps.length).toBeGreaterThan(4);
  for (const { args, shown } of steps) {
    const { code, stdout, stderr } = await home.run(args, { MUSTER_ENDPOINTS: ready.grpc });
    expect({ args, code, stderr, said: stdout.toString().trimEnd() }).toEqual({
      args,
      code: 0,
      stderr: "",
      said: shown.trimEnd(),
    });
  }
});
