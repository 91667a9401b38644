/**
 * The directives of a DIGEST-MD5 message (RFC 2831, 7.1): `name=value` or `name="value"`, commas between. Text here is
 * bytes, one character each, because what they mean depends on a directive. Names are in lower case; unknown ones are
 * kept, since a reader has to skip them.
 */
export type SaslDirectives = ReadonlyMap<string, string>;

/** Strict where Java is generous: what is not all directives, or has one twice, is none: undefined. */
export function parseSaslDirectives(text: string): SaslDirectives | undefined {
  const directives = new Map<string, string>();
  let at = skipBlanks(text, 0);
  while (at < text.length) {
    if (text[at] === ",") {
      at = skipBlanks(text, at + 1);
      continue;
    }
    const nameEnd = skipToken(text, at);
    const name = text.slice(at, nameEnd).toLowerCase();
    const equals = skipBlanks(text, nameEnd);
    if (name === "" || text[equals] !== "=" || directives.has(name)) return undefined;
    const value = readValue(text, skipBlanks(text, equals + 1));
    if (value === undefined) return undefined;
    directives.set(name, value.text);
    at = skipBlanks(text, value.end);
    if (at < text.length && text[at] !== ",") return undefined;
  }
  return directives;
}

interface Value {
  readonly text: string;
  readonly end: number;
}

function readValue(text: string, start: number): Value | undefined {
  if (text[start] === '"') return readQuoted(text, start + 1);
  const end = skipToken(text, start);
  return end === start ? undefined : { text: text.slice(start, end), end };
}

/** A backslash makes the next character mean itself. */
function readQuoted(text: string, start: number): Value | undefined {
  let value = "";
  for (let at = start; at < text.length; at++) {
    if (text[at] === '"') return { text: value, end: at + 1 };
    if (text[at] === "\\") at++;
    const character = text[at];
    if (character === undefined || isControl(character)) return undefined;
    value += character;
  }
  return undefined;
}

/** Line ends and tabs are blanks between directives, but nothing a value may hold. */
function isControl(character: string): boolean {
  return character < " " || character === "\x7f";
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]*/y;
const BLANKS = /[ \t\r\n]*/y;

function skipToken(text: string, from: number): number {
  return skip(TOKEN, text, from);
}

function skipBlanks(text: string, from: number): number {
  return skip(BLANKS, text, from);
}

function skip(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return from + (pattern.exec(text)?.[0].length ?? 0);
}
