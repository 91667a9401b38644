import { parse, TomlDate, TomlError } from "smol-toml";
import { invalid } from "../content-fault.ts";
import { DEPTH_MAX } from "./content-limits.ts";
import type { Place } from "./json-pointer.ts";
import { ValueRules } from "./value-rules.ts";

/** TOML 1.0; dates and times become strings in the form of RFC 3339. */
export function parseToml(text: string): unknown {
  let table: object;
  try {
    table = parse(text, { integersAsBigInt: true, maxDepth: DEPTH_MAX });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The lines after the first show the content.
    const [what] = error.message.split("\n");
    throw invalid("syntax", `${error.line}:${error.column}`, `${what} in line ${error.line}`);
  }
  return plainValue(table, [], new ValueRules());
}

function plainValue(value: unknown, place: Place, rules: ValueRules): unknown {
  rules.value(place);
  if (typeof value === "bigint") return rules.integer(value, place);
  if (typeof value === "number") return rules.number(value, place);
  if (typeof value === "string") rules.text(value);
  if (value instanceof TomlDate) return value.toISOString();
  if (Array.isArray(value)) return value.map((item, index) => plainValue(item, [...place, index], rules));
  if (typeof value !== "object" || value === null) return value;
  const object: Record<string, unknown> = {};
  const keys = new Set<string>();
  for (const [key, inner] of Object.entries(value)) {
    rules.key([...place, key], keys);
    object[key] = plainValue(inner, [...place, key], rules);
  }
  return object;
}
