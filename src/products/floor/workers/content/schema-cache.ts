import { createHash } from "node:crypto";
import type { ValidateFunction } from "ajv";
import { compileSchema } from "./compile-schema.ts";
import { SCHEMA_BYTES_KEPT_MAX, SCHEMAS_KEPT_MAX } from "./content-limits.ts";

interface Kept {
  readonly validate: ValidateFunction;
  readonly bytes: number;
}

/** The schemas this worker used last, compiled, by the hash of their text. */
export class SchemaCache {
  private readonly kept = new Map<string, Kept>();
  private bytes = 0;

  get size(): number {
    return this.kept.size;
  }

  /** @throws ContentFault where the schema cannot be used; that is not kept */
  get(schema: Uint8Array): ValidateFunction {
    const hash = createHash("sha256").update(schema).digest("base64");
    const known = this.kept.get(hash);
    const { validate, bytes } = known ?? { validate: compileSchema(schema), bytes: schema.length };
    // A map is in the order of insertion: the one used last stands last.
    if (known !== undefined) this.kept.delete(hash);
    else this.bytes += bytes;
    this.kept.set(hash, { validate, bytes });
    this.trim();
    return validate;
  }

  private trim(): void {
    for (const [hash, { bytes }] of this.kept) {
      if (this.kept.size <= SCHEMAS_KEPT_MAX && this.bytes <= SCHEMA_BYTES_KEPT_MAX) return;
      this.kept.delete(hash);
      this.bytes -= bytes;
    }
  }
}
