import type { ContentFormat } from "../content-jobs.ts";
import { documentText } from "./document-text.ts";
import { parseJson } from "./parse-json.ts";
import { parseProperties } from "./parse-properties.ts";
import { parseToml } from "./parse-toml.ts";
import { parseYaml } from "./parse-yaml.ts";

const parsers: Readonly<Record<ContentFormat, (text: string) => unknown>> = {
  json: parseJson,
  yaml: parseYaml,
  toml: parseToml,
  properties: parseProperties,
};

/** The one value of a document. */
export function parseDocument(format: ContentFormat, content: Uint8Array): unknown {
  return parsers[format](documentText(content));
}
