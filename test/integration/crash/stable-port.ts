import { once } from "node:events";
import { createServer } from "node:net";
import type { Prng } from "../../../src/core/base/prng.ts";

const LOWEST = 12_000;
const HIGHEST = 32_000;
const TRIES = 100;

/**
 * A free port for a member that comes back to it after every crash. Below the range the kernel gives to outgoing
 * connections: while nobody listens, a client that keeps trying a port of that range may end up connected to itself,
 * and then holds the port.
 */
export async function stablePort(random: Prng): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = LOWEST + random.below(HIGHEST - LOWEST);
    if (await isFree(port)) return port;
  }
  throw new Error("no free port found");
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    if (server.listening) {
      server.close();
      await once(server, "close");
    }
  }
}
