import { connect, type MusterClient } from "@muster/client";

/**
 * Opens `count` clients, each with a connection and a session of its own, at the endpoints in turn. Rejects when one
 * ended up elsewhere: what is measured would not be what was asked for.
 */
export async function openClients(endpoints: readonly string[], count: number): Promise<MusterClient[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const endpoint = endpoints[index % endpoints.length] as string;
      const client = await connect({ endpoints: [endpoint], sessionTimeoutMs: 60_000 });
      if (client.endpoint !== endpoint) throw new Error(`a client for ${endpoint} is at ${client.endpoint}`);
      return client;
    }),
  );
}

/** Opens `count` clients as an application does: each knows all members and goes where it will. */
export async function openRoamingClients(endpoints: readonly string[], count: number): Promise<MusterClient[]> {
  return Promise.all(Array.from({ length: count }, () => connect({ endpoints, sessionTimeoutMs: 30_000 })));
}

export async function closeClients(clients: readonly MusterClient[]): Promise<void> {
  await Promise.all(clients.map((client) => client.close()));
}

/** Many small differing values, made once: writing the same bytes for ever would flatter every cache on the way. */
export function makeValues(bytes: number, count = 64): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const value = Buffer.alloc(bytes, `value ${i} of a benchmark, neither random nor empty; `);
    value.writeUInt8(i % 256, 0);
    return value;
  });
}

/** Runs `step` for 0 to `count` - 1 with at most `width` under way. */
export async function forEachOf(
  count: number,
  width: number,
  step: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const run = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await step(index);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, run));
}
