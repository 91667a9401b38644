import { assert } from "../../core/base/assert.ts";
import { type Fault, InputError } from "./input-error.ts";

declare const isName: unique symbol;

/**
 * What people call a namespace, a service, a queue: one to four segments of `[A-Za-z0-9._-]` joined by `/`, as in
 * `shop/checkout/db`. The first is the space. Case counts. Made by {@link parseName} or {@link decodeName} only.
 */
export type Name = string & { readonly [isName]: true };

/** Segments of a name at most. */
export const NAME_SEGMENTS_MAX = 4;
/** Characters of a segment at most. */
export const NAME_SEGMENT_CHARS_MAX = 128;
/** Characters of a whole name at most, which are as many bytes on the tree: as long as a file's name may be. */
export const NAME_CHARS_MAX = 255;

/** What a product's own znodes beside encoded names begin with: no encoded name has this character. */
export const OWN_CHILD_MARK = "~";

/** Between the segments of an encoded name. */
const ENCODED_SLASH = ":";
const ALLOWED = /[A-Za-z0-9._-]/;
const FORBIDDEN = /[^A-Za-z0-9._-]/u;

assert(!ALLOWED.test(ENCODED_SLASH) && !ALLOWED.test(OWN_CHILD_MARK), "a mark could be part of a segment");
assert(NAME_SEGMENT_CHARS_MAX <= NAME_CHARS_MAX, "a segment may be longer than a name");

/**
 * What somebody wrote, as a name.
 *
 * @throws InputError INVALID_NAME
 */
export function parseName(text: string): Name {
  const fault = nameFault(text);
  if (fault !== undefined) throw new InputError("INVALID_NAME", "name", text, fault);
  return text as Name;
}

/** The first segment: the unit of permission, of quota and of mirroring. */
export function spaceOf(name: Name): string {
  const slash = name.indexOf("/");
  return slash < 0 ? name : name.slice(0, slash);
}

/**
 * A name as one segment of a znode's path: `shop/checkout/db` is `shop:checkout:db`. Injective, since no segment has a
 * colon; and a name is never a child of another, so it collides with none of a product's own children.
 */
export function encodeName(name: Name): string {
  return name.replaceAll("/", ENCODED_SLASH);
}

/** The name behind a znode's segment; undefined for what {@link encodeName} makes of no name. */
export function decodeName(segment: string): Name | undefined {
  if (segment.includes("/")) return undefined;
  const text = segment.replaceAll(ENCODED_SLASH, "/");
  return nameFault(text) === undefined ? (text as Name) : undefined;
}

function nameFault(text: string): Fault | undefined {
  if (text === "") return { rule: "a name is not empty", fix: "write one to four segments, as in shop/checkout" };
  // Before anything looks at all of it.
  if (text.length > NAME_CHARS_MAX) {
    return { rule: `a name has at most ${NAME_CHARS_MAX} characters`, fix: "write a shorter one" };
  }
  const segments = text.split("/");
  if (segments.length > NAME_SEGMENTS_MAX) {
    const fix = `join the last of its ${segments.length} with "." or "-"`;
    return { rule: `a name has at most ${NAME_SEGMENTS_MAX} segments`, fix };
  }
  let at = 0;
  for (const segment of segments) {
    const fault = segmentFault(segment, at);
    if (fault !== undefined) return fault;
    at += segment.length + 1;
  }
  return undefined;
}

function segmentFault(segment: string, at: number): Fault | undefined {
  if (segment === "") {
    return {
      at,
      rule: "a segment is not empty",
      fix: 'write one "/" between two segments, none before or behind them',
    };
  }
  if (segment === "." || segment === "..") {
    return { at, rule: `a segment is not "${segment}"`, fix: "write the whole name; none is relative to another" };
  }
  const forbidden = FORBIDDEN.exec(segment);
  if (forbidden !== null) {
    const rule = `a segment has letters A-Z and a-z, digits, ".", "_" and "-", and not ${characterText(forbidden[0])}`;
    return { at: at + forbidden.index, rule, fix: 'write "-" or "_" in its place' };
  }
  if (segment.length > NAME_SEGMENT_CHARS_MAX) {
    return { at, rule: `a segment has at most ${NAME_SEGMENT_CHARS_MAX} characters`, fix: "write a shorter one" };
  }
  return undefined;
}

/** Quoted where one can see it, and by its code point. */
function characterText(character: string): string {
  const point = character.codePointAt(0) as number;
  const code = `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) ? `"${character}" (${code})` : code;
}
