import type { Format } from "ajv";
import { fullFormats } from "ajv-formats/dist/formats.js";
import { isLinearRegExp, linearRegExp } from "./linear-reg-exp.ts";

/** Of ajv-formats, those whose expressions may take time beyond proportion: they run on the linear engine. */
const REWRITTEN = ["email", "ipv4", "ipv6", "json-pointer", "relative-json-pointer", "uri-template", "uuid"] as const;

/**
 * Those taken as they are: `duration` and `hostname` look ahead, which the linear engine cannot do, but are anchored
 * and have no loop that can be taken in two ways, or is not bounded by that look ahead; the others are functions.
 */
const AS_THEY_ARE = ["date", "date-time", "duration", "hostname", "time"] as const;

const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const isUriReference = linear("uri-reference");

/** The formats of JSON Schema 2020-12 that are checked; any other says something to people only. */
export const schemaFormats: Readonly<Record<string, Format>> = {
  ...Object.fromEntries(AS_THEY_ARE.map((name) => [name, fullFormats[name] as Format])),
  ...Object.fromEntries(REWRITTEN.map((name) => [name, linear(name)])),
  "uri-reference": isUriReference,
  uri: (text: string) => SCHEME.test(text) && isUriReference(text),
  regex: isLinearRegExp,
};

/** A format's expression on the linear engine, compiled when first needed. */
function linear(name: (typeof REWRITTEN)[number] | "uri-reference"): (text: string) => boolean {
  const { source, flags } = fullFormats[name] as RegExp;
  let compiled: { test(text: string): boolean } | undefined;
  return (text) => {
    compiled ??= linearRegExp(source, flags);
    return compiled.test(text);
  };
}
