import { compareVersions, formatVersion, isSameRelease, type SemanticVersion } from "./semantic-version.ts";

export type Comparison = "<" | "<=" | "=" | ">=" | ">";

export interface Comparator {
  readonly comparison: Comparison;
  readonly version: SemanticVersion;
}

/** Versions for which every comparator of at least one of its sets holds; in canonical order. */
export type VersionRange = readonly (readonly Comparator[])[];

/**
 * Whether a version is in a range. A pre-release is only in a set that names a pre-release of the same release:
 * `>=1.2.0` lets no 1.3.0-rc.1 in, `>=1.3.0-beta` does.
 */
export function isInRange(version: SemanticVersion, range: VersionRange): boolean {
  return range.some((set) => set.every((comparator) => holds(comparator, version)) && admits(set, version));
}

function admits(set: readonly Comparator[], version: SemanticVersion): boolean {
  if (version.pre.length === 0) return true;
  return set.some((comparator) => comparator.version.pre.length > 0 && isSameRelease(comparator.version, version));
}

function holds({ comparison, version: bound }: Comparator, version: SemanticVersion): boolean {
  const order = compareVersions(version, bound);
  switch (comparison) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case "=":
      return order === 0;
    case ">=":
      return order >= 0;
    default:
      return order > 0;
  }
}

/** The range of sets in any order: ordered, and nothing twice. */
export function canonicalRange(sets: VersionRange): VersionRange {
  return uniqueSorted(
    sets.map((set) => uniqueSorted(set, comparatorText, compareComparators)),
    setText,
    compareSets,
  );
}

export function rangeText(range: VersionRange): string {
  return range.map(setText).join(" || ");
}

function setText(set: readonly Comparator[]): string {
  return set.map(comparatorText).join(" ");
}

function comparatorText({ comparison, version }: Comparator): string {
  return `${comparison}${formatVersion(version)}`;
}

const comparisons: readonly Comparison[] = [">=", ">", "=", "<=", "<"];

/** By version, so that people read a range from its lower end to its upper one. */
function compareComparators(one: Comparator, other: Comparator): number {
  const byVersion = compareVersions(one.version, other.version);
  return byVersion !== 0 ? byVersion : comparisons.indexOf(one.comparison) - comparisons.indexOf(other.comparison);
}

function compareSets(one: readonly Comparator[], other: readonly Comparator[]): number {
  const length = Math.min(one.length, other.length);
  for (let i = 0; i < length; i++) {
    const order = compareComparators(one[i] as Comparator, other[i] as Comparator);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

function uniqueSorted<T>(items: readonly T[], text: (item: T) => string, order: (one: T, other: T) => number): T[] {
  return [...new Map(items.map((item) => [text(item), item])).values()].sort(order);
}
