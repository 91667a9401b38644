import { hexadecimal } from "./hexadecimal.ts";
import type { WatchFacts } from "./word-facts.ts";

/**
 * The answer to `wchs`. ZooKeeper looks at watches on data and existence only here and for `wchc` and `wchp`; these
 * count those on children, too, each session once for a path.
 */
export function watchSummaryText(watches: Iterable<WatchFacts>): string {
  const paths = grouped(watches, "sessionId", "path");
  const distinct = new Set<string>();
  let total = 0;
  for (const ofSession of paths.values()) {
    total += ofSession.size;
    for (const path of ofSession) distinct.add(path);
  }
  return `${paths.size} connections watching ${distinct.size} paths\nTotal watches:${total}\n`;
}

/** The answer to `wchc`: the paths watched, by session. As long as there are watches: a word for few to be allowed. */
export function watchesBySessionText(watches: Iterable<WatchFacts>): string {
  return blocks(grouped(watches, "sessionId", "path"), hexadecimal, String);
}

/** The answer to `wchp`: the sessions that watch, by path. As long as that of `wchc`. */
export function watchesByPathText(watches: Iterable<WatchFacts>): string {
  return blocks(grouped(watches, "path", "sessionId"), String, hexadecimal);
}

function grouped<By extends keyof WatchFacts, What extends keyof WatchFacts>(
  watches: Iterable<WatchFacts>,
  by: By,
  what: What,
): Map<WatchFacts[By], Set<WatchFacts[What]>> {
  const groups = new Map<WatchFacts[By], Set<WatchFacts[What]>>();
  for (const watch of watches) {
    const group = groups.get(watch[by]);
    if (group === undefined) groups.set(watch[by], new Set([watch[what]]));
    else group.add(watch[what]);
  }
  return groups;
}

function blocks<Head, Line>(
  groups: ReadonlyMap<Head, ReadonlySet<Line>>,
  headText: (head: Head) => string,
  lineText: (line: Line) => string,
): string {
  const lines: string[] = [];
  for (const [head, group] of groups) {
    lines.push(headText(head));
    for (const line of group) lines.push(`\t${lineText(line)}`);
  }
  return `${lines.map((line) => `${line}\n`).join("")}\n`;
}
