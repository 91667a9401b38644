import { assert } from "../base/assert.ts";
import { FEATURE_LEVEL } from "../tree/feature-level.ts";
import type { MemberOptions } from "./member-contract.ts";

/** The highest feature level a member offers its ensemble: what its program knows, unless it is held down. */
export function offeredLevel({ featureLevel = FEATURE_LEVEL }: MemberOptions): number {
  assert(featureLevel <= FEATURE_LEVEL, "a member offers no feature level its program does not know");
  return featureLevel;
}
