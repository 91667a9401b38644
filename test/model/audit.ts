import { assert } from "../../src/core/base/assert.ts";
import { ByteReader, ByteWriter, encodeUtf8 } from "../../src/core/base/bytes.ts";
import { OPEN_ACL } from "../../src/core/tree/acl-table.ts";
import { Digest, Hasher, hashDomain } from "../../src/core/tree/digest.ts";
import { NodeHasher } from "../../src/core/tree/node-hash.ts";
import { NO_NODE, ROOT } from "../../src/core/tree/node-table.ts";
import type { Session } from "../../src/core/tree/session-table.ts";
import { znodeKind } from "../../src/core/tree/snapshot-row.ts";
import type { Tree } from "../../src/core/tree/tree.ts";
import type { TreeState } from "../../src/core/tree/tree-state.ts";

/**
 * Checks a tree against itself: links, counts and lists by walking all of it, and the incremental digest against one
 * computed from nothing. Throws InvariantError on the first thing that is not as it should be. A member's event history
 * keeps ACLs of its own.
 */
export function auditTree(tree: Tree, hasHistory = false): void {
  const { state } = tree;
  const digest = new Digest();
  const hasher = new NodeHasher(state);
  const totals = { nodes: 0, bytes: 0, ephemerals: 0 };
  const acls = new Set([OPEN_ACL]);
  const paths = new Map<number, string>();
  walk(state, ROOT, "", (node, path) => {
    auditNode(state, node, path);
    paths.set(node, path);
    acls.add(state.table.acl.get(node));
    totals.nodes++;
    totals.bytes += state.table.dataLength.get(node);
    if (state.table.kind.get(node) === znodeKind.EPHEMERAL) totals.ephemerals++;
    digest.add(hasher.hash(node));
  });
  assert(state.table.size === totals.nodes, "node count");
  assert(hasHistory || state.acls.size === acls.size, "no ACL is kept that no znode has");
  assert(state.dataBytes === totals.bytes, "data bytes");
  assert(state.ephemeralCount === totals.ephemerals, "ephemeral count");
  let owned = 0;
  for (const session of state.sessions.all()) {
    addSession(digest, session);
    owned += auditEphemerals(state, session);
  }
  assert(owned === totals.ephemerals, "every ephemeral znode is in its session's list");
  auditReapable(state, paths);
  auditQuotas(state, paths);
  addConfiguration(digest, state);
  assert(state.digest.equals(digest.lanes()), "the incremental digest is the digest of the state");
}

const decoder = new TextDecoder();

function walk(state: TreeState, node: number, path: string, visit: (node: number, path: string) => void): void {
  const { table } = state;
  visit(node, path === "" ? "/" : path);
  let children = 0;
  let previous = NO_NODE;
  for (let child = table.firstChild.get(node); child !== NO_NODE; child = table.next.get(child)) {
    assert(table.parent.get(child) === node, "a child knows its parent");
    assert(table.previous.get(child) === previous, "siblings are linked both ways");
    assert(previous === NO_NODE || table.serial.get(previous) < table.serial.get(child), "children in creation order");
    walk(state, child, `${path}/${decoder.decode(table.name(child))}`, visit);
    previous = child;
    children++;
  }
  assert(table.lastChild.get(node) === previous, "the last child is the last");
  assert(table.childCount.get(node) === children, "child count");
}

function auditNode(state: TreeState, node: number, path: string): void {
  const { table } = state;
  const bytes = encodeUtf8(path);
  assert(table.lookup(bytes, 0, bytes.length) === node, "a znode is found by its path");
  assert(table.serial.get(node) < state.nextSerial, "serials are below the next");
  assert(table.czxid.get(node) <= table.mzxid.get(node), "created before changed");
  assert(table.pzxid.get(node) <= state.zxid && table.mzxid.get(node) <= state.zxid, "no change from the future");
  const data = table.data(node);
  const hasher = new Hasher();
  hasher.begin(hashDomain.DATA);
  hasher.bytes(data, 0, data.length);
  hasher.end();
  assert(hasher.lane0 === table.dataHash0.get(node), "data hash, first lane");
  assert(hasher.lane1 === table.dataHash1.get(node), "data hash, second lane");
  const special = table.special.get(node);
  assert((special !== 0) === (table.kind.get(node) !== znodeKind.PERSISTENT), "special znodes have a row");
  assert(special === 0 || state.specials.node.get(special) === node, "a special row knows its znode");
  assert(state.acls.entries(table.acl.get(node)).length > 0, "an ACL has entries");
}

function auditEphemerals(state: TreeState, session: Session): number {
  let count = 0;
  for (let row = session.ephemerals.first; row !== 0; row = state.specials.following(row)) {
    assert(state.specials.owner.get(row) === session.id, "an ephemeral znode is in its owner's list");
    count++;
  }
  assert(session.ephemerals.size === count, "size of a session's list");
  return count;
}

function auditReapable(state: TreeState, paths: ReadonlyMap<number, string>): void {
  for (const [kind, list] of [
    [znodeKind.CONTAINER, state.containers],
    [znodeKind.TTL, state.ttls],
  ] as const) {
    const nodes = [...paths.keys()].filter((node) => state.table.kind.get(node) === kind);
    const listed: number[] = [];
    for (let row = list.first; row !== 0; row = state.specials.following(row))
      listed.push(state.specials.node.get(row));
    assert(String(listed.sort()) === String(nodes.sort()), "the reaper's list holds all znodes of its kind");
    assert(list.size === listed.length, "size of the reaper's list");
  }
}

function auditQuotas(state: TreeState, paths: ReadonlyMap<number, string>): void {
  const limited = [...paths.values()].filter(
    (path) => path.startsWith("/zookeeper/quota/") && path.endsWith("/zookeeper_limits"),
  );
  assert(state.quotas.size === limited.length, "one quota for each limits znode");
  for (const path of limited) {
    const root = path.slice("/zookeeper/quota".length, -"/zookeeper_limits".length) || "/";
    const quota = state.quotas.get(root);
    assert(quota !== undefined, "a limits znode has its quota");
    let count = 0;
    let bytes = 0;
    for (const [node, other] of paths) {
      if (other === "/zookeeper" || other.startsWith("/zookeeper/")) continue;
      if (other !== root && root !== "/" && !other.startsWith(`${root}/`)) continue;
      count++;
      bytes += state.table.dataLength.get(node);
    }
    assert(quota.count === count, `znodes counted for ${root}: ${quota.count}, not ${count}`);
    assert(quota.bytes === bytes, `bytes counted for ${root}: ${quota.bytes}, not ${bytes}`);
  }
}

function addSession(digest: Digest, session: Session): void {
  const hasher = new Hasher();
  session.hashInto(hasher);
  digest.add(hasher);
  const writer = new ByteWriter(256);
  session.window.write(writer);
  const reader = new ByteReader(writer.view());
  const floor = reader.u53();
  for (let left = reader.varint(); left > 0; left--) {
    const number = reader.u53();
    const answer = reader.block();
    assert(number >= floor, "kept numbers are not below the floor");
    hasher.begin(hashDomain.ANSWER);
    hasher.number(session.id);
    hasher.number(number);
    hasher.bytes(answer, 0, answer.length);
    hasher.end();
    digest.add(hasher);
  }
}

function addConfiguration(digest: Digest, state: TreeState): void {
  const hasher = new Hasher();
  const text = encodeUtf8(JSON.stringify(state.limits));
  hasher.begin(hashDomain.CONFIGURATION);
  hasher.word(state.featureLevel);
  hasher.bytes(text, 0, text.length);
  hasher.end();
  digest.add(hasher);
  if (state.configurationZxid === 0) {
    assert(state.configuration.length === 0, "no configuration without the zxid that set it");
    return;
  }
  hasher.begin(hashDomain.ENSEMBLE);
  hasher.number(state.configurationZxid);
  hasher.bytes(state.configuration, 0, state.configuration.length);
  hasher.end();
  digest.add(hasher);
}
