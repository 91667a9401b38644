import { performance } from "node:perf_hooks";
import { opCodes, PASSWORD_BYTES } from "./protocol.ts";
import { RawConnection } from "./raw-client.ts";

/** Until a quorum serves, on a machine that is busy. */
const START_MS = 90_000;
const TRY_EVERY_MS = 100;

/** Resolves when the server at this address gives sessions; rejects when `isRunning` no longer holds. */
export async function untilServing(address: string, isRunning: () => boolean): Promise<void> {
  const begin = performance.now();
  while (performance.now() - begin < START_MS) {
    if (!isRunning()) throw new Error(`the server at ${address} has ended`);
    if (await givesSession(address)) return;
    await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS));
  }
  throw new Error(`the server at ${address} does not serve within ${START_MS} ms`);
}

async function givesSession(address: string): Promise<boolean> {
  const { connection, response } = await RawConnection.open(address, {
    timeoutMs: 5_000,
    sessionId: 0n,
    password: new Uint8Array(PASSWORD_BYTES),
    lastZxidSeen: 0n,
    readOnly: false,
  });
  if (response !== undefined) {
    connection.send(opCodes.closeSession, new Uint8Array(0));
    await connection.settled();
  }
  connection.destroy();
  return response !== undefined;
}
