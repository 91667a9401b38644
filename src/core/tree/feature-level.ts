import { FormatError } from "../base/bytes.ts";

/** The newest behaviour of `apply` this program knows (core.md 5). FORMAT.md says what each level brought. */
export const FEATURE_LEVEL = 3;

/** The behaviour every tree begins with: a command raises it, once all members know more. */
export const FIRST_FEATURE_LEVEL = 1;

/**
 * The level of what came after the first. Below it a command is answered UNSUPPORTED, and an ACL is judged by the older
 * rules.
 */
export const featureLevelOf = { RECONFIGURE: 2, PROVED_ACL: 3 } as const;

/** Behaviour newer than this program's, in a batch or in a command that raises it: nothing of it may be applied. */
export class FeatureLevelError extends FormatError {
  constructor(level: number) {
    super(`feature level ${level} is newer than this program's ${FEATURE_LEVEL}`);
  }
}
