import { readFileSync } from "node:fs";

/** What a `.cpuprofile` holds, as far as it is needed here. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SHOWN = 40;

/** Prints where a profile's time went: each function's own, the largest first. */
function print(file: string): void {
  const { nodes, samples, timeDeltas }: Profile = JSON.parse(readFileSync(file, "utf8"));
  const names = new Map(
    nodes.map(({ id, callFrame }) => [
      id,
      `${callFrame.functionName || "(anonymous)"} ${place(callFrame.url, callFrame.lineNumber)}`,
    ]),
  );
  const micros = new Map<string, number>();
  let all = 0;
  samples.forEach((sample, index) => {
    const name = names.get(sample) ?? "?";
    const delta = timeDeltas[index] ?? 0;
    micros.set(name, (micros.get(name) ?? 0) + delta);
    all += delta;
  });
  console.log(`${file}: ${(all / 1e6).toFixed(1)} s`);
  for (const [name, own] of [...micros].sort((a, b) => b[1] - a[1]).slice(0, SHOWN)) {
    console.log(`${((own * 100) / all).toFixed(1).padStart(6)} %  ${name}`);
  }
}

function place(url: string, line: number): string {
  if (url === "") return "";
  const short = url.replace(/^.*\/(?=(dist|node_modules|src|bench)\/)/, "");
  return `${short}:${line + 1}`;
}

const files = process.argv.slice(2);
if (files.length === 0) {
  process.stderr.write("usage: npx tsx bench/profile.ts FILE.cpuprofile...\n");
  process.exitCode = 1;
}
for (const file of files) print(file);
