/** A znode's stat: ZooKeeper's eleven fields, all plain numbers. */
export interface Stat {
  /** zxid of its creation. */
  readonly czxid: number;
  /** zxid of its last data change. */
  readonly mzxid: number;
  /** Time of its creation by the leader's clock, ms since 1970. */
  readonly ctime: number;
  /** Time of its last data change by the leader's clock, ms since 1970. */
  readonly mtime: number;
  /** Data changes. */
  readonly version: number;
  /** Child changes. */
  readonly cversion: number;
  /** ACL changes. */
  readonly aversion: number;
  /** The owner's session id; 0 for every znode that is not ephemeral. */
  readonly ephemeralOwner: number;
  /** Size of its data, bytes. */
  readonly dataLength: number;
  readonly numChildren: number;
  /** zxid of the last creation or deletion of a child. */
  readonly pzxid: number;
}

/** Permission bits of an ACL entry, as in ZooKeeper. */
export const permission = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16, ALL: 31 } as const;

/** One entry of an access control list. */
export interface AclEntry {
  /** Sum of {@link permission} bits. */
  readonly permissions: number;
  /** `world`, `auth`, `digest` or `ip`. */
  readonly scheme: string;
  /** `anyone`; empty; `user:base64(sha1(user:password))`; an address or address/bits. */
  readonly id: string;
}

/** Something that proves an identity; for scheme `digest` the secret is `user:password`. */
export interface Credential {
  readonly scheme: string;
  readonly secret: string;
}
