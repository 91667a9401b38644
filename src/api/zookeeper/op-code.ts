/** The operations of ZooKeeper's client protocol (ZooDefs.OpCode; reference 1.1). */
export const opCode = {
  NOTIFICATION: 0,
  CREATE: 1,
  DELETE: 2,
  EXISTS: 3,
  GET_DATA: 4,
  SET_DATA: 5,
  GET_ACL: 6,
  SET_ACL: 7,
  GET_CHILDREN: 8,
  SYNC: 9,
  PING: 11,
  GET_CHILDREN2: 12,
  CHECK: 13,
  MULTI: 14,
  CREATE2: 15,
  RECONFIG: 16,
  CHECK_WATCHES: 17,
  REMOVE_WATCHES: 18,
  CREATE_CONTAINER: 19,
  DELETE_CONTAINER: 20,
  CREATE_TTL: 21,
  MULTI_READ: 22,
  AUTH: 100,
  SET_WATCHES: 101,
  SASL: 102,
  GET_EPHEMERALS: 103,
  GET_ALL_CHILDREN_NUMBER: 104,
  SET_WATCHES2: 105,
  ADD_WATCH: 106,
  WHO_AM_I: 107,
  CREATE_SESSION: -10,
  CLOSE_SESSION: -11,
  ERROR: -1,
} as const;
export type OpCode = (typeof opCode)[keyof typeof opCode];

/** Request ids with a meaning of their own; a client's begin with 1. */
export const xid = { NOTIFICATION: -1, PING: -2, AUTH: -4, SET_WATCHES: -8 } as const;

const writes: ReadonlySet<number> = new Set<number>([
  opCode.CREATE,
  opCode.CREATE2,
  opCode.CREATE_CONTAINER,
  opCode.CREATE_TTL,
  opCode.DELETE,
  opCode.SET_DATA,
  opCode.SET_ACL,
  opCode.MULTI,
]);

/** It is submitted to the log. */
export function isWrite(operation: number): boolean {
  return writes.has(operation);
}
