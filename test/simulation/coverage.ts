/** Runs of so many seeds are long, */
export const LONG_RUN_SEEDS = 1_000;
/** and in one each of these happens so often at least. */
const FLOOR = 100;

/** Names under which a world of several members counts what its faults are for. */
const DEMANDED = [
  "DIFF from memory",
  "DIFF from the journal",
  "TRUNC",
  "SNAP",
  "rollover",
  "reconfiguration during an election",
  "digest mismatch",
  "damage repaired",
  "hole repaired",
  "expire-session",
  "COMPACTED",
] as const;

/** What a long run of an ensemble lacks: rules that nothing has put to the test hold easily. Empty: nothing. */
export function shortfalls(totals: ReadonlyMap<string, number>): string[] {
  const rare = DEMANDED.filter((what) => (totals.get(what) ?? 0) < FLOOR);
  return rare.map((what) => `${what}: ${totals.get(what) ?? 0} times, at least ${FLOOR} are wanted`);
}

/** The demanded counts first, then all others. */
export function countLines(totals: ReadonlyMap<string, number>): string[] {
  const others = [...totals.keys()].filter((what) => !(DEMANDED as readonly string[]).includes(what)).sort();
  return [...DEMANDED, ...others].map((what) => countLine(what, totals.get(what) ?? 0));
}

export function countLine(what: string, many: number): string {
  return `  ${String(many).padStart(9)} ${what}`;
}
