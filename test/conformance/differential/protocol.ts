/** Numbers of the ZooKeeper client protocol (zookeeper.jute and ZooDefs.java of Apache ZooKeeper 3.8). */

export const opCodes = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
  setAcl: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTtl: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  closeSession: -11,
} as const;

export type OpName = keyof typeof opCodes;

/** Of requests and replies that are not numbered by the client. */
export const fixedXids: Readonly<Partial<Record<OpName, number>>> = {
  ping: -2,
  auth: -4,
  setWatches: -8,
  setWatches2: -8,
};

export const NOTIFICATION_XID = -1;
/** In a multi's header: the type of an error, and of its end. */
export const MULTI_END_TYPE = -1;
export const PASSWORD_BYTES = 16;

const errorNames: Readonly<Record<number, string>> = {
  0: "Ok",
  [-1]: "SystemError",
  [-2]: "RuntimeInconsistency",
  [-5]: "MarshallingError",
  [-6]: "Unimplemented",
  [-8]: "BadArguments",
  [-101]: "NoNode",
  [-102]: "NoAuth",
  [-103]: "BadVersion",
  [-108]: "NoChildrenForEphemerals",
  [-110]: "NodeExists",
  [-111]: "NotEmpty",
  [-112]: "SessionExpired",
  [-114]: "InvalidACL",
  [-115]: "AuthFailed",
  [-118]: "SessionMoved",
  [-120]: "EphemeralOnLocalSession",
  [-121]: "NoWatcher",
  [-123]: "ReconfigDisabled",
  [-125]: "QuotaExceeded",
  [-127]: "ThrottledOp",
};

/** For people: `NoNode (-101)`. */
export function errorName(code: number): string {
  return `${errorNames[code] ?? "unknown"} (${code})`;
}

const eventNames = ["None", "NodeCreated", "NodeDeleted", "NodeDataChanged", "NodeChildrenChanged"];

/** For people: `NodeDeleted`. */
export function eventName(type: number): string {
  return eventNames[type] ?? `event ${type}`;
}
