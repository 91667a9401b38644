/** A znode's stat as a client sees it: ZooKeeper's eleven fields, all plain numbers. */
export interface Stat {
  /** zxid of its creation. */
  czxid: number;
  /** zxid of its last data change. */
  mzxid: number;
  /** Leader time of its creation, ms since 1970. */
  ctime: number;
  /** Leader time of its last data change, ms since 1970. */
  mtime: number;
  /** Data changes. */
  version: number;
  /** Child changes, counted as ZooKeeper does: two per creation less the children there are. */
  cversion: number;
  /** ACL changes. */
  aversion: number;
  /** The owner's session id, 0 for every znode that is not ephemeral. */
  ephemeralOwner: number;
  dataLength: number;
  numChildren: number;
  /** zxid of the last creation or deletion of a child. */
  pzxid: number;
}

export function emptyStat(): Stat {
  return {
    czxid: 0,
    mzxid: 0,
    ctime: 0,
    mtime: 0,
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeralOwner: 0,
    dataLength: 0,
    numChildren: 0,
    pzxid: 0,
  };
}

/** The version after `version`: 32-bit, skipping -1, which means "any" to clients (ZOOKEEPER-4743). */
export function nextVersion(version: number): number {
  const next = (version + 1) | 0;
  return next === -1 ? 0 : next;
}
