import type { ChildProcess } from "node:child_process";
import { vi } from "vitest";
import { Prng } from "../../../src/core/base/prng.ts";
import type { MusterHome } from "./muster-process.ts";

/** `muster dev --members 3`, ready. */
export interface DevEnsemble {
  readonly child: ChildProcess;
  /** As its banner names them. */
  readonly endpoints: string;
  /** All it has said so far. */
  output(): string;
}

/** Where three members and their steps of ten find room is not to be known before; so another place is tried. */
export async function startDevEnsemble(home: MusterHome, args: readonly string[] = []): Promise<DevEnsemble> {
  const random = new Prng(process.pid * 1_000 + (Date.now() % 1_000));
  for (let attempt = 0; attempt < 20; attempt++) {
    const port = 12_000 + random.below(19_900);
    const doors = ["--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
    const child = home.start(["dev", "--members", "3", ...doors, "--peer-listen", `127.0.0.1:${port}`, ...args]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    const isOver = (): boolean => child.exitCode !== null || output.includes("Ctrl-C stops all members");
    await vi.waitUntil(isOver, { timeout: 90_000, interval: 20 });
    const endpoints = /npx muster ensemble status --endpoints (\S+)/.exec(output)?.[1];
    if (endpoints !== undefined) return { child, endpoints, output: () => output };
    if (!/in use by another program/.test(output)) throw new Error(output);
  }
  throw new Error("three members found no room");
}
