import type { MusterClient } from "@muster/client";
import { expect } from "vitest";

/** One change of one znode that a client was told is done. */
export interface Change {
  readonly type: "create" | "set" | "delete";
  readonly path: string;
  /** Names the value: {@link makeValue} makes it. Empty for a deletion. */
  readonly token: string;
  readonly bytes: number;
}

/** What one acknowledged command did, all at one zxid. */
export interface Acknowledged {
  readonly zxid: number;
  readonly changes: readonly Change[];
}

interface ExpectedZnode {
  token: string;
  bytes: number;
  version: number;
  czxid: number;
  mzxid: number;
  pzxid: number;
  creates: number;
  children: number;
}

/** A value that no other write has, of the size asked for. */
export function makeValue(token: string, bytes: number): Buffer {
  return Buffer.alloc(Math.max(bytes, token.length), `${token} `);
}

/** The token of a value made by {@link makeValue}. */
export function tokenOf(value: Uint8Array): string {
  const text = Buffer.from(value).toString("latin1");
  const space = text.indexOf(" ");
  return space < 0 ? text : text.slice(0, space);
}

/**
 * The tree below `root` as it must be when every command was acknowledged: a second, plain way to the same state. What
 * was lost, applied twice or reordered shows as a difference in a value, a version or a zxid.
 */
export function replay(history: readonly Acknowledged[], root: string): ReadonlyMap<string, ExpectedZnode> {
  const tree = new Map<string, ExpectedZnode>();
  for (const { zxid, changes } of [...history].sort((a, b) => a.zxid - b.zxid)) {
    for (const { type, path, token, bytes } of changes) {
      const parent = path === root ? undefined : tree.get(path.slice(0, path.lastIndexOf("/")));
      const node = tree.get(path);
      if (type === "create") {
        expect(node, `created twice: ${path}`).toBeUndefined();
        tree.set(path, { token, bytes, version: 0, czxid: zxid, mzxid: zxid, pzxid: zxid, creates: 0, children: 0 });
        if (parent !== undefined) Object.assign(parent, grown(parent, 1, zxid));
      } else if (node === undefined) {
        expect.fail(`acknowledged a ${type} of ${path} at zxid ${zxid}, where there is none`);
      } else if (type === "set") {
        Object.assign(node, { token, bytes, version: node.version + 1, mzxid: zxid });
      } else {
        tree.delete(path);
        if (parent !== undefined) Object.assign(parent, grown(parent, -1, zxid));
      }
    }
  }
  return tree;
}

function grown(parent: ExpectedZnode, by: 1 | -1, zxid: number): Partial<ExpectedZnode> {
  const creates = by === 1 ? parent.creates + 1 : parent.creates;
  return { creates, children: parent.children + by, pzxid: zxid };
}

/** Reads the whole tree below `root` and compares every znode, its value and its stat, times excepted. */
export async function compareTree(
  client: MusterClient,
  root: string,
  expected: ReadonlyMap<string, ExpectedZnode>,
): Promise<void> {
  const seen = new Set<string>();
  const visit = async (path: string): Promise<void> => {
    seen.add(path);
    const node = expected.get(path);
    const { data, stat } = await client.znodes.get(path);
    expect(node, `${path} was never acknowledged (or was deleted), yet it is there: ${tokenOf(data)}`).toBeDefined();
    if (node === undefined) return;
    const { version, czxid, mzxid, pzxid, children } = node;
    const { token, bytes } = node;
    expect(Buffer.compare(data, makeValue(token, bytes)), `${path} holds ${tokenOf(data)} instead of ${token}`).toBe(0);
    expect({ ...stat, ctime: 0, mtime: 0 }, path).toEqual({
      ...{ ctime: 0, mtime: 0, aversion: 0, ephemeralOwner: stat.ephemeralOwner },
      ...{ version, czxid, mzxid, pzxid, numChildren: children, dataLength: data.length },
      // As ZooKeeper shows it: 2 * creates - children.
      cversion: 2 * node.creates - children,
    });
    const names = await client.znodes.list(path);
    for (let at = 0; at < names.length; at += 500) {
      await Promise.all(names.slice(at, at + 500).map((name) => visit(`${path}/${name}`)));
    }
  };
  await visit(root);
  const missing = [...expected.keys()].filter((path) => !seen.has(path));
  expect(missing, "acknowledged, yet not there").toEqual([]);
}
