import { visit } from "jsonc-parser";
import { invalid } from "../content-fault.ts";
import type { Place } from "./json-pointer.ts";
import { ValueRules } from "./value-rules.ts";

/** Strict JSON, without duplicate keys and with integers that are kept exactly. */
export function parseJson(text: string): unknown {
  checkTokens(text);
  try {
    return JSON.parse(text);
  } catch {
    // Its message would show some of the content.
    throw invalid("syntax", "", "this is not JSON");
  }
}

/** What `JSON.parse` lets pass: duplicate keys, and integers that it would round. */
function checkTokens(text: string): void {
  const rules = new ValueRules();
  const keys: Set<string>[] = [];
  // The scanner's own idea of where it is, made anew for each call, as a list.
  const begin = (place: () => Place): void => {
    rules.value(place());
    keys.push(new Set());
  };
  const end = (): void => void keys.pop();
  visit(
    text,
    {
      onObjectBegin: (_offset, _length, _line, _column, place) => begin(place),
      onArrayBegin: (_offset, _length, _line, _column, place) => begin(place),
      onObjectEnd: end,
      onArrayEnd: end,
      onObjectProperty: (key, _offset, _length, _line, _column, place) =>
        rules.key([...place(), key], keys.at(-1) as Set<string>),
      onLiteralValue: (value, offset, length, _line, _column, place) => {
        rules.value(place());
        if (typeof value === "string") rules.text(value);
        if (typeof value === "number") checkNumber(text.slice(offset, offset + length), rules, place());
      },
      onError: (_error, _offset, _length, line, column) => {
        throw invalid("syntax", `${line + 1}:${column + 1}`, `this is not JSON: see line ${line + 1}`);
      },
    },
    { disallowComments: true },
  );
}

function checkNumber(written: string, rules: ValueRules, place: Place): void {
  if (/^-?\d+$/.test(written)) rules.integer(BigInt(written), place);
  else rules.number(Number(written), place);
}
