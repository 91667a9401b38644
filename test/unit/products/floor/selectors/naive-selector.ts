import fc from "fast-check";

/** Selectors as data, how they may be written, and what they mean, each as plainly as it can be said. */
export type NaiveRequirement =
  | { readonly kind: "present" | "absent"; readonly key: string }
  | { readonly kind: "in" | "not-in"; readonly key: string; readonly values: readonly string[] }
  | { readonly kind: "version"; readonly key: string; readonly sets: readonly (readonly NaiveComparator[])[] };

export interface NaiveComparator {
  readonly operator: "" | "=" | "<" | "<=" | ">" | ">=" | "^" | "~";
  /** One to three, or none with no operator: `*`. */
  readonly numbers: readonly number[];
  /** Only behind three numbers; "": none. */
  readonly pre: string;
}

/** Words of the grammar are keys and values like others. */
const keys = ["a", "b", "in", "notin", "semver", "x.y/z", "A_1"] as const;
const values = ["", "a", "b", "in", "notin", "semver", "1.2.3", "v1.0.0"] as const;
const pres = ["0", "1", "10", "2", "alpha", "alpha.1", "alpha.beta", "rc.2", "rc.10", "-"] as const;

const numbers = fc.integer({ min: 0, max: 3 });
const comparators: fc.Arbitrary<NaiveComparator> = fc.oneof(
  fc.constant({ operator: "" as const, numbers: [], pre: "" }),
  fc
    .record({
      operator: fc.constantFrom<NaiveComparator["operator"][]>("", "=", "<", "<=", ">", ">=", "^", "~"),
      numbers: fc.array(numbers, { minLength: 1, maxLength: 3, size: "max" }),
      pre: fc.oneof(fc.constant(""), fc.constantFrom(...pres)),
    })
    .map((one) => ({ ...one, pre: one.numbers.length === 3 ? one.pre : "" })),
);

const sets = fc.array(fc.array(comparators, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });
/** Of one key, so that versions meet ranges. */
export const ranges: fc.Arbitrary<NaiveRequirement> = sets.map((all) => ({ kind: "version", key: "v", sets: all }));

export const requirements: fc.Arbitrary<NaiveRequirement> = fc.oneof(
  fc.record({ kind: fc.constantFrom("present", "absent"), key: fc.constantFrom(...keys) }),
  fc.record({
    kind: fc.constantFrom("in", "not-in"),
    key: fc.constantFrom(...keys),
    values: fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant("version"),
    key: fc.constantFrom(...keys),
    sets,
  }),
);

export const versions: fc.Arbitrary<string> = fc
  .tuple(numbers, numbers, numbers, fc.oneof(fc.constant(""), fc.constantFrom(...pres)), fc.constantFrom("", "v"))
  .map(([major, minor, patch, pre, v]) => `${v}${major}.${minor}.${patch}${pre === "" ? "" : `-${pre}`}`);

export const labelSets: fc.Arbitrary<ReadonlyMap<string, string>> = fc
  .array(fc.tuple(fc.constantFrom(...keys), fc.oneof(fc.constantFrom(...values), versions)), { maxLength: 5 })
  .map((entries) => new Map(entries));

/** Chooses, as a test wants it, among the ways to write a thing. */
export class Hand {
  private readonly choices: readonly number[];
  private at = 0;

  constructor(choices: readonly number[]) {
    this.choices = choices;
  }

  pick<T>(...from: readonly T[]): T {
    const choice = this.choices[this.at++ % this.choices.length] ?? 0;
    return from[choice % from.length] as T;
  }

  space(): string {
    return this.pick("", " ", "", "\t", "  ", "\r\n");
  }

  /** The same items in some order, some of them twice. */
  shuffle<T>(items: readonly T[]): T[] {
    const mixed: T[] = [];
    for (const item of items) {
      mixed.splice(this.pick(0, 1, 2, 3), 0, item);
      if (this.pick(false, false, true)) mixed.splice(this.pick(0, 1), 0, item);
    }
    return mixed;
  }
}

export const hands = fc.array(fc.nat(11), { minLength: 1, maxLength: 40 }).map((choices) => () => new Hand(choices));

export function write(all: readonly NaiveRequirement[], hand: Hand): string {
  const written = hand.shuffle(all).map((one) => hand.space() + writeOne(one, hand) + hand.space());
  return written.join(",");
}

function writeOne(requirement: NaiveRequirement, hand: Hand): string {
  const { key } = requirement;
  switch (requirement.kind) {
    case "present":
      return key;
    case "absent":
      return `!${hand.space()}${key}`;
    case "version": {
      const written = hand.shuffle(requirement.sets).map((set) => writeSet(set, hand));
      return `${key} semver${hand.space()}(${written.join("||")})`;
    }
    default: {
      const [value] = requirement.values;
      const isIn = requirement.kind === "in";
      if (requirement.values.length === 1 && hand.pick(true, false)) {
        return `${key}${hand.space()}${isIn ? hand.pick("=", "==") : "!="}${hand.space()}${value}`;
      }
      const list = hand.shuffle(requirement.values).map((each) => hand.space() + each + hand.space());
      return `${key} ${isIn ? "in" : "notin"}${hand.space()}(${list.join(",")})`;
    }
  }
}

function writeSet(set: readonly NaiveComparator[], hand: Hand): string {
  return hand
    .shuffle(set)
    .map((each) => hand.space() + writeComparator(each, hand))
    .join(" ")
    .concat(hand.space());
}

function writeComparator({ operator, numbers: known, pre }: NaiveComparator, hand: Hand): string {
  const wild = Array.from({ length: hand.pick(0, 3) }, () => hand.pick("x", "X", "*"));
  const parts = [...known.map(String), ...wild].slice(0, 3);
  if (parts.length === 0) parts.push("*");
  const sign =
    operator === "=" ? hand.pick("=", "") : operator === "" && known.length > 0 ? hand.pick("", "=") : operator;
  const version = `${hand.pick("", "v")}${parts.join(".")}${pre === "" ? "" : `-${pre}`}`;
  return sign === "" ? version : `${sign}${hand.space()}${version}`;
}

export function isSelected(all: readonly NaiveRequirement[], labels: ReadonlyMap<string, string>): boolean {
  return all.every((requirement) => {
    const has = labels.has(requirement.key);
    const value = labels.get(requirement.key) ?? "";
    switch (requirement.kind) {
      case "present":
        return has;
      case "absent":
        return !has;
      case "in":
        return has && requirement.values.some((each) => each === value);
      case "not-in":
        return !(has && requirement.values.some((each) => each === value));
      default: {
        const version = read(value);
        return has && version !== undefined && requirement.sets.some((set) => isInSet(version, set));
      }
    }
  });
}

interface NaiveVersion {
  readonly numbers: readonly number[];
  readonly pre: string;
}

function read(text: string): NaiveVersion | undefined {
  const found = /^v?(\d+)\.(\d+)\.(\d+)(?:-(.+))?$/.exec(text);
  return found === null ? undefined : { numbers: found.slice(1, 4).map(Number), pre: found[4] ?? "" };
}

function isInSet(version: NaiveVersion, set: readonly NaiveComparator[]): boolean {
  const isNamed = set.some(({ numbers: known, pre }) => pre !== "" && known.join() === version.numbers.join());
  return (version.pre === "" || isNamed) && set.every((each) => holds(version, each));
}

/** By what the numbers begin with, where the real thing writes bounds out. */
function holds(version: NaiveVersion, { operator, numbers: known, pre }: NaiveComparator): boolean {
  const whole = { numbers: [...known, 0, 0, 0].slice(0, 3), pre };
  const above = order(version, whole) >= 0;
  const beginning = compareNumbers(version.numbers.slice(0, known.length), known);
  const sharesFirst = (count: number) => compareNumbers(version.numbers.slice(0, count), known.slice(0, count)) === 0;
  if (operator === "^") {
    const first = known.findIndex((number) => number > 0);
    return above && sharesFirst(first < 0 ? known.length : first + 1);
  }
  if (operator === "~") return above && sharesFirst(Math.min(2, known.length));
  if (operator === ">=") return above;
  const exact = known.length === 3;
  if (operator === "<") return exact ? !above : beginning < 0;
  if (operator === "<=") return exact ? order(version, whole) <= 0 : beginning <= 0;
  if (operator === ">" && exact) return order(version, whole) > 0;
  if (operator === ">") {
    const next = [...known.with(-1, (known.at(-1) as number) + 1), 0, 0].slice(0, 3);
    return order(version, { numbers: next, pre: "" }) >= 0;
  }
  return exact ? order(version, whole) === 0 : above && beginning === 0;
}

function compareNumbers(one: readonly number[], other: readonly number[]): number {
  for (const [i, number] of one.entries()) if (number !== other[i]) return number - (other[i] as number);
  return 0;
}

/** All that the tests draw from, in the order semver.org gives. */
const inOrder = ["0", "1", "2", "10", "-", "alpha", "alpha.1", "alpha.beta", "rc.2", "rc.10", ""];

function order(one: NaiveVersion, other: NaiveVersion): number {
  return compareNumbers(one.numbers, other.numbers) || inOrder.indexOf(one.pre) - inOrder.indexOf(other.pre);
}
