import { RE2JS } from "re2js";

interface Tester {
  test(text: string): boolean;
}

/**
 * A regular expression whose search takes time in proportion to the text, whatever the pattern: no look-around, no
 * references back, repetitions up to 1,000.
 *
 * @throws Error when the pattern is wrong, or needs one of these
 */
export function linearRegExp(pattern: string, flags: string): Tester {
  return RE2JS.compile(RE2JS.translateRegExp(pattern), flags.includes("i") ? RE2JS.CASE_INSENSITIVE : 0);
}

/** Whether the pattern can be used at all. */
export function isLinearRegExp(pattern: string): boolean {
  try {
    linearRegExp(pattern, "");
    return true;
  } catch {
    return false;
  }
}
