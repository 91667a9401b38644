/** One step of a transcript. */
export type Step =
  | { readonly kind: "command"; readonly line: number; readonly client: number; readonly text: string; shown: string[] }
  | { readonly kind: "event"; readonly line: number; readonly client: number; readonly text: string }
  | { readonly kind: "fault"; readonly line: number; readonly text: string };

/**
 * Reads a transcript of one or two command line clients:
 *
 *     > get /node               a command of the first client, `2> ` of the second
 *     data                      all it then prints, to the line; {{...}} is a regular expression
 *     ! NodeDataChanged /node   the next event of the first client (`2! ` of the second), for which is waited
 *     @ cut                     what happens to the first client's connection: cut, refuse, go-on
 *     # comment
 *
 * Events come when they come, so they are no part of what a command prints; blank lines count nowhere.
 */
export function parseTranscript(text: string): Step[] {
  const steps: Step[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("# ")) continue;
    const marked = /^(?<client>\d?)(?<mark>[>!@]) (?<rest>.*)$/.exec(line)?.groups;
    const last = steps.at(-1);
    if (marked === undefined) {
      if (last?.kind !== "command") throw new Error(`line ${index + 1}: "${line}" belongs to no command`);
      last.shown.push(line);
      continue;
    }
    const { client = "", mark, rest = "" } = marked;
    const at = { line: index + 1, client: Number(client || 1), text: rest };
    if (mark === ">") steps.push({ kind: "command", ...at, shown: [] });
    else if (mark === "!") steps.push({ kind: "event", ...at });
    else steps.push({ kind: "fault", line: index + 1, text: rest });
  }
  return steps;
}

/** What the lines shown match, as one expression, so that a group of one line may be referred to in another. */
export function expectedOutput(shown: readonly string[]): RegExp {
  const source = shown
    .join("\n")
    .split(/\{\{(.*?)\}\}/)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")))
    .join("");
  return new RegExp(`^${source}$`);
}
