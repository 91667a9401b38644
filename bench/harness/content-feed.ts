import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { HostilePiece } from "./hostile-content.ts";

const FEEDER = new URL("content-feeder.mjs", import.meta.url).href;

/** How the giving of one piece ended so far, at one member. */
export interface PieceOutcome {
  readonly name: string;
  /** From the loop that gave it to the answer on that loop. */
  readonly longestMs: number;
  /** How often by each rule. */
  readonly ends: Readonly<Record<string, number>>;
}

/** `environment`, and what makes a member's process feed its workers from the folder. */
export function feedEnvironment(
  folder: string,
  environment: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { NODE_OPTIONS: options = "" } = environment;
  return { ...environment, NODE_OPTIONS: `${options} --import=${FEEDER}`.trim(), BENCH_CONTENT: folder };
}

/** Content that members feed to their workers, for as long as they are told to. */
export class ContentFeed {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Members started from now on know the folder. */
  static async prepare(folder: string, pieces: readonly HostilePiece[], ratePerSecond: number): Promise<ContentFeed> {
    await mkdir(folder, { recursive: true });
    const feed = { everyMs: 1000 / ratePerSecond, pieces: pieces.map(written) };
    writeFileSync(path.join(folder, "feed.json"), JSON.stringify(feed));
    return new ContentFeed(folder);
  }

  go(): void {
    writeFileSync(path.join(this.folder, "go"), "");
  }

  halt(): void {
    rmSync(path.join(this.folder, "go"));
  }

  outcome(pid: number): readonly PieceOutcome[] {
    return JSON.parse(readFileSync(path.join(this.folder, `outcome-${pid}.json`), "utf8"));
  }
}

function written({ name, kind, input }: HostilePiece) {
  const parts = Object.entries(input);
  const texts = parts.filter(([, part]) => typeof part === "string");
  const bytes = parts.filter(([, part]) => typeof part !== "string");
  return {
    name,
    kind,
    texts: Object.fromEntries(texts),
    bytes: Object.fromEntries(bytes.map(([field, part]) => [field, Buffer.from(part).toString("base64")])),
  };
}
