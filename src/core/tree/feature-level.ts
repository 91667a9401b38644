import { FormatError } from "../base/bytes.ts";

/** The newest behaviour of `apply` this program knows (core.md 5). FORMAT.md says what each level brought. */
export const FEATURE_LEVEL = 2;

/** The behaviour every tree begins with: a command raises it, once all members know more. */
export const FIRST_FEATURE_LEVEL = 1;

/** Below its level a command is answered UNSUPPORTED; commands not named here came with the first. */
export const featureLevelOf = { RECONFIGURE: 2 } as const;

/** Behaviour newer than this program's, in a batch or in a command that raises it: nothing of it may be applied. */
export class FeatureLevelError extends FormatError {
  constructor(level: number) {
    super(`feature level ${level} is newer than this program's ${FEATURE_LEVEL}`);
  }
}
