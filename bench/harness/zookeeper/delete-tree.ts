import { forEachOf } from "../clients.ts";
import { ZookeeperClient, ZookeeperReplyError } from "./client.ts";

const SESSION_TIMEOUT_MS = 30_000;
const CONNECTIONS = 9;
/** Children of one znode that are deleted at a time. */
const UNDER_WAY = 900;
/** How often a znode is emptied again because somebody's last write came late. */
const ATTEMPTS = 10;

const NO_NODE = -101;
const NO_AUTH = -102;
const NOT_EMPTY = -111;

/** ZooKeeper's own. */
const KEPT = "zookeeper";

/**
 * Deletes every znode under the root except ZooKeeper's own and `kept`, so that a round finds what the one before it
 * found. Those that an ACL guards are left.
 * @param kept names of children of the root
 */
export async function deleteAll(endpoints: readonly string[], kept: readonly string[] = []): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, index) => {
      const endpoint = endpoints[index % endpoints.length] as string;
      return ZookeeperClient.connect({ endpoint, timeoutMs: SESSION_TIMEOUT_MS });
    }),
  );
  try {
    const names = await (clients[0] as ZookeeperClient).children("/");
    for (const name of names) if (name !== KEPT && !kept.includes(name)) await deleteTree(clients, `/${name}`, 0);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

async function deleteTree(clients: readonly ZookeeperClient[], path: string, turn: number): Promise<void> {
  const client = clients[turn % clients.length] as ZookeeperClient;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const code = await client.delete(path).then(() => 0, codeOf);
    if (code === 0 || code === NO_NODE || code === NO_AUTH) return;
    if (code !== NOT_EMPTY) throw new Error(`${path} could not be deleted: error ${code}`);
    const names = await client.children(path);
    await forEachOf(names.length, UNDER_WAY, (index) => deleteTree(clients, `${path}/${names[index]}`, index));
  }
}

function codeOf(error: unknown): number {
  if (error instanceof ZookeeperReplyError) return error.code;
  throw error;
}
