import type { WorldOptions } from "./ensemble/ensemble-world.ts";
import { runWorld } from "./world-run.ts";

/** Lines of the trace that are shown: the last ones. */
const LINES_SHOWN = 40;
const LINE_LENGTH_MAX = 240;
const REQUESTS_TRIED = [5, 10, 20, 40, 80, 160, 320];
const FAULTS_TRIED = 12;

/**
 * What a failing seed shows, for people: the rule, the smallest run found that breaks the same rule, its last lines,
 * and the command that plays it again. Undefined where nothing fails.
 */
export function examineSeed(options: WorldOptions): string | undefined {
  const { violation } = runWorld(options);
  if (violation === undefined) return undefined;
  const smallest = shrink(options, violation.rule);
  const lines: string[] = [];
  const again = runWorld({ ...smallest, trace: (line) => lines.push(line.slice(0, LINE_LENGTH_MAX)) });
  return [
    `seed ${options.seed} breaks "${violation.rule}"`,
    ...lines.slice(-LINES_SHOWN),
    again.violation?.message ?? `it does not fail a second time; at first: ${violation.message}`,
    ...(again.violation?.stack?.split("\n").filter((line) => line.includes("/src/")) ?? []),
    `again: ${replayCommand(smallest)}`,
  ].join("\n");
}

/** Fewer requests, then fewer faults, then fewer clients, each as few as still break the rule. */
function shrink(options: WorldOptions, rule: string): WorldOptions {
  const fails = (fewer: WorldOptions): boolean => runWorld(fewer).violation?.rule === rule;
  const first = (candidates: readonly WorldOptions[], fallback: WorldOptions): WorldOptions =>
    candidates.find(fails) ?? fallback;
  const upTo = (end: number): number[] => Array.from({ length: end }, (_, index) => index);
  let smallest = first(
    REQUESTS_TRIED.filter((requests) => requests < (options.requests ?? Number.POSITIVE_INFINITY)).map((requests) => ({
      ...options,
      requests,
    })),
    options,
  );
  smallest = first(
    upTo(options.faults ?? FAULTS_TRIED).map((faults) => ({ ...smallest, faults })),
    smallest,
  );
  return first(
    upTo(options.clients ?? 5).map((clients) => ({ ...smallest, clients })),
    smallest,
  );
}

function replayCommand({ seed, members, requests, faults, clients, fault }: WorldOptions): string {
  const flags = Object.entries({ members, seed, requests, faults, clients, fault })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name} ${value}`);
  return `npm run simulate -- ${flags.join(" ")}`;
}
