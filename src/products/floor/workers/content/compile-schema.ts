import { Ajv2020, type ErrorObject, type Options, type ValidateFunction } from "ajv/dist/2020.js";
import { ContentFault, invalid } from "../content-fault.ts";
import { shortened } from "../shortened.ts";
import { SCHEMA_BYTES_MAX, SHOWN_CHARACTERS_MAX } from "./content-limits.ts";
import { documentText } from "./document-text.ts";
import { linearRegExp } from "./linear-reg-exp.ts";
import { parseJson } from "./parse-json.ts";
import { schemaFormats } from "./schema-formats.ts";

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** What compiles the patterns of a schema. */
function patternEngine(pattern: string, flags: string): ReturnType<typeof linearRegExp> {
  try {
    return linearRegExp(pattern, flags);
  } catch {
    const why =
      "is wrong, or uses what takes more than linear time: look-around, references back, a repetition over 1,000";
    const shown = JSON.stringify(shortened(pattern, SHOWN_CHARACTERS_MAX));
    throw invalid("pattern", "", `the pattern ${shown} ${why}; write it without`);
  }
}
// The compiler wants to know how code that is kept would name it; ours is not kept.
patternEngine.code = "patternEngine";

const options: Options = {
  // Keywords that are not of the standard are annotations, as it says.
  strict: false,
  allErrors: true,
  verbose: true,
  logger: false,
  // A property that every object inherits is not there.
  ownProperties: true,
  formats: { ...schemaFormats },
  code: { regExp: patternEngine },
};

/** Knows the schema of schemas, and nothing of what anybody sent. */
let dialect: Ajv2020 | undefined;

/**
 * Compiles a JSON Schema 2020-12. Each has an instance of its own: identifiers within one schema mean nothing to
 * another, and nothing is ever fetched.
 */
export function compileSchema(text: Uint8Array): ValidateFunction {
  const schema = parseJson(documentText(text, SCHEMA_BYTES_MAX));
  checkSchema(schema);
  try {
    return new Ajv2020({ ...options, meta: false, validateSchema: false }).compile(schema as object);
  } catch (error) {
    if (error instanceof RangeError || error instanceof ContentFault) throw error;
    throw compileFault(error as Error & { missingRef?: string });
  }
}

function checkSchema(schema: unknown): void {
  if (typeof schema === "object" && schema !== null) {
    const { $schema = DIALECT, $async } = schema as { $schema?: unknown; $async?: unknown };
    if ($schema !== DIALECT && $schema !== `${DIALECT}#`) {
      throw invalid("schema-dialect", "/$schema", `schemas are of JSON Schema 2020-12: $schema is ${DIALECT}`);
    }
    if ($async !== undefined) {
      throw invalid("schema", "/$async", "the keyword $async is not of JSON Schema: leave it out");
    }
  }
  dialect ??= new Ajv2020(options);
  if (dialect.validateSchema(schema as object) === true) return;
  const [{ instancePath, message }] = dialect.errors as [ErrorObject];
  throw invalid("schema", instancePath, `this is not JSON Schema 2020-12: ${message}`);
}

/** Whatever else the compiler finds wrong is the schema's fault. */
function compileFault({ message, missingRef }: Error & { missingRef?: string }): Error {
  if (missingRef === undefined) return invalid("schema", "", `the schema cannot be compiled: ${message}`);
  const shown = JSON.stringify(shortened(missingRef, SHOWN_CHARACTERS_MAX));
  const text = `the schema has nothing at $ref ${shown}, and no other document is ever fetched`;
  return invalid("ref", "", `${text}: put what it means into $defs`);
}
