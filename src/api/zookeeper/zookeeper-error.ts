import { errors, OK } from "../../core/base/errors.ts";

/** The KeeperException codes this door decides on itself; all others come from the registry of errors. */
export const zookeeperError = {
  OK: 0,
  MARSHALLING: -5,
  UNIMPLEMENTED: -6,
  BAD_ARGUMENTS: -8,
  RUNTIME_INCONSISTENCY: -2,
  NO_AUTH: -102,
  BAD_VERSION: -103,
  INVALID_ACL: -114,
  AUTH_FAILED: -115,
  NOT_READ_ONLY: -119,
  NO_WATCHER: -121,
} as const;

const byCode = new Map<number, number>(Object.values(errors).map(({ code, zookeeper }) => [code, zookeeper]));

/** ZooKeeper's code for an answer's; what a newer member says and this program does not know is a system error. */
export function zookeeperCode(code: number): number {
  return code === OK ? OK : (byCode.get(code) ?? errors.INTERNAL.zookeeper);
}

/**
 * After these no reply goes out, as in ZooKeeper: the connection ends, and the client, whose session lives on or is
 * over, finds out where it connects next.
 */
const silent: ReadonlySet<number> = new Set<number>([
  errors.SESSION_EXPIRED.code,
  errors.SESSION_MOVED.code,
  errors.NOT_READY.code,
  errors.NO_QUORUM.code,
  errors.NOT_CAUGHT_UP.code,
  errors.STOPPING.code,
]);

export function endsConnection(code: number): boolean {
  return code !== OK && silent.has(code);
}
