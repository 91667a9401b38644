import type { ContentJobs } from "../content-jobs.ts";
import { serveJobs } from "../serve-jobs.ts";
import { checkXml } from "./check-xml.ts";
import { compileSchema } from "./compile-schema.ts";
import { parseDocument } from "./parse-document.ts";
import { readZip } from "./read-zip.ts";
import { SchemaCache } from "./schema-cache.ts";
import { validateDocument } from "./validate-document.ts";

/** Entry of a content worker: the one place of a member where what users sent is parsed. */

const schemas = new SchemaCache();
const encoder = new TextEncoder();

// The first schema brings the schema of schemas with it, 100 ms of work: not on the first user's account.
compileSchema(encoder.encode("{}"));

serveJobs<ContentJobs>({
  parse: ({ format, content }) => ({ json: encoder.encode(JSON.stringify(parseDocument(format, content))) }),
  "check-xml": checkXml,
  "read-zip": readZip,
  "check-schema": ({ schema }) => {
    schemas.get(schema);
    return {};
  },
  validate: ({ schema, format, content }) => validateDocument(schemas.get(schema), parseDocument(format, content)),
});
