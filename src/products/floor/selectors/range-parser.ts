import type { SelectorScanner } from "./selector-scanner.ts";
import { parsePreRelease, type SemanticVersion, VERSION_DIGITS_MAX } from "./semantic-version.ts";
import { type Comparator, type Comparison, canonicalRange, type VersionRange } from "./version-range.ts";

/** Alternatives of one range at most, between `||`. */
export const RANGE_SETS_MAX = 16;
/** Comparators of one alternative at most, with `^`, `~` and `x` written out. */
export const RANGE_COMPARATORS_MAX = 16;

const OPERATOR = /<=|>=|[<>=^~]/y;
const WORD = /[^\s|(),<>=^~]*/y;
const WILDCARD = /^[xX*]$/;
const NUMBER = /^(?:0|[1-9]\d*)$/;

const zero: readonly string[] = ["0"];

/** A version as somebody wrote it: what is missing behind its numbers, or an `x`, stands for any. */
interface PartialVersion {
  readonly numbers: readonly number[];
  readonly pre: readonly string[];
}

/**
 * Reads a range up to, and not including, the bracket that closes it: alternatives separated by `||`, each of
 * comparators separated by space. `^`, `~`, `x` and missing numbers are written out as in npm's ranges; what those have
 * beside (hyphens, empty ranges, build metadata) is refused by name.
 *
 * @throws InputError INVALID_SELECTOR
 */
export function readRange(scanner: SelectorScanner): VersionRange {
  const sets: Comparator[][] = [];
  do {
    if (sets.length === RANGE_SETS_MAX) {
      scanner.fail(scanner.at, `a range has at most ${RANGE_SETS_MAX} alternatives`, "write fewer");
    }
    sets.push(readSet(scanner));
  } while (scanner.take("||"));
  return canonicalRange(sets);
}

function readSet(scanner: SelectorScanner): Comparator[] {
  const set: Comparator[] = [];
  const start = scanner.at;
  while (!["", ")", "|"].includes(scanner.peek())) set.push(...readComparators(scanner));
  if (set.length === 0) scanner.fail(start, "a range is not empty", 'write "*" for any release');
  if (set.length > RANGE_COMPARATORS_MAX) {
    const rule = `an alternative of a range has at most ${RANGE_COMPARATORS_MAX} comparators`;
    scanner.fail(start, rule, "write fewer; of ^, ~ and x each counts as the two it is written out as");
  }
  return set;
}

function readComparators(scanner: SelectorScanner): Comparator[] {
  const { at } = scanner;
  const comparators = writtenOut(scanner);
  // Looked at when it is written out: the end of ^999 has a digit more.
  if (comparators.some(({ version }) => hasTooManyDigits(version))) {
    const rule = `a number of a version, and the one after it, has at most ${VERSION_DIGITS_MAX} digits`;
    scanner.fail(at, rule, "write a smaller one");
  }
  return comparators;
}

function hasTooManyDigits({ major, minor, patch }: SemanticVersion): boolean {
  return Math.max(major, minor, patch) >= 10 ** VERSION_DIGITS_MAX;
}

function writtenOut(scanner: SelectorScanner): Comparator[] {
  const start = scanner.at;
  const operator = scanner.word(OPERATOR);
  scanner.skipSpace();
  const version = readPartial(scanner);
  if (version.numbers.length === 0 && operator !== "") {
    scanner.fail(start, `"${operator}" of any version says nothing`, 'write "*" alone for any release');
  }
  if (operator === "^") return between(version, caretEnd(version));
  if (operator === "~") return between(version, endOf(version.numbers.slice(0, 2)));
  if (version.numbers.length === 3) return [comparator((operator || "=") as Comparison, lowest(version))];
  return ofPartial(operator, version);
}

function readPartial(scanner: SelectorScanner): PartialVersion {
  const start = scanner.at;
  const word = scanner.match(WORD);
  const fail = (rule: string): never => {
    return scanner.fail(start, rule, "write a version like 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *");
  };
  if (word === "") {
    const fix = 'write space between comparators, "||" between alternatives';
    scanner.fail(scanner.at, `a version is expected, not ${scanner.found()}`, fix);
  }
  if (word === "-") fail("there are no hyphen ranges; 1.2.0 - 2.3.4 is >=1.2.0 <=2.3.4");
  if (word.includes("+"))
    fail(`${JSON.stringify(word)} has build metadata, which has no part in the order of versions`);
  const hyphen = word.indexOf("-");
  const release = hyphen < 0 ? word : word.slice(0, hyphen);
  const parts = release.replace(/^v/, "").split(".");
  if (parts.length > 3) fail(`${JSON.stringify(word)} has more than three numbers`);
  const known = parts.findIndex((part) => WILDCARD.test(part));
  const digits = known < 0 ? parts : parts.slice(0, known);
  for (const part of digits) {
    if (!NUMBER.test(part)) fail(`${JSON.stringify(word)} has ${JSON.stringify(part)} where a number is expected`);
  }
  if (parts.slice(digits.length).some((part) => !WILDCARD.test(part))) fail("behind an x there is nothing but an x");
  if (hyphen < 0) return { numbers: digits.map(Number), pre: [] };
  const pre = parsePreRelease(word.slice(hyphen + 1));
  if (pre === undefined) return fail(`${JSON.stringify(word)} has a pre-release that is none`);
  if (digits.length < 3) fail("a pre-release is one of a whole version");
  return { numbers: digits.map(Number), pre };
}

/** What a comparison means of a version that stands for several: all of them, those above them, those below. */
function ofPartial(operator: string, version: PartialVersion): Comparator[] {
  if (version.numbers.length === 0) return [comparator(">=", lowest(version))];
  const end = endOf(version.numbers);
  switch (operator) {
    case ">":
      return [comparator(">=", { ...end, pre: [] })];
    case ">=":
      return [comparator(">=", lowest(version))];
    case "<":
      return [comparator("<", { ...lowest(version), pre: zero })];
    case "<=":
      return [comparator("<", end)];
    default:
      return between(version, end);
  }
}

function between(from: PartialVersion, to: SemanticVersion): Comparator[] {
  return [comparator(">=", lowest(from)), comparator("<", to)];
}

function comparator(comparison: Comparison, version: SemanticVersion): Comparator {
  return { comparison, version };
}

function lowest({ numbers: [major = 0, minor = 0, patch = 0], pre }: PartialVersion): SemanticVersion {
  return { major, minor, patch, pre };
}

/** Where the versions that begin with these numbers end: below the lowest pre-release of the next. */
function endOf(numbers: readonly number[]): SemanticVersion {
  const [major = 0, minor = 0, patch = 0] = numbers.with(-1, (numbers.at(-1) as number) + 1);
  return { major, minor, patch, pre: zero };
}

/** `^` keeps the first number that is not 0, or the last that is written. */
function caretEnd({ numbers }: PartialVersion): SemanticVersion {
  const first = numbers.findIndex((number) => number !== 0);
  return endOf(first < 0 ? numbers : numbers.slice(0, first + 1));
}
