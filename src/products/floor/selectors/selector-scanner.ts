import { InputError } from "../input-error.ts";

const SPACE = /[ \t\r\n]*/y;

/** Walks over the text of a selector, and knows where it is when something is wrong. */
export class SelectorScanner {
  readonly text: string;
  /** Of the next character that is not taken, from 0. */
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Whether everything but space is taken. */
  get isAtEnd(): boolean {
    this.skipSpace();
    return this.at === this.text.length;
  }

  skipSpace(): void {
    this.match(SPACE);
  }

  /** The next character that is not space, "" at the end. */
  peek(): string {
    this.skipSpace();
    return this.text.charAt(this.at);
  }

  /** Takes a symbol that stands next, behind space; false when another thing does. */
  take(symbol: string): boolean {
    this.skipSpace();
    if (!this.text.startsWith(symbol, this.at)) return false;
    this.at += symbol.length;
    return true;
  }

  /** Takes what a sticky pattern matches here, which may be nothing. */
  match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  /** The same behind space. */
  word(pattern: RegExp): string {
    this.skipSpace();
    return this.match(pattern);
  }

  /** What stands at the next place, for an error. */
  found(): string {
    const next = this.peek();
    return next === "" ? "the end" : JSON.stringify(String.fromCodePoint(this.text.codePointAt(this.at) as number));
  }

  /** @throws InputError INVALID_SELECTOR, always. `at`: undefined for the whole text. */
  fail(at: number | undefined, rule: string, fix: string): never {
    throw new InputError("INVALID_SELECTOR", "selector", this.text, { at, rule, fix });
  }
}
