import { createRequire } from "node:module";
import type { Pair, Scalar, YAMLMap } from "yaml";
import { type OptionName, optionRows } from "./options-schema.ts";

const load = createRequire(import.meta.url);

/** One value as somebody gave it. */
export interface GivenValue {
  readonly value: unknown;
  /** Names it for people: `--id`, `MUSTER_ID`, `muster.yaml:3:1: id`. */
  readonly source: string;
  /** Directory that a relative path in the value is relative to. */
  readonly base: string;
}

/** What one source says, and what is wrong with it as a source (values are checked by the schema). */
export interface GivenOptions {
  readonly values: Map<OptionName, GivenValue>;
  readonly problems: string[];
}

/** Variables that are not options of a member but Muster's all the same. */
const OTHER_VARIABLES = new Set([
  "MUSTER_CONFIG",
  "MUSTER_ENDPOINTS",
  "MUSTER_TOKEN",
  "MUSTER_TOKEN_FILE",
  "MUSTER_CA",
  "MUSTER_CERT",
  "MUSTER_KEY",
]);
/** What Kubernetes and Docker set for a service that happens to be called "muster" is not meant for us. */
const SERVICE_LINK = /^MUSTER(_.*)?_(SERVICE_(HOST|PORT(_.*)?)|PORT(_\d+_(TCP|UDP|SCTP)(_.*)?)?)$|^MUSTER_PORT$/;

/** Options from command-line flags, keyed as commander does (`dataDir`). */
export function fromFlags(flags: Readonly<Record<string, unknown>>, cwd: string): GivenOptions {
  const values = new Map<OptionName, GivenValue>();
  for (const { name, flag } of optionRows) {
    const value = flags[name];
    if (value !== undefined) values.set(name, { value, source: `--${flag}`, base: cwd });
  }
  return { values, problems: [] };
}

/** Options from `MUSTER_*` variables. An empty variable counts as not set. */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>, cwd: string): GivenOptions {
  const values = new Map<OptionName, GivenValue>();
  const problems: string[] = [];
  const byVariable = new Map(optionRows.map((row) => [row.variable, row.name]));
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith("MUSTER_") || value === undefined || value === "") continue;
    const name = byVariable.get(variable);
    if (name !== undefined) values.set(name, { value, source: variable, base: cwd });
    else if (!OTHER_VARIABLES.has(variable) && !SERVICE_LINK.test(variable)) {
      const fix = suggestion(variable, [...byVariable.keys(), ...OTHER_VARIABLES]) ?? "unset it";
      problems.push(`${variable}: no option has this variable; ${fix}`);
    }
  }
  return { values, problems };
}

/** Options from the text of muster.yaml; `file` is its name as people know it, `base` the directory it is in. */
export function fromFile(text: string, file: string, base: string): GivenOptions {
  // Loaded when there is a file: most members have none, and their start does not wait for it.
  const { isMap, isScalar, LineCounter, parseDocument } = load("yaml") as typeof import("yaml");
  const values = new Map<OptionName, GivenValue>();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const problems = document.errors.map((error) => `${place(error.pos[0])}: is not valid YAML: ${error.message}`);
  if (problems.length > 0 || document.contents === null) return { values, problems };
  if (!isMap(document.contents)) {
    problems.push(`${file}: is not a mapping of options; write lines like "grpc-listen: 127.0.0.1:7400"`);
    return { values, problems };
  }
  const byFlag = new Map(optionRows.map((row) => [row.flag, row.name]));
  const plainValues = document.toJS() as Record<string, unknown>;
  for (const pair of (document.contents as YAMLMap).items as Pair<Scalar>[]) {
    const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
    const where = place(pair.key.range?.[0] ?? 0);
    const name = byFlag.get(key);
    if (name === undefined) {
      problems.push(`${where}: ${key}: is not an option; ${suggestion(key, [...byFlag.keys()]) ?? "remove the line"}`);
      continue;
    }
    const plain = plainValues[key];
    if (plain === null || plain === undefined)
      problems.push(`${where}: ${key}: has no value; write one, or remove the line`);
    else values.set(name, { value: plain, source: `${where}: ${key}`, base });
  }
  return { values, problems };
}

/** "did you mean ...?", when one of `known` is a slip of the keyboard away. */
export function suggestion(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let distance = Math.max(2, Math.floor(word.length / 4)) + 1;
  for (const candidate of known) {
    const away = editDistance(word.replaceAll("_", "-").toLowerCase(), candidate.replaceAll("_", "-").toLowerCase());
    if (away < distance) [best, distance] = [candidate, away];
  }
  return best === undefined ? undefined : `did you mean ${best}?`;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] as number) + 1, (row[j - 1] as number) + 1));
    }
    previous = row;
  }
  return previous[b.length] as number;
}
