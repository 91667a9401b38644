import { connect } from "node:net";
import { requireOpenFiles } from "../open-files.ts";
import { sleep } from "../waiting.ts";
import { splitEndpoint } from "../zookeeper/client.ts";

export interface BurstOptions {
  readonly endpoints: readonly string[];
  readonly count: number;
}

export interface BurstOutcome {
  readonly connected: number;
  readonly refused: number;
  /** From the first to the last one's outcome. */
  readonly ms: number;
}

/** All are held open together for so long, ms. */
const HELD_MS = 1_000;

/** Opens all connections in one turn, says nothing on any, and goes. */
export async function connectBurst({ endpoints, count }: BurstOptions): Promise<BurstOutcome> {
  requireOpenFiles("a process of the burst", count);
  const begin = performance.now();
  const outcomes = Array.from({ length: count }, (_, index) => {
    const [host, port] = splitEndpoint(endpoints[index % endpoints.length] as string);
    const socket = connect({ host, port });
    const isConnected = new Promise<boolean>((resolve) => {
      socket.on("connect", () => resolve(true));
      socket.on("error", () => resolve(false));
    });
    return { socket, isConnected };
  });
  const connected = (await Promise.all(outcomes.map(({ isConnected }) => isConnected))).filter(Boolean).length;
  const ms = performance.now() - begin;
  await sleep(HELD_MS);
  for (const { socket } of outcomes) socket.destroy();
  return { connected, refused: count - connected, ms };
}
