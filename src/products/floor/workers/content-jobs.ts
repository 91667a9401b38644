/** The jobs of the content worker: what each is given and gives. A product adds its own here and in `content/`. */
export interface ContentJobs {
  /** Parses a document. Refused: whatever is not exactly one value in that format, within the limits. */
  parse: { input: { format: ContentFormat; content: Uint8Array }; output: { json: Uint8Array } };
  /** Checks that XML is well-formed. A document type declaration is refused, and with it every entity of its own. */
  "check-xml": { input: { content: Uint8Array }; output: Record<never, never> };
  /** Reads an archive whole. Folders are left out. */
  "read-zip": { input: { archive: Uint8Array }; output: { entries: readonly ArchiveEntry[] } };
  /** Checks that a JSON Schema (2020-12, as JSON) can be used here. */
  "check-schema": { input: { schema: Uint8Array }; output: Record<never, never> };
  /** Holds a document against a schema. */
  validate: { input: { schema: Uint8Array; format: ContentFormat; content: Uint8Array }; output: Validation };
}

/** What a document may be written in; each is parsed to a JSON value. */
export type ContentFormat = "json" | "yaml" | "toml" | "properties";

export interface ArchiveEntry {
  /** A relative path with `/`, without `.` and `..`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Validation {
  /** What breaks the schema, in the document's order; none: it is valid. At most 100. */
  readonly violations: readonly Violation[];
  /** Of all violations, those left out included. */
  readonly total: number;
}

export interface Violation {
  /** JSON pointer of the rejected value; this and the rule are cut off after 1,000 characters, and marked. */
  readonly item: string;
  /** Where the rule stands in the schema: `#/properties/port/maximum`. */
  readonly rule: string;
  /** The value, shortened. A caller that masks secrets masks it by `item`. */
  readonly value: string;
  /** For people. */
  readonly message: string;
}
