import {
  type AclEntry,
  createMode,
  type DeleteTreeOperation,
  type Identity,
  type LeafOperation,
  permission,
  type WriteOperation,
} from "../../core/tree/operation.ts";

/** Above everything the products keep. */
const ROOT = "/muster";
/** Written by their products alone; what recipes keep beside them (`/muster/lock`, `/muster/election`) is open. */
const GUARDED: readonly string[] = [`${ROOT}/config`, `${ROOT}/registry`, `${ROOT}/queue`, `${ROOT}/steward`];

/** Whom no guard stops; proved at the ZooKeeper door. */
const SUPER_SCHEME = "super";

const SLASH = 47;
const LETTER_M = 109;

/**
 * Whether a client's raw write is one that only a product may make (products.md 6): a door refuses it with GUARDED_PATH
 * before it is submitted. Of a multi one such part is enough. What products submit to the port does not come by here.
 */
export function breaksGuard(operation: WriteOperation | LeafOperation, identities: readonly Identity[]): boolean {
  return isGuardedWrite(operation) && !identities.some(({ scheme }) => scheme === SUPER_SCHEME);
}

function isGuardedWrite(operation: WriteOperation | LeafOperation): boolean {
  if (operation.kind !== "multi") return isGuardedLeaf(operation);
  for (const part of operation.operations) if (isGuardedLeaf(part)) return true;
  return false;
}

function isGuardedLeaf(operation: LeafOperation | DeleteTreeOperation): boolean {
  const { path } = operation;
  // Every write comes by here: one character tells nearly all of them.
  if (path.charCodeAt(1) !== LETTER_M || !isAtOrBelow(path, ROOT)) return false;
  if (operation.kind === "check") return false;
  if (path.length === ROOT.length) return spoilsRoot(operation);
  for (const subtree of GUARDED) if (isAtOrBelow(path, subtree)) return true;
  return false;
}

function isAtOrBelow(path: string, top: string): boolean {
  return path.startsWith(top) && (path.length === top.length || path.charCodeAt(top.length) === SLASH);
}

/**
 * Whether a write of the root itself would leave products unable to write below it, or take their subtrees along.
 * Otherwise it is anybody's: clients make the parents of their locks, and a znode with children is not deleted.
 */
function spoilsRoot(operation: LeafOperation | DeleteTreeOperation): boolean {
  if (operation.kind === "create") return operation.mode !== createMode.PERSISTENT || !isOpen(operation.acl);
  return operation.kind === "set-acl" || operation.kind === "delete-tree";
}

/** No ACL is the open one. */
function isOpen(acl: readonly AclEntry[] | undefined): boolean {
  return acl?.some(({ scheme, permissions }) => scheme === "world" && permissions === permission.ALL) ?? true;
}
