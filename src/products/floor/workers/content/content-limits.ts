/** What jobs read at most. Time and memory are bounded by the pool besides. */

/** Bytes of a document: what fits one znode. */
export const DOCUMENT_BYTES_MAX = 1024 * 1024;
/** Levels of objects and lists, and of XML's elements. */
export const DEPTH_MAX = 64;
/** Objects, lists and plain values of a document, each counted as often as aliases repeat it. */
export const VALUES_MAX = 100_000;
/** Characters of a document's keys and strings, likewise. */
export const CHARACTERS_MAX = 4 * 1024 * 1024;
/** Aliases of a YAML document. */
export const ALIASES_MAX = 100;

/** Bytes of a schema. */
export const SCHEMA_BYTES_MAX = 256 * 1024;
/** Compiled schemas that a worker keeps, and the bytes of their texts together. */
export const SCHEMAS_KEPT_MAX = 32;
export const SCHEMA_BYTES_KEPT_MAX = 1024 * 1024;
/** Violations that one validation tells of. */
export const VIOLATIONS_MAX = 100;
/** Characters of a key, a pattern or a rejected value that a message shows. */
export const SHOWN_CHARACTERS_MAX = 100;

/** Bytes of an archive. */
export const ARCHIVE_BYTES_MAX = 4 * 1024 * 1024;
/** Entries of an archive, folders included. */
export const ENTRIES_MAX = 1_000;
/** Bytes of one entry, inflated: what fits one znode. */
export const ENTRY_BYTES_MAX = 1024 * 1024;
/** Bytes of all entries, inflated. */
export const INFLATED_BYTES_MAX = 16 * 1024 * 1024;
/** How many times its packed size an entry may have, once it is larger than {@link RATIO_BYTES_MIN}. */
export const RATIO_MAX = 100;
export const RATIO_BYTES_MIN = 64 * 1024;
