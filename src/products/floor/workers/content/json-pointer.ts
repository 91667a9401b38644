/** A place in a document, from its root: keys of objects and numbers of list items. */
export type Place = readonly (string | number)[];

/** As RFC 6901 writes it; empty for the root. */
export function jsonPointer(place: Place): string {
  return place.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
