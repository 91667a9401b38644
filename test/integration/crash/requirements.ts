import { execFileSync } from "node:child_process";
import type { TestContext } from "vitest";

/** Skips a test for want of something, saying what - and fails it in CI, where nothing may be wanting. */
export function need(context: TestContext, what: string, present: boolean): void {
  if (present) return;
  if (process.env["CI"] !== undefined) throw new Error(`CI must have ${what}`);
  context.skip(`not run: it needs ${what}`);
}

export function hasCommand(command: string): boolean {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** A number from the environment, for runs longer than those of every day. */
export function knob(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} must be a whole number, not "${text}"`);
  return value;
}
