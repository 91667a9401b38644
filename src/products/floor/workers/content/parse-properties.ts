import { Properties } from "properties-file/parser";
import { invalid } from "../content-fault.ts";
import { ValueRules } from "./value-rules.ts";

/** Java's properties, as an object of strings; keys are not taken apart. */
export function parseProperties(text: string): unknown {
  const rules = new ValueRules();
  const keys = new Set<string>();
  const object: Record<string, string> = {};
  for (const { key, value } of nodesOf(text)) {
    rules.key([key], keys);
    rules.value([key]);
    rules.text(value);
    object[key] = value;
  }
  return object;
}

function nodesOf(text: string): { key: string; value: string }[] {
  try {
    return new Properties(text).getProperties();
  } catch (error) {
    if (!(error as Error).message.includes("malformed escaped unicode")) throw error;
    throw invalid("syntax", "", "a \\u is not followed by four hexadecimal digits: complete it, or write \\\\u");
  }
}
