import { readFile, rm } from "node:fs/promises";
import { until } from "./waiting.ts";

const COLLECTED_TIMEOUT_MS = 10_000;
const POLL_MS = 50;

/**
 * What a member that carries the ticker still refers to, bytes: its heap and its buffers after a full collection. RSS
 * has in it what V8 keeps for later, too.
 * @param file the ticker's
 */
export async function liveMemory(pid: number, file: string): Promise<number> {
  const answer = `${file}.memory`;
  await rm(answer, { force: true });
  process.kill(pid, "SIGWINCH");
  return until(COLLECTED_TIMEOUT_MS, POLL_MS, "a member to collect its garbage", async () => {
    return JSON.parse(await readFile(answer, "utf8")).liveBytes as number;
  });
}
