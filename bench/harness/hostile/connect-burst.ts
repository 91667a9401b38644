import { connect } from "node:net";
import { requireOpenFiles } from "../open-files.ts";
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

/** Opens all connections in one turn and says nothing on any; they stay open as long as the process lives. */
export async function connectBurst({ endpoints, count }: BurstOptions): Promise<BurstOutcome> {
  requireOpenFiles("a process of the burst", count);
  const begin = performance.now();
  const outcomes = Array.from({ length: count }, (_, index) => {
    const [host, port] = splitEndpoint(endpoints[index % endpoints.length] as string);
    const socket = connect({ host, port });
    return new Promise<boolean>((resolve) => {
      socket.on("connect", () => resolve(true));
      socket.on("error", () => resolve(false));
    });
  });
  const connected = (await Promise.all(outcomes)).filter(Boolean).length;
  return { connected, refused: count - connected, ms: performance.now() - begin };
}
