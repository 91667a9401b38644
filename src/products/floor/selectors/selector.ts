import { parseVersion } from "./semantic-version.ts";
import { isInRange, rangeText, type VersionRange } from "./version-range.ts";

/** What things are told apart by: of an instance or a client, by key. */
export type Labels = ReadonlyMap<string, string>;

/** One condition of a selector. `values`: at least one, sorted, each once; `range`: in canonical order. */
export type Requirement =
  | { readonly kind: "present" | "absent"; readonly key: string }
  | { readonly kind: "in" | "not-in"; readonly key: string; readonly values: readonly string[] }
  | { readonly kind: "version"; readonly key: string; readonly range: VersionRange };

/**
 * Which labels somebody asks for, in the one grammar of rollouts, registry, CLI and console (products.md 8,
 * docs/selectors.md). Made by `parseSelector`.
 */
export class Selector {
  /**
   * The canonical text: selectors that differ in spacing, in order, in repetition or in how one thing is written have
   * the same, and it is read as the same selector. "" selects everything.
   */
  readonly text: string;
  private readonly requirements: readonly Requirement[];

  constructor(requirements: readonly Requirement[]) {
    const byText = new Map(requirements.map((requirement) => [requirementText(requirement), requirement]));
    const sorted = [...byText].sort(([one, { key: oneKey }], [other, { key: otherKey }]) =>
      oneKey === otherKey ? compare(one, other) : compare(oneKey, otherKey),
    );
    this.text = sorted.map(([text]) => text).join(",");
    this.requirements = sorted.map(([, requirement]) => requirement);
  }

  /** Whether labels meet every requirement. */
  matches(labels: Labels): boolean {
    for (const requirement of this.requirements) if (!isMet(requirement, labels)) return false;
    return true;
  }
}

/** Selects everything. */
export const everything = new Selector([]);

/** As in Kubernetes, a label that is absent is not equal to anything: `!=` and `notin` hold for it. */
function isMet(requirement: Requirement, labels: Labels): boolean {
  const value = labels.get(requirement.key);
  switch (requirement.kind) {
    case "present":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "in":
      return value !== undefined && requirement.values.includes(value);
    case "not-in":
      return value === undefined || !requirement.values.includes(value);
    default:
      return value !== undefined && isVersionInRange(value, requirement.range);
  }
}

function isVersionInRange(value: string, range: VersionRange): boolean {
  const version = parseVersion(value);
  return version !== undefined && isInRange(version, range);
}

function requirementText(requirement: Requirement): string {
  const { kind, key } = requirement;
  switch (kind) {
    case "present":
      return key;
    case "absent":
      return `!${key}`;
    case "version":
      return `${key} semver (${rangeText(requirement.range)})`;
    default: {
      const { values } = requirement;
      if (values.length === 1) return `${key}${kind === "in" ? "=" : "!="}${values[0]}`;
      return `${key} ${kind === "in" ? "in" : "notin"} (${values.join(",")})`;
    }
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
