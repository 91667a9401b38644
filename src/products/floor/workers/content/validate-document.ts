import type { ErrorObject, ValidateFunction } from "ajv";
import type { Validation, Violation } from "../content-jobs.ts";
import { shortened } from "../shortened.ts";
import { SHOWN_CHARACTERS_MAX, VIOLATIONS_MAX } from "./content-limits.ts";

/** Holds a value against a compiled schema. */
export function validateDocument(validate: ValidateFunction, value: unknown): Validation {
  if (validate(value)) return { violations: [], total: 0 };
  const errors = validate.errors ?? [];
  // Of the value, which may be large, nothing is to stay behind in the cache.
  validate.errors = null;
  return { violations: errors.slice(0, VIOLATIONS_MAX).map(violation), total: errors.length };
}

function violation({ instancePath, schemaPath, message = "", data }: ErrorObject): Violation {
  return {
    item: shortened(instancePath),
    rule: shortened(schemaPath),
    value: shown(data),
    message: shortened(message),
  };
}

/** A value, shortened; of an object or a list no more than its size, which costs nothing. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return `an object of ${Object.keys(value).length}`;
  if (typeof value !== "string") return String(value);
  return JSON.stringify(shortened(value, SHOWN_CHARACTERS_MAX));
}
