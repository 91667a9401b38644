import { mkdirSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import path from "node:path";
import { sleep } from "./waiting.ts";

const PROFILER = new URL("profiler.mjs", import.meta.url).href;

/** The environment that makes a member write a profile of the first measured load; it ends before the load does. */
export function profilerEnvironment(folder: string, member: number, seconds: number): Record<string, string> {
  mkdirSync(folder, { recursive: true });
  return {
    NODE_OPTIONS: `--import=${PROFILER}`,
    BENCH_PROFILE: path.resolve(folder, `member-${member}.cpuprofile`),
    BENCH_PROFILE_SECONDS: String(profiledSeconds(seconds)),
  };
}

/** Profiles this process, which puts the load on the members, for as long as they are profiled. */
export async function profileGenerator(folder: string, seconds: number): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.start");
  await sleep(profiledSeconds(seconds) * 1000);
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  writeFileSync(path.join(folder, "generator.cpuprofile"), JSON.stringify(profile));
}

/** Not the last part of the load: the writing of a large profile would show in it. */
function profiledSeconds(seconds: number): number {
  return Math.max(1, seconds * 0.8);
}
