import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below where Linux takes the ports of outgoing connections from: one given back stays free until it is taken again.
 */
const FIRST_PORT = 12_000;
const PORTS = 18_000;

/** Ports on loopback that nobody listens on, for processes that come back to the port they had. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  const offset = (process.pid * 97) % PORTS;
  for (let i = 0; i < PORTS && ports.length < count; i++) {
    const port = FIRST_PORT + ((offset + i) % PORTS);
    if (await isFree(port)) ports.push(port);
  }
  if (ports.length < count) throw new Error(`no ${count} free ports from ${FIRST_PORT} up`);
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const outcome = Promise.race([once(server, "listening").then(() => true), once(server, "error").then(() => false)]);
  server.listen(port, "127.0.0.1");
  const free = await outcome.catch(() => false);
  if (free) {
    server.close();
    await once(server, "close");
  }
  return free;
}
