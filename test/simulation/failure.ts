import { runSolo, type SoloOptions } from "./solo-world.ts";

/** Lines of the trace that are shown: the last ones. */
const LINES_SHOWN = 40;
const LINE_LENGTH_MAX = 240;
const REQUESTS_TRIED = [5, 10, 20, 40, 80, 160, 320];

/**
 * What a failing seed shows, for people: the rule, the smallest run found that breaks the same rule, its last lines,
 * and the command that plays it again. Undefined where nothing fails.
 */
export function examineSeed(options: SoloOptions): string | undefined {
  const { violation } = runSolo(options);
  if (violation === undefined) return undefined;
  const smallest = shrink(options, violation.rule);
  const lines: string[] = [];
  const again = runSolo({ ...smallest, trace: (line) => lines.push(line.slice(0, LINE_LENGTH_MAX)) });
  return [
    `seed ${options.seed} breaks "${violation.rule}"`,
    ...lines.slice(-LINES_SHOWN),
    again.violation?.message ?? `it does not fail a second time; at first: ${violation.message}`,
    ...(again.violation?.stack?.split("\n").filter((line) => line.includes("/src/")) ?? []),
    `again: ${replayCommand(smallest)}`,
  ].join("\n");
}

/** Fewer requests, then fewer crashes, then fewer clients, each as few as still break the rule. */
function shrink(options: SoloOptions, rule: string): SoloOptions {
  const fails = (fewer: SoloOptions): boolean => runSolo(fewer).violation?.rule === rule;
  const first = (candidates: readonly SoloOptions[], fallback: SoloOptions): SoloOptions =>
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
    upTo(options.crashes ?? 6).map((crashes) => ({ ...smallest, crashes })),
    smallest,
  );
  return first(
    upTo(options.clients ?? 5).map((clients) => ({ ...smallest, clients })),
    smallest,
  );
}

function replayCommand({ seed, requests, crashes, clients, fault }: SoloOptions): string {
  const flags = Object.entries({ seed, requests, crashes, clients, fault })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name} ${value}`);
  return `npm run simulate -- ${flags.join(" ")}`;
}
