import { COMMAND_BYTES_MAX, defaultLimits, type Limits } from "../base/limits.ts";
import { FIRST_FEATURE_LEVEL } from "./feature-level.ts";
import { type LimitRule, LimitRules } from "./limit-rules.ts";
import { NAME_BYTES_MAX } from "./path.ts";

/**
 * The range of each limit - what keeps `apply` bounded and the formats within their fields - and for one that came
 * later the feature level that knows it.
 */
const ranges: { readonly [name in keyof Limits]: readonly [low: number, high: number, since?: number] } = {
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

const rules = new LimitRules(
  Object.fromEntries(
    Object.entries(ranges).map(([name, [low, high, since = FIRST_FEATURE_LEVEL]]): [string, LimitRule] => [
      name,
      { low, high, usual: defaultLimits[name as keyof Limits], since },
    ]),
  ),
);

/** Limits from the JSON of a command or a snapshot, by the rules of its feature level; undefined: it breaks one. */
export function parseLimits(text: string, featureLevel: number): Limits | undefined {
  const limits = rules.parse(text, featureLevel) as Limits | undefined;
  return limits !== undefined && limits.sessionTimeoutMinMs <= limits.sessionTimeoutMaxMs ? limits : undefined;
}

/** The JSON of the limits a feature level knows; {@link parseLimits} reads it. */
export function limitsText(limits: Limits, featureLevel: number): string {
  return rules.text(limits as unknown as { readonly [name: string]: number }, featureLevel);
}
