import { performance } from "node:perf_hooks";
import { CLEANER, OPEN } from "./pools.ts";
import type { CreateRequest, Request } from "./request.ts";
import { childrenOf, field, SimpleClient, statOf } from "./simple-client.ts";
import { deleteSubtree, subtree } from "./subtree.ts";
import type { Target } from "./target.ts";

/** Muster looks at containers once a minute, and a parent goes a sweep after its last child. */
const PATIENCE_MS = 200_000;
const LOOK_EVERY_MS = 200;
const SHORT_MS = 400;
const LONG_MS = 3_600_000;
/** What sessions that are broken off have; others have a minute. */
const EXPIRY_MS = 1_500;

const node = (path: string): CreateRequest => ({ op: "create", path, data: "", acl: OPEN, flags: 0 });
const ephemeral = (path: string): CreateRequest => ({ op: "create", path, data: "", acl: OPEN, flags: 1 });
const container = (path: string): CreateRequest => {
  return { op: "createContainer", path, data: "", acl: OPEN, flags: 4 };
};
const ttl = (path: string, ms: number, flags = 5): CreateRequest => {
  return { op: "createTtl", path, data: "", acl: OPEN, flags, ttl: ms };
};
const remove = (path: string): Request => ({ op: "delete", path, version: -1 });

/** Containers and TTL znodes, of which some go by themselves. */
const PREPARATION: readonly Request[] = [
  container("§/never-used"),
  ...[container("§/used"), node("§/used/a"), remove("§/used/a")],
  ...[container("§/in-use"), node("§/in-use/a"), node("§/in-use/b"), remove("§/in-use/a")],
  ...[container("§/outer"), container("§/outer/inner"), node("§/outer/inner/a"), remove("§/outer/inner/a")],
  ...[container("§/of-expired"), container("§/of-closed"), container("§/of-ttl"), ttl("§/of-ttl/a", SHORT_MS)],
  ...[ttl("§/short", SHORT_MS), ttl("§/long", LONG_MS), ttl("§/sequential-", SHORT_MS, 6)],
  ...[ttl("§/with-child", SHORT_MS), node("§/with-child/a")],
  ...[ttl("§/had-child", SHORT_MS), node("§/had-child/a"), remove("§/had-child/a")],
  ...[ttl("§/changed", SHORT_MS), { op: "setData", path: "§/changed", data: "x", version: 0 } as const],
  ...[ttl("§/in-multi-parent", LONG_MS), { op: "multi", operations: [ttl("§/in-multi-parent/a", SHORT_MS)] } as const],
];
const GONE = [
  ...[
    "used",
    "outer",
    "outer/inner",
    "of-expired",
    "of-closed",
    "of-ttl",
    "of-ttl/a",
    "short",
    "sequential-0000000009",
  ],
  ...["had-child", "changed", "in-multi-parent/a", "expired", "of-expired/a"],
];

/** One line for each znode that is left, and one for each event of a recursive watch on all of it, sorted. */
export interface Reaped {
  readonly left: readonly string[];
  readonly events: readonly string[];
  /** What was to go and did not. */
  readonly staying: readonly string[];
}

/**
 * What becomes of containers, TTL znodes and the ephemerals of sessions that expire: the state when all has gone that
 * is to go, or when the wait for it is over.
 */
export async function reap(target: Target, prefix: string): Promise<Reaped> {
  const meaning = { prefix, zxid: () => 0n };
  const address = (index: number): string => target.addresses[index % target.addresses.length] as string;
  const client = await SimpleClient.open(address(0), meaning);
  const expired = await SimpleClient.open(address(1), meaning, EXPIRY_MS);
  const closed = await SimpleClient.open(address(2), meaning, EXPIRY_MS);
  await client.ask({ op: "auth", scheme: "digest", credential: CLEANER.credential });
  await client.ask(node("§"));
  await client.ask({ op: "addWatch", path: "§", kind: 1 });
  await client.askAll(PREPARATION);
  for (const session of [expired, closed]) await session.ask({ op: "sync", path: "§" });
  await expired.askAll([ephemeral("§/expired"), ephemeral("§/of-expired/a")]);
  await closed.ask(ephemeral("§/of-closed/a"));
  expired.abandon();
  await closed.close();
  const isThere = async (): Promise<string[]> => {
    const answers = await client.askAll(
      GONE.map((name) => ({ op: "exists", path: `§/${name}`, watch: false }) as const),
    );
    return GONE.filter((_, index) => answers[index]?.error === 0);
  };
  const begin = performance.now();
  let staying = await isThere();
  while (staying.length > 0 && performance.now() - begin < PATIENCE_MS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    staying = await isThere();
  }
  const left = await linesOf(client, prefix);
  const events = client.events.map(({ type, path }) => `${path.slice(prefix.length)} ${type}`).sort();
  await deleteSubtree(client, prefix);
  await client.close();
  return { left, events, staying };
}

async function linesOf(client: SimpleClient, prefix: string): Promise<string[]> {
  const lines: string[] = [];
  for (const path of await subtree(client, prefix)) {
    const list = await client.ask({ op: "getChildren2", path, watch: false });
    const { value } = await client.ask({ op: "getData", path, watch: false });
    const { version, cversion, numChildren, ephemeralOwner } = statOf(list) ?? {};
    const numbers = `version ${version} cversion ${cversion} children ${numChildren} owner ${ephemeralOwner}`;
    const names = [...childrenOf(list)].sort().join(",");
    lines.push(`${path.slice(prefix.length)} ${JSON.stringify(field(value, "data"))} ${numbers} [${names}]`);
  }
  return lines;
}
