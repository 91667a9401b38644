import { readRange } from "./range-parser.ts";
import { type Requirement, Selector } from "./selector.ts";
import { SelectorScanner } from "./selector-scanner.ts";

/** Characters of a selector at most, as it is written and in its canonical form. */
export const SELECTOR_CHARS_MAX = 4096;
/** Requirements of a selector at most. */
export const SELECTOR_REQUIREMENTS_MAX = 32;
/** Values of one `in` or `notin` at most. */
export const SELECTOR_VALUES_MAX = 128;
/** Kubernetes' limits of a label: characters of its value and of the name of its key; of the key's prefix. */
export const LABEL_CHARS_MAX = 63;
export const LABEL_PREFIX_CHARS_MAX = 253;

const WORD = /[^\s=!(),<>]*/y;
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const LABEL_RULE = 'letters, digits, ".", "_" and "-", with a letter or digit at both ends';

/**
 * Reads a selector.
 *
 * @throws InputError INVALID_SELECTOR, which names the place
 */
export function parseSelector(text: string): Selector {
  const scanner = new SelectorScanner(text);
  if (text.length > SELECTOR_CHARS_MAX) {
    scanner.fail(undefined, `a selector has at most ${SELECTOR_CHARS_MAX} characters`, "ask for less in one");
  }
  const requirements: Requirement[] = [];
  if (!scanner.isAtEnd) {
    do {
      if (requirements.length === SELECTOR_REQUIREMENTS_MAX) {
        const rule = `a selector has at most ${SELECTOR_REQUIREMENTS_MAX} requirements`;
        scanner.fail(scanner.at, rule, "ask for less in one");
      }
      requirements.push(readRequirement(scanner));
    } while (scanner.take(","));
    if (!scanner.isAtEnd) scanner.fail(scanner.at, `"," is expected, not ${scanner.found()}`, WRITE_A_COMMA);
  }
  const selector = new Selector(requirements);
  // Ranges grow where ^, ~ and x are written out; the canonical text must be a selector, too.
  if (selector.text.length > SELECTOR_CHARS_MAX) {
    const rule = `a selector with its ranges written out has at most ${SELECTOR_CHARS_MAX} characters`;
    scanner.fail(undefined, rule, "ask for less in one");
  }
  return selector;
}

const WRITE_A_COMMA = "write a comma between two requirements, none at the end";
const WRITE_AN_OPERATOR = "write one of: key=value, key!=value, key in (a,b), key notin (a,b), key semver (>=1.2.0)";

function readRequirement(scanner: SelectorScanner): Requirement {
  if (scanner.take("!")) {
    const key = readKey(scanner);
    if (scanner.isAtEnd || scanner.peek() === ",") return { kind: "absent", key };
    return scanner.fail(scanner.at, `behind !key there is nothing, and not ${scanner.found()}`, "write key!=value");
  }
  const key = readKey(scanner);
  if (scanner.isAtEnd || scanner.peek() === ",") return { kind: "present", key };
  if (scanner.take("!=")) return { kind: "not-in", key, values: [readValue(scanner)] };
  if (scanner.take("==") || scanner.take("=")) return { kind: "in", key, values: [readValue(scanner)] };
  const start = scanner.at;
  switch (scanner.word(WORD)) {
    case "in":
      return { kind: "in", key, values: inBrackets(scanner, readValues) };
    case "notin":
      return { kind: "not-in", key, values: inBrackets(scanner, readValues) };
    case "semver":
      return { kind: "version", key, range: inBrackets(scanner, readRange) };
    default:
      scanner.at = start;
      return scanner.fail(start, `behind a key there is an operator, and not ${scanner.found()}`, WRITE_AN_OPERATOR);
  }
}

function inBrackets<T>(scanner: SelectorScanner, read: (scanner: SelectorScanner) => T): T {
  if (!scanner.take("(")) scanner.fail(scanner.at, `"(" is expected, not ${scanner.found()}`, WRITE_AN_OPERATOR);
  const content = read(scanner);
  if (!scanner.take(")")) scanner.fail(scanner.at, `")" is expected, not ${scanner.found()}`, "close the bracket");
  return content;
}

/** As in Kubernetes, nothing between two commas is the empty value, and so is nothing at all. */
function readValues(scanner: SelectorScanner): readonly string[] {
  const values = new Set<string>();
  do {
    if (values.size === SELECTOR_VALUES_MAX) {
      scanner.fail(scanner.at, `a list has at most ${SELECTOR_VALUES_MAX} values`, "ask for fewer");
    }
    values.add(readValue(scanner));
  } while (scanner.take(","));
  return [...values].sort();
}

function readValue(scanner: SelectorScanner): string {
  scanner.skipSpace();
  const start = scanner.at;
  const value = scanner.word(WORD);
  if (value === "") return value;
  if (!LABEL.test(value)) scanner.fail(start, `${JSON.stringify(value)} is no label's value`, `write ${LABEL_RULE}`);
  if (value.length > LABEL_CHARS_MAX) {
    scanner.fail(start, `a label's value has at most ${LABEL_CHARS_MAX} characters`, "write a shorter one");
  }
  return value;
}

function readKey(scanner: SelectorScanner): string {
  scanner.skipSpace();
  const start = scanner.at;
  const key = scanner.word(WORD);
  if (key === "") scanner.fail(start, `a key is expected, not ${scanner.found()}`, WRITE_A_COMMA);
  const slash = key.indexOf("/");
  const [prefix, name] = slash < 0 ? ["", key] : [key.slice(0, slash), key.slice(slash + 1)];
  if (!LABEL.test(name)) {
    scanner.fail(
      start,
      `${JSON.stringify(key)} is no label's key`,
      `write ${LABEL_RULE}, as in app or example.org/app`,
    );
  }
  if (name.length > LABEL_CHARS_MAX) {
    scanner.fail(start, `the name of a key has at most ${LABEL_CHARS_MAX} characters`, "write a shorter one");
  }
  if (slash >= 0 && (!PREFIX.test(prefix) || prefix.length > LABEL_PREFIX_CHARS_MAX)) {
    const rule = `${JSON.stringify(prefix)} before the "/" of a key is no DNS name`;
    scanner.fail(start, rule, `write one in lower case of at most ${LABEL_PREFIX_CHARS_MAX} characters`);
  }
  return key;
}
