import { connect, type Socket } from "node:net";
import { sleep } from "../waiting.ts";
import { splitEndpoint, ZookeeperClient } from "../zookeeper/client.ts";
import { connectFrame } from "../zookeeper/wire.ts";

export interface IdleOptions {
  readonly endpoints: readonly string[];
  /** Connections of each kind. */
  readonly count: number;
}

const SESSION_TIMEOUT_MS = 10_000;
/** From one byte of a slow connection to its next one, ms. */
const BYTE_EVERY_MS = 1_000;
/** Says that this many bytes follow, which they never all do. */
const NEVER_WHOLE = Buffer.from([0, 0, 0x10, 0]);

/**
 * Slow-loris: connections of which half never finish their connect request, and half, with a session, never finish a
 * request; each sends a byte now and then, and one that was ended is opened again. For ever.
 */
export function dribble({ endpoints, count }: IdleOptions): void {
  const keep = async (index: number): Promise<never> => {
    const endpoint = endpoints[index % endpoints.length] as string;
    for (;;) {
      const socket = await openSocket(endpoint);
      const head = index % 2 === 0 ? NEVER_WHOLE : Buffer.concat([connectFrame(SESSION_TIMEOUT_MS), NEVER_WHOLE]);
      socket.resume();
      socket.write(head.subarray(0, head.length - 1));
      while (!socket.destroyed) {
        await sleep(BYTE_EVERY_MS);
        if (!socket.destroyed) socket.write(Buffer.of(0));
      }
    }
  };
  for (let index = 0; index < count; index++) void keep(index);
}

/**
 * Connections that are silent from now on: half have never said a word, half have a session. Their process is stopped
 * then, so that they neither answer nor close: what a member sees of a client whose machine is gone.
 */
export async function openSilent({ endpoints, count }: IdleOptions): Promise<void> {
  for (let index = 0; index < count; index++) {
    const endpoint = endpoints[index % endpoints.length] as string;
    if (index % 2 === 0) await openSocket(endpoint);
    else await ZookeeperClient.connect({ endpoint, timeoutMs: SESSION_TIMEOUT_MS });
  }
}

function openSocket(endpoint: string): Promise<Socket> {
  const [host, port] = splitEndpoint(endpoint);
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true }, () => resolve(socket));
    // One that is refused counts as opened and ended: whoever keeps connections tries again.
    socket.on("error", () => resolve(socket));
  });
}
