import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkout } from "../support/checkout.ts";
import { startDevEnsemble } from "./cli/dev-ensemble.ts";
import { MusterHome } from "./cli/muster-process.ts";

let home: MusterHome;
beforeEach(() => {
  home = new MusterHome();
});
afterEach(() => home.dispose());

const readme = readFileSync(join(checkout, "README.md"), "utf8");
const transcripts = [...readme.matchAll(/```console\n(?<lines>[\s\S]*?)```/g)].map(
  ({ groups }) => groups?.["lines"] ?? "",
);

interface Step {
  readonly words: readonly string[];
  /** The output shown under the command. */
  readonly shown: string;
}

function steps(transcript: string | undefined): Step[] {
  return (transcript ?? "")
    .split(/^\$ /m)
    .filter((part) => part !== "")
    .map((part) => {
      const end = part.indexOf("\n");
      const words = part.slice(0, end).match(/"[^"]*"|\$\([^)]*\)|\S+/g) ?? [];
      return { words: words.map((word) => word.replaceAll('"', "")), shown: part.slice(end + 1) };
    });
}

/** Does what the transcript does, and expects what it shows. */
async function follow(all: readonly Step[], endpoints: string): Promise<void> {
  for (const { words, shown } of all) {
    const [program, ...args] = words;
    if (program === "kill") {
      kill(args);
      continue;
    }
    expect(words.slice(0, 2)).toEqual(["npx", "muster"]);
    const { code, stdout, stderr } = await home.run(args.slice(1), { MUSTER_ENDPOINTS: endpoints });
    const said = stdout.toString().trimEnd();
    expect({ words, code, stderr, said }).toEqual({ words, code: 0, stderr: "", said: shown.trimEnd() });
  }
}

/** `kill -9 $(cat <file>)` */
function kill(args: readonly string[]): void {
  const file = /^-9 \$\(cat (\S+)\)$/.exec(args.join(" "))?.[1];
  if (file === undefined) throw new Error(`the transcript kills in a way that is not known here: ${args.join(" ")}`);
  process.kill(Number(readFileSync(join(home.directory, file), "utf8").trim()), "SIGKILL");
}

/** What the README gives `muster dev --members 3` besides. */
function startArguments(): string[] {
  const given = /^npx muster dev --members 3 (?<rest>[^#\n]*)/m.exec(readme)?.groups?.["rest"];
  return (given ?? "").trim().split(/\s+/);
}

test("the README has a transcript of one member and one of an ensemble", () => {
  expect(transcripts).toHaveLength(2);
  for (const transcript of transcripts) expect(steps(transcript).length).toBeGreaterThan(4);
});

test("the README's transcript of one member is what a user sees", async () => {
  const { ready } = await home.server();
  await follow(steps(transcripts[0]), ready.grpc);
});

test("the README's transcript of an ensemble is what a user sees", async () => {
  const { endpoints } = await startDevEnsemble(home, startArguments());
  await follow(steps(transcripts[1]), endpoints);
});
