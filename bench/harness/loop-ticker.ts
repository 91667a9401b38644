import { readFile } from "node:fs/promises";

const TICKER = new URL("ticker.mjs", import.meta.url).href;

/** Delays of a 5 ms timer on the member's loop, ms. */
export interface LoopDelays {
  readonly ticks: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** The environment that makes a member's process carry the ticker; SIGUSR2 makes it begin anew. */
export function tickerEnvironment(file: string): Record<string, string> {
  const options = [process.env["NODE_OPTIONS"] ?? "", `--import=${TICKER}`].join(" ").trim();
  return { NODE_OPTIONS: options, BENCH_TICKER: file };
}

/** What the ticker wrote last, at most a second ago; undefined when it has not written yet. */
export async function readTicker(file: string): Promise<LoopDelays | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as LoopDelays;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
