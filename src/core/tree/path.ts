/**
 * ZooKeeper's path rules (PathUtils.validatePath), on UTF-8: absolute, no slash at the end, no empty, "." or ".."
 * segment, none of U+0000-001F, U+007F-009F, U+D800-F8FF, U+FFF0-FFFF.
 */
const SLASH = 47;
const DOT = 46;

/** The longest name of one segment, bytes: what the node table keeps in 16 bits. */
export const NAME_BYTES_MAX = 65_535;

/** What is wrong with a path, for people; undefined when it is right. */
export function pathFault(path: Uint8Array, start: number, end: number): string | undefined {
  if (start === end) return "it is empty";
  if (path[start] !== SLASH) return "it does not begin with '/'";
  if (end - start === 1) return undefined;
  if (path[end - 1] === SLASH) return "it ends with '/'";
  let segment = start + 1;
  for (let at = start + 1; at <= end; at++) {
    const byte = at === end ? SLASH : (path[at] as number);
    if (byte === SLASH) {
      const fault = segmentFault(path, segment, at);
      if (fault !== undefined) return fault;
      segment = at + 1;
    } else if (byte < 0x20 || byte === 0x7f) {
      return "it has a control character";
    } else if (byte >= 0x80) {
      const size = characterSize(path, at, end);
      if (size === 0) return "it has a character that is not allowed";
      at += size - 1;
    }
  }
  return undefined;
}

function segmentFault(path: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start;
  if (length === 0) return "it has an empty segment";
  if (path[start] !== DOT || length > 2) return undefined;
  if (length === 1) return "it has the segment '.'";
  return path[start + 1] === DOT ? "it has the segment '..'" : undefined;
}

/** Bytes of the well-formed and allowed character at `at`, or 0. */
function characterSize(path: Uint8Array, at: number, end: number): number {
  const first = path[at] as number;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (size === 0 || at + size > end || first > 0xf4) return 0;
  let point = first & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) {
    const next = path[at + i] as number;
    if ((next & 0xc0) !== 0x80) return 0;
    point = (point << 6) | (next & 0x3f);
  }
  return isAllowed(point, size) ? size : 0;
}

function isAllowed(point: number, size: number): boolean {
  if (size === 2) return point >= 0xa0;
  // Four-byte characters are surrogate pairs to ZooKeeper, whose checks see U+D800-DFFF and refuse them.
  if (size === 4 || point < 0x800) return false;
  return !(point >= 0xd800 && point <= 0xf8ff) && point < 0xfff0;
}

/** Where the last segment's slash is. */
export function lastSlash(path: Uint8Array, start: number, end: number): number {
  let at = end - 1;
  while (at > start && path[at] !== SLASH) at--;
  return at;
}
