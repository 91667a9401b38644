import { invalid, tooLarge } from "../content-fault.ts";
import { shortened } from "../shortened.ts";
import { CHARACTERS_MAX, DEPTH_MAX, SHOWN_CHARACTERS_MAX, VALUES_MAX } from "./content-limits.ts";
import { jsonPointer, type Place } from "./json-pointer.ts";

/** What a value came to, with all it holds. */
export interface ValueCost {
  readonly values: number;
  readonly characters: number;
  /** Levels below it. */
  readonly levels: number;
}

/** The rules every value of a document keeps, whatever format it came in; one instance for one document. */
export class ValueRules {
  private values = 0;
  private characters = 0;
  private deepest = 0;

  /** One more value stands at `place`. */
  value(place: Place): void {
    this.add({ values: 1, characters: 0, levels: 0 }, place);
  }

  text(text: string): void {
    this.add({ values: 0, characters: text.length, levels: 0 }, []);
  }

  /** Reads the value at `place`, and says what that came to. */
  measure<Value>(place: Place, read: () => Value): { value: Value; cost: ValueCost } {
    const { values, characters, deepest } = this;
    this.deepest = place.length;
    const value = read();
    const levels = this.deepest - place.length;
    this.deepest = Math.max(this.deepest, deepest);
    return { value, cost: { values: this.values - values, characters: this.characters - characters, levels } };
  }

  /** A value that was measured stands at `place` again. */
  again(cost: ValueCost, place: Place): void {
    this.add(cost, place);
  }

  /** `place` ends with the key; `keys` are those before it in the same object. */
  key(place: Place, keys: Set<string>): void {
    const key = String(place.at(-1));
    this.text(key);
    if (keys.has(key)) {
      throw invalid("duplicate-key", jsonPointer(place), `the key ${show(key)} is there twice: keep one`);
    }
    if (key === "__proto__") {
      throw invalid("reserved-key", jsonPointer(place), `the key ${show(key)} is not allowed: give it another name`);
    }
    keys.add(key);
  }

  /** An integer as it was written, exactly. */
  integer(value: bigint, place: Place): number {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw inexact(place);
    return number;
  }

  /** A number that was not written as an integer. */
  number(value: number, place: Place): number {
    if (!Number.isFinite(value)) {
      const message = "infinities and NaN have no place in a document: leave them out";
      throw invalid("number-range", jsonPointer(place), message);
    }
    // JSON writes it as an integer, which could not be read back.
    if (/^-?\d+$/.test(String(value)) && !Number.isSafeInteger(value)) throw inexact(place);
    return value;
  }

  private add({ values, characters, levels }: ValueCost, place: Place): void {
    this.values += values;
    this.characters += characters;
    this.deepest = Math.max(this.deepest, place.length + levels);
    if (this.deepest > DEPTH_MAX) {
      const at = jsonPointer(place);
      throw tooLarge("depth", at, `the value is nested deeper than ${DEPTH_MAX} levels: make it flatter`);
    }
    if (this.values > VALUES_MAX) {
      throw tooLarge("values", "", `there are more than ${VALUES_MAX} values: divide the document`);
    }
    if (this.characters > CHARACTERS_MAX) {
      throw tooLarge("characters", "", `keys and strings have more than ${CHARACTERS_MAX} characters: divide it`);
    }
  }
}

function inexact(place: Place): Error {
  const message = "the integer is beyond 2^53 - 1 and would not be kept exactly: write it as a string";
  return invalid("integer-range", jsonPointer(place), message);
}

function show(key: string): string {
  return JSON.stringify(shortened(key, SHOWN_CHARACTERS_MAX));
}
