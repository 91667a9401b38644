import type { ZodType } from "zod";
import { decodeName, type Name } from "./name.ts";

/** What can be wrong with a znode that a product reads. */
export const znodeDefects = ["too-large", "not-utf8", "not-json", "not-as-described", "not-a-name"] as const;
export type ZnodeDefect = (typeof znodeDefects)[number];

/** Data of a metadata znode that is decoded, bytes: small enough that the worst of it holds the loop up for ms. */
export const METADATA_BYTES_MAX = 16 * 1024;
/** Of what is said about a defect, characters. */
const DETAIL_CHARS_MAX = 200;

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  /** `detail`, for a log: where it is and which rule it breaks, without the content. */
  | { readonly ok: false; readonly defect: ZnodeDefect; readonly detail: string };

/** A byte order mark is not JSON, and is kept so that nobody takes two contents for one. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads znodes on behalf of one product, each as if an enemy had written it (products.md 6): nothing here throws, what
 * cannot be read is counted, and the product goes on without it.
 */
export class ZnodeDecoder {
  private readonly counts: Record<ZnodeDefect, number> = {
    "too-large": 0,
    "not-utf8": 0,
    "not-json": 0,
    "not-as-described": 0,
    "not-a-name": 0,
  };

  /** How often each defect was met since the start, for a counter labelled by it. */
  get defects(): Readonly<Record<ZnodeDefect, number>> {
    return this.counts;
  }

  /** The name behind the last segment of a znode's path. */
  name(segment: string): Decoded<Name> {
    const name = decodeName(segment);
    return name === undefined ? this.defect("not-a-name", "no name is encoded so") : { ok: true, value: name };
  }

  /** The JSON of a metadata znode, as `schema` describes it. `bytesMax`: of data that is looked at. */
  json<T>(data: Uint8Array, schema: ZodType<T>, bytesMax = METADATA_BYTES_MAX): Decoded<T> {
    if (data.length > bytesMax) return this.defect("too-large", `${data.length} bytes, at most ${bytesMax}`);
    let text: string;
    try {
      text = utf8.decode(data);
    } catch {
      return this.defect("not-utf8", "it has bytes that are no UTF-8");
    }
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      // The parser's own words repeat the content.
      return this.defect("not-json", "it is not JSON");
    }
    try {
      const { success, data: value, error } = schema.safeParse(json);
      if (success) return { ok: true, value };
      const { path = [], message = "" } = error.issues[0] ?? {};
      return this.defect("not-as-described", `${path.map(String).join(".")}: ${message}`);
    } catch {
      // A schema that refers to itself follows nesting until the stack is full.
      return this.defect("not-as-described", "it is nested too deeply");
    }
  }

  private defect(defect: ZnodeDefect, detail: string): Decoded<never> {
    this.counts[defect]++;
    return { ok: false, defect, detail: detail.slice(0, DETAIL_CHARS_MAX) };
  }
}
