import { hexadecimal } from "./hexadecimal.ts";
import type { ConnectionFacts } from "./word-facts.ts";

/** The answer to `cons`. */
export function connectionsText(connections: readonly ConnectionFacts[]): string {
  return `${connections.map((connection) => `${fullLine(connection)}\n`).join("")}\n`;
}

/** A client in the answer to `stat`. */
export function briefLine(connection: ConnectionFacts): string {
  return `${lineBegin(connection)})`;
}

/** A connection in the answer to `cons`: all from `sid` on only if it has a session, `lcxid` only if that asked. */
function fullLine(connection: ConnectionFacts): string {
  const { sessionId, timeoutMs, statistics } = connection;
  if (sessionId === 0) return briefLine(connection);
  const { lastCxid, lastZxid, latency } = statistics;
  const fields = [
    lineBegin(connection),
    `sid=${hexadecimal(sessionId)}`,
    `lop=${statistics.lastOperation}`,
    `est=${Math.trunc(statistics.establishedAt)}`,
    `to=${timeoutMs}`,
    ...(lastCxid >= 0 ? [`lcxid=${hexadecimal(lastCxid)}`] : []),
    `lzxid=${hexadecimal(lastZxid)}`,
    `lresp=${Math.trunc(statistics.lastResponseAt)}`,
    `llat=${statistics.lastLatencyMs}`,
    `minlat=${latency.min}`,
    `avglat=${Math.trunc(latency.average)}`,
    `maxlat=${latency.max}`,
  ];
  return `${fields.join(",")})`;
}

/**
 * The number in brackets is what ZooKeeper waits for of the socket: 1, to read, of a client; 0, nothing, of a
 * connection that said a word.
 */
function lineBegin({ remoteAddress, remotePort, sessionId, statistics }: ConnectionFacts): string {
  const { outstanding, received, sent } = statistics;
  const interest = sessionId === 0 ? 0 : 1;
  const address = addressText(remoteAddress, remotePort);
  return ` ${address}[${interest}](queued=${outstanding},recved=${received},sent=${sent}`;
}

/** `/address:port` as Java prints it. IPv4 mapped into IPv6 is shown as IPv4, which is all go-zookeeper reads. */
export function addressText(address: string, port: number): string {
  const plain = plainAddress(address);
  return plain.includes(":") ? `/[${plain}]:${port}` : `/${plain}:${port}`;
}

/** Whether the address is of the member's own machine. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain === "::1" || plain.startsWith("127.");
}

function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}
