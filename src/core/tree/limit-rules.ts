/** What a limit may be, and how it came to be. */
export interface LimitRule {
  readonly low: number;
  readonly high: number;
  readonly usual: number;
  /** The first feature level that knows it. */
  readonly since: number;
}

type Values = { [name: string]: number };

/**
 * Limits by feature level. A level knows the limits up to it, and members of all versions read and write exactly those:
 * one of a later level is refused as unknown and stands at its usual value, which is how the programs of that level
 * behave that do not have it. Once the level is raised it may be set; left out, it stands at its usual value again. The
 * limits every level knows must all be there.
 */
export class LimitRules {
  private readonly rules: readonly (readonly [name: string, rule: LimitRule])[];
  private readonly first: number;

  /** In this order they are written; new ones go anywhere, for the order of the others is kept. */
  constructor(rules: { readonly [name: string]: LimitRule }) {
    this.rules = Object.entries(rules);
    this.first = Math.min(...this.rules.map(([, { since }]) => since));
  }

  /** A value for every limit, from JSON of those that `level` knows; undefined where the JSON breaks a rule. */
  parse(text: string, level: number): Values | undefined {
    const given = parseObject(text);
    if (given === undefined) return undefined;
    const limits: Values = {};
    let left = Object.keys(given).length;
    for (const [name, { low, high, usual, since }] of this.rules) {
      limits[name] = usual;
      if (since > level || !Object.hasOwn(given, name)) {
        if (since === this.first) return undefined;
        continue;
      }
      const value = given[name];
      if (!Number.isSafeInteger(value) || (value as number) < low || (value as number) > high) return undefined;
      limits[name] = value as number;
      left--;
    }
    return left === 0 ? limits : undefined;
  }

  /** JSON of the limits that `level` knows: what snapshots keep and the digest covers. */
  text(limits: { readonly [name: string]: number }, level: number): string {
    return JSON.stringify(
      Object.fromEntries(this.rules.filter(([, { since }]) => since <= level).map(([name]) => [name, limits[name]])),
    );
  }
}

function parseObject(text: string): { readonly [name: string]: unknown } | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as { readonly [name: string]: unknown }) : undefined;
  } catch {
    return undefined;
  }
}
