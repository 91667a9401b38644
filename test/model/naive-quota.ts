import type { ModelNode } from "./expectation.ts";
import { isAtOrBelow, nameOf, parentOf } from "./naive-rules.ts";

/** Quotas of the naive tree: found by scanning all its znodes, counted afresh whenever they are asked for. */

type Nodes = ReadonlyMap<string, ModelNode>;

const QUOTA = "/zookeeper/quota";

/** The path a `zookeeper_limits` znode limits; undefined for every other path. */
export function quotaRootOf(path: string): string | undefined {
  if (!path.startsWith(`${QUOTA}/`) || nameOf(path) !== "zookeeper_limits") return undefined;
  const root = parentOf(path).slice(QUOTA.length);
  return root === "" ? "/" : root;
}

function quotaRoots(nodes: Nodes): string[] {
  return [...nodes.keys()].map(quotaRootOf).filter((root) => root !== undefined);
}

/** Znodes and bytes at and below a path; nothing below /zookeeper is counted. */
export function usage(nodes: Nodes, root: string): { count: number; bytes: number } {
  let count = 0;
  let bytes = 0;
  for (const [path, node] of nodes) {
    if (!isAtOrBelow(path, root) || isAtOrBelow(path, "/zookeeper")) continue;
    count += 1;
    bytes += node.data.length;
  }
  return { count, bytes };
}

/** The counts a `zookeeper_stats` znode shows; undefined for every other path, and where there are no limits. */
export function quotaStats(nodes: Nodes, path: string): Uint8Array | undefined {
  if (!path.startsWith(`${QUOTA}/`) || nameOf(path) !== "zookeeper_stats") return undefined;
  const root = parentOf(path).slice(QUOTA.length) || "/";
  if (!quotaRoots(nodes).includes(root)) return undefined;
  const { count, bytes } = usage(nodes, root);
  return new TextEncoder().encode(`count=${count},bytes=${bytes}`);
}

/**
 * Would growing pass a hard limit? A change that does not grow is let through, also above the limit: ZooKeeper refuses
 * to replace data by less as long as the sum is too large, which nobody is helped by.
 */
export function passesHardQuota(nodes: Nodes, path: string, moreNodes: number, moreBytes: number): boolean {
  if (isAtOrBelow(path, "/zookeeper")) return false;
  return quotaRoots(nodes).some((root) => {
    if (!isAtOrBelow(path, root)) return false;
    const data = nodes.get(`${QUOTA}${root === "/" ? "" : root}/zookeeper_limits`)?.data ?? new Uint8Array(0);
    const nodesMax = hardLimit(data, "countHardLimit");
    const bytesMax = hardLimit(data, "byteHardLimit");
    const { count, bytes } = usage(nodes, root);
    if (nodesMax >= 0 && moreNodes > 0 && count + moreNodes > nodesMax) return true;
    return bytesMax >= 0 && moreBytes > 0 && bytes + moreBytes > bytesMax;
  });
}

/** A hard limit in the data of a `zookeeper_limits` znode; -1 where there is none. */
export function hardLimit(data: Uint8Array, key: "countHardLimit" | "byteHardLimit"): number {
  let limit = -1;
  for (const pair of new TextDecoder().decode(data).split(/[,;]+/)) {
    const [name, value = ""] = pair.split("=");
    if (name === key && /^-?\d+$/.test(value)) limit = Number(value);
  }
  return limit < 0 ? -1 : limit;
}
