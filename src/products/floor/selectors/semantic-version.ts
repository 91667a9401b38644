/** A version of semver.org 2.0.0 without its build metadata, which has no part in any order. */
export interface SemanticVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** The identifiers of a pre-release; none for a release. */
  readonly pre: readonly string[];
}

/** Digits of major, minor and patch at most, so that they are exact numbers, and one more is too. */
export const VERSION_DIGITS_MAX = 15;
/** Characters of a label's value that may be a version at most. */
export const VERSION_CHARS_MAX = 256;

const NUMBER = `(?:0|[1-9]\\d{0,${VERSION_DIGITS_MAX - 1}})`;
const PRE_ID = "(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)";
const PRE = `${PRE_ID}(?:\\.${PRE_ID})*`;
const BUILD = "[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*";
const VERSION = new RegExp(`^v?(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-(${PRE}))?(?:\\+${BUILD})?$`);
const PRE_RELEASE = new RegExp(`^${PRE}$`);
const DIGITS = /^\d+$/;

/** The version a label's value is, perhaps behind a `v`; undefined when it is none: `1.2` is none. */
export function parseVersion(text: string): SemanticVersion | undefined {
  const found = text.length > VERSION_CHARS_MAX ? null : VERSION.exec(text);
  if (found === null) return undefined;
  const [, major, minor, patch, pre] = found;
  return { major: Number(major), minor: Number(minor), patch: Number(patch), pre: pre?.split(".") ?? [] };
}

/** The identifiers of a pre-release, without its hyphen; undefined when it breaks a rule of theirs. */
export function parsePreRelease(text: string): readonly string[] | undefined {
  return PRE_RELEASE.test(text) ? text.split(".") : undefined;
}

export function formatVersion({ major, minor, patch, pre }: SemanticVersion): string {
  return `${major}.${minor}.${patch}${pre.length === 0 ? "" : `-${pre.join(".")}`}`;
}

/** Below 0, 0 or above 0, by semver.org's precedence. */
export function compareVersions(one: SemanticVersion, other: SemanticVersion): number {
  return (
    one.major - other.major || one.minor - other.minor || one.patch - other.patch || comparePre(one.pre, other.pre)
  );
}

/** Whether two versions are of the same major.minor.patch. */
export function isSameRelease(one: SemanticVersion, other: SemanticVersion): boolean {
  return one.major === other.major && one.minor === other.minor && one.patch === other.patch;
}

/** A release is above all its pre-releases; of two of those that are alike so far, the longer is above. */
function comparePre(one: readonly string[], other: readonly string[]): number {
  if (one.length === 0 || other.length === 0) return other.length - one.length;
  const length = Math.min(one.length, other.length);
  for (let i = 0; i < length; i++) {
    const order = compareIdentifiers(one[i] as string, other[i] as string);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

/** Numbers are below words. They have no leading zeros, so the longer is the larger, however long. */
function compareIdentifiers(one: string, other: string): number {
  if (one === other) return 0;
  const isNumber = DIGITS.test(one);
  if (isNumber !== DIGITS.test(other)) return isNumber ? -1 : 1;
  if (isNumber && one.length !== other.length) return one.length - other.length;
  return one < other ? -1 : 1;
}
