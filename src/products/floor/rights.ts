/** What somebody may want to do, beside which each is granted for itself: none implies another (products.md 1). */
export const verbs = ["read", "edit", "publish", "rollout", "operate", "break", "reveal", "admin"] as const;
export type Verb = (typeof verbs)[number];

/** Stands for every space, and for what is in none: the raw tree, the ensemble. */
export const EVERYWHERE = "*";

/** Verbs over spaces; a role will be a name for some of them. */
export interface Grant {
  readonly verbs: readonly Verb[];
  /** Names of spaces, or {@link EVERYWHERE}. */
  readonly spaces: readonly string[];
}

export function isVerb(text: unknown): text is Verb {
  return (verbs as readonly unknown[]).includes(text);
}

/** What a principal may do; immutable. */
export class Rights {
  static readonly all = new Rights([{ verbs, spaces: [EVERYWHERE] }]);
  static readonly none = new Rights([]);

  readonly grants: readonly Grant[];
  private readonly everywhere = new Set<Verb>();

  constructor(grants: readonly Grant[]) {
    this.grants = grants;
    for (const grant of grants) {
      if (grant.spaces.includes(EVERYWHERE)) for (const verb of grant.verbs) this.everywhere.add(verb);
    }
  }

  /** Every verb everywhere: nothing needs to be looked up. */
  get isUnlimited(): boolean {
    return this.everywhere.size === verbs.length;
  }

  /** Whether the verb is granted in a space; without one, for what is in none. */
  allows(verb: Verb, space: string = EVERYWHERE): boolean {
    if (this.everywhere.has(verb)) return true;
    return this.grants.some((grant) => grant.verbs.includes(verb) && grant.spaces.includes(space));
  }

  /** For people: `read,edit on *; publish on shop`. */
  toString(): string {
    if (this.grants.length === 0) return "nothing";
    return this.grants.map((grant) => `${grant.verbs.join(",")} on ${grant.spaces.join(",")}`).join("; ");
  }
}
