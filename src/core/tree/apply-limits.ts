import { COMMAND_BYTES_MAX, defaultLimits, type Limits } from "../base/limits.ts";
import { NAME_BYTES_MAX } from "./path.ts";

/** The range of each limit: what keeps `apply` bounded and the formats within their fields. */
const ranges: { readonly [name in keyof Limits]: readonly [number, number] } = {
  dataBytesMax: [1, COMMAND_BYTES_MAX / 2],
  pathBytesMax: [16, NAME_BYTES_MAX],
  multiOperationsMax: [1, 100_000],
  nodesPerCommandMax: [1, 100_000],
  ephemeralsPerSessionMax: [1, 100_000],
  sessionsMax: [1, 10_000_000],
  sessionTimeoutMinMs: [1, 86_400_000],
  sessionTimeoutMaxMs: [1, 86_400_000],
  windowNumbersMax: [1, 65_536],
  windowBytesMax: [1024, 16 * 1024 * 1024],
  quotaScanNodesMax: [1, 10_000_000],
  aclEntriesMax: [1, 1000],
  enforceQuota: [0, 1],
};

/** Limits from the JSON of a command or a snapshot: all of them, each in its range, nothing else; else undefined. */
export function parseLimits(text: string): Limits | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const given = parsed as { readonly [name: string]: unknown };
  const limits: { [name: string]: number } = {};
  for (const name of Object.keys(defaultLimits)) {
    const value = given[name];
    const [low, high] = ranges[name as keyof Limits];
    if (!Number.isSafeInteger(value) || (value as number) < low || (value as number) > high) return undefined;
    limits[name] = value as number;
  }
  const made = limits as unknown as Limits;
  const complete = Object.keys(given).length === Object.keys(defaultLimits).length;
  return complete && made.sessionTimeoutMinMs <= made.sessionTimeoutMaxMs ? made : undefined;
}
