/**
 * Quotas, as ZooKeeper keeps them: znodes `/zookeeper/quota<path>/zookeeper_limits` say what `<path>` may hold, and
 * `.../zookeeper_stats` shows what it holds. The counts are kept here, per limited path, and follow every change below
 * it.
 */
export interface Quota {
  readonly path: string;
  /** -1: no such limit. Soft ones warn, hard ones refuse. */
  limits: QuotaLimits;
  /** Znodes at and below the path. */
  count: number;
  /** Bytes of their data. */
  bytes: number;
}

export interface QuotaLimits {
  readonly countSoft: number;
  readonly countHard: number;
  readonly bytesSoft: number;
  readonly bytesHard: number;
}

export const QUOTA_ROOT = "/zookeeper/quota";
const LIMITS_NAME = "/zookeeper_limits";
const STATS_NAME = "/zookeeper_stats";
const SYSTEM_ROOT = "/zookeeper";

/** The path a limits znode is about, or undefined if `path` is not one. */
export function limitedPath(path: string): string | undefined {
  return innerPath(path, LIMITS_NAME);
}

/** The path a stats znode is about, or undefined if `path` is not one. */
export function countedPath(path: string): string | undefined {
  return innerPath(path, STATS_NAME);
}

function innerPath(path: string, name: string): string | undefined {
  if (!path.startsWith(`${QUOTA_ROOT}/`) || !path.endsWith(name)) return undefined;
  const inner = path.slice(QUOTA_ROOT.length, path.length - name.length);
  return inner === "" ? "/" : inner;
}

const NO_LIMITS: QuotaLimits = { countSoft: -1, countHard: -1, bytesSoft: -1, bytesHard: -1 };

/**
 * Reads `count=N,bytes=M,countHardLimit=N,byteHardLimit=M`, separated by "," or ";"; what it cannot read is no limit.
 * ZooKeeper's tools write a spare "=" behind the bytes, for parsers that know no hard limits.
 */
export function parseQuotaLimits(text: string): QuotaLimits {
  const value = (name: string): number => {
    const found = text.split(/[,;]/).find((part) => part.startsWith(`${name}=`));
    const digits = /^([0-9]+)=*$/.exec(found?.slice(name.length + 1) ?? "")?.[1];
    return digits !== undefined && Number.isSafeInteger(Number(digits)) ? Number(digits) : -1;
  };
  if (text === "") return NO_LIMITS;
  return {
    countSoft: value("count"),
    countHard: value("countHardLimit"),
    bytesSoft: value("bytes"),
    bytesHard: value("byteHardLimit"),
  };
}

export function quotaStatsText(quota: Quota): string {
  return `count=${quota.count},bytes=${quota.bytes}`;
}

export class QuotaIndex {
  private readonly byPath = new Map<string, Quota>();

  get size(): number {
    return this.byPath.size;
  }

  get(path: string): Quota | undefined {
    return this.byPath.get(path);
  }

  set(path: string, quota: Quota | undefined): void {
    if (quota === undefined) this.byPath.delete(path);
    else this.byPath.set(path, quota);
  }

  /** The quotas a change of `path` counts for: those of the path and of everything above it. */
  above(path: string): Quota[] {
    if (this.byPath.size === 0 || path === SYSTEM_ROOT || path.startsWith(`${SYSTEM_ROOT}/`)) return [];
    const found: Quota[] = [];
    const own = this.byPath.get(path);
    if (own !== undefined) found.push(own);
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const quota = this.byPath.get(path.slice(0, at));
      if (quota !== undefined) found.push(quota);
    }
    const root = path === "/" ? undefined : this.byPath.get("/");
    if (root !== undefined) found.push(root);
    return found;
  }

  /** For the snapshot: counts only, limits are read from their znodes again. */
  toText(): string {
    return JSON.stringify([...this.byPath.values()].map(({ path, count, bytes }) => [path, count, bytes]));
  }
}

/** True when growing by this much would pass a hard limit. */
export function passesHardLimit(quota: Quota, count: number, bytes: number): boolean {
  const { countHard, bytesHard } = quota.limits;
  return (
    (count > 0 && countHard >= 0 && quota.count + count > countHard) ||
    (bytes > 0 && bytesHard >= 0 && quota.bytes + bytes > bytesHard)
  );
}

/** True when it is above a soft limit now. */
export function isAboveSoftLimit(quota: Quota): boolean {
  const { countSoft, bytesSoft } = quota.limits;
  return (countSoft >= 0 && quota.count > countSoft) || (bytesSoft >= 0 && quota.bytes > bytesSoft);
}
