/** The door's own limits. They act before submit, never in `apply` (core.md 3), so members may differ in them. */
export interface ZookeeperLimits {
  /** Largest frame taken, bytes: ZooKeeper's `jute.maxbuffer`. */
  readonly frameBytesMax: number;
  /** Connections of one client address, 0: any number. ZooKeeper's `maxClientCnxns`. */
  readonly connectionsPerAddressMax: number;
  /** Connections in all, 0: any number. ZooKeeper's `maxCnxns`. */
  readonly connectionsMax: number;
  /** Shortest and longest session time-out granted, ms. */
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  /** Requests of a connection handed on and not answered: above it no further one is read. */
  readonly outstandingRequestsMax: number;
  /** The same in bytes of writes. */
  readonly outstandingBytesMax: number;
  /** Above this much unsent on a connection no further request of it is read, bytes. */
  readonly unsentBytesPause: number;
  /** Above this much unsent a connection is cut: its client does not read, bytes. */
  readonly unsentBytesMax: number;
  /** Time for a connection's first frame, ms. */
  readonly handshakeTimeoutMs: number;
  /** How long there may be no leader before connections that write are closed, and read-only ones taken, ms. */
  readonly quorumLostMs: number;
  /** Time for the last bytes of an ended connection to leave, ms. */
  readonly lingerMs: number;
}

const MIB = 1024 * 1024;

export const defaultZookeeperLimits: ZookeeperLimits = {
  frameBytesMax: MIB - 1,
  connectionsPerAddressMax: 60,
  connectionsMax: 0,
  sessionTimeoutMinMs: 4_000,
  sessionTimeoutMaxMs: 40_000,
  outstandingRequestsMax: 1_000,
  outstandingBytesMax: 4 * MIB,
  unsentBytesPause: 4 * MIB,
  unsentBytesMax: 16 * MIB,
  handshakeTimeoutMs: 10_000,
  quorumLostMs: 3_000,
  lingerMs: 2_000,
};
