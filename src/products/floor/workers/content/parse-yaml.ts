import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { invalid, tooLarge } from "../content-fault.ts";
import { ALIASES_MAX } from "./content-limits.ts";
import { jsonPointer, type Place } from "./json-pointer.ts";
import { type ValueCost, ValueRules } from "./value-rules.ts";

/** One document of YAML 1.2 with the core schema. */
export function parseYaml(text: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    intAsBigInt: true,
    // Checked below: here the check would cost the square of the keys.
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
  });
  // A warning is a tag or a directive that was not understood, so a value that is not what was meant.
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    const what = problem.code.toLowerCase().replaceAll("_", " ");
    throw invalid("syntax", `${line}:${col}`, `this is not YAML 1.2 with the core schema: ${what} in line ${line}`);
  }
  return new YamlReader().read(document.contents, []);
}

interface Anchored {
  readonly value: unknown;
  readonly cost: ValueCost;
}

/** Makes values of YAML's nodes. What an alias repeats is shared, and counted as if it were not. */
class YamlReader {
  private readonly rules = new ValueRules();
  private readonly anchors = new Map<string, Anchored>();
  private aliases = 0;

  read(node: Node | null, place: Place): unknown {
    if (isAlias(node)) return this.alias(node.source, place);
    if (node?.anchor === undefined) return this.plain(node, place);
    const anchored = this.rules.measure(place, () => this.plain(node, place));
    // Known from here on only: a value cannot hold itself.
    this.anchors.set(node.anchor, anchored);
    return anchored.value;
  }

  private alias(name: string, place: Place): unknown {
    if (++this.aliases > ALIASES_MAX) {
      const message = `there are more than ${ALIASES_MAX} aliases: write the values out`;
      throw tooLarge("aliases", jsonPointer(place), message);
    }
    const anchored = this.anchors.get(name);
    if (anchored === undefined) {
      throw invalid("alias", jsonPointer(place), "the alias names no anchor of a value that stands before it");
    }
    this.rules.again(anchored.cost, place);
    return anchored.value;
  }

  private plain(node: Node | null, place: Place): unknown {
    this.rules.value(place);
    if (isMap(node)) return this.map(node, place);
    if (isSeq(node)) return node.items.map((item, index) => this.read(item as Node | null, [...place, index]));
    if (!isScalar(node)) return null;
    const { value } = node;
    if (typeof value === "bigint") return this.rules.integer(value, place);
    if (typeof value === "number") return this.rules.number(value, place);
    if (typeof value === "string") this.rules.text(value);
    return value;
  }

  private map(node: YAMLMap, place: Place): object {
    const object: Record<string, unknown> = {};
    const keys = new Set<string>();
    for (const { key, value } of node.items) {
      const name = keyOf(key, place);
      const inner = [...place, name];
      this.rules.key(inner, keys);
      object[name] = this.read(value as Node | null, inner);
    }
    return object;
  }
}

/** Keys that are not strings are taken as they are written. */
function keyOf(key: unknown, place: Place): string {
  if (!isScalar(key)) throw invalid("key", jsonPointer(place), "a key is no plain value: keys are strings");
  const { value, source, type } = key as Scalar;
  if (value === "<<" && type === "PLAIN") {
    throw invalid("merge-key", jsonPointer(place), "YAML 1.2 has no merge key <<: write the keys out");
  }
  return typeof value === "string" ? value : (source ?? "");
}
