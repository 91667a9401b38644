import type { LeafOperation, ReadOperation, WriteOperation } from "../../core/tree/operation.ts";

/** Tokens: read and written as znodes by those alone who may manage them. */
export const AUTH_PATH = "/muster/auth";

/** Whether a path is one that raw clients need `admin` for. */
export function isGuarded(path: string): boolean {
  return path.startsWith(AUTH_PATH) && (path.length === AUTH_PATH.length || path[AUTH_PATH.length] === "/");
}

/** Whether an operation reads or changes a guarded znode, by its own path or as a part of something larger. */
export function reachesGuarded(operation: WriteOperation | ReadOperation | LeafOperation): boolean {
  switch (operation.kind) {
    case "multi":
    case "multi-read":
      return operation.operations.some(reachesGuarded);
    case "delete-tree":
      return isGuarded(operation.path) || operation.path === "/" || AUTH_PATH.startsWith(`${operation.path}/`);
    default:
      return isGuarded(operation.path);
  }
}
