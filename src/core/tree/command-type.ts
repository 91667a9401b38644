import type { LeafOperation, WriteOperation } from "./operation.ts";

/** The first byte of a command. Numbers are never used again for something else. */
export const commandType = {
  CREATE: 1,
  DELETE: 2,
  SET: 3,
  SET_ACL: 4,
  CHECK: 5,
  MULTI: 6,
  DELETE_TREE: 7,
  OPEN_SESSION: 16,
  MOVE_SESSION: 17,
  CLOSE_SESSION: 18,
  EXPIRE_SESSION: 19,
  REAP: 20,
  SET_LIMITS: 21,
  RAISE_FEATURE_LEVEL: 22,
  RECONFIGURE: 23,
} as const;
export type CommandType = (typeof commandType)[keyof typeof commandType];

/** The types of a client's requests, and of the parts of a multi. */
export const typeOfKind = {
  create: commandType.CREATE,
  delete: commandType.DELETE,
  set: commandType.SET,
  "set-acl": commandType.SET_ACL,
  check: commandType.CHECK,
  multi: commandType.MULTI,
  "delete-tree": commandType.DELETE_TREE,
} as const satisfies Record<WriteOperation["kind"] | LeafOperation["kind"], CommandType>;
