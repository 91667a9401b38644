/** A rule the system under test broke: what a run ends with. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly rule: string;

  constructor(rule: string, text: string) {
    super(`${rule}: ${text}`);
    this.rule = rule;
  }
}

/** Throws a {@link Violation} of `rule` unless `holds`; the text is made only then. */
export function demand(holds: boolean, rule: string, text: () => string): asserts holds {
  if (!holds) throw new Violation(rule, text());
}
