import { expect, test } from "vitest";
import { modeOf } from "../../../../../src/api/zookeeper/four-letter-words/mode.ts";

test.for([
  ["leader", false, false, "leader"],
  ["leader", true, false, "standalone"],
  ["follower", false, true, "follower"],
  ["observer", false, true, "observer"],
  ["looking", false, true, "read-only"],
  ["looking", false, false, undefined],
  ["starting", true, true, undefined],
  ["stopped", true, true, undefined],
] as const)("a member that is %s (alone: %s, reads only: %s) is %s", ([role, isAlone, servesReadOnly, mode]) => {
  expect(modeOf({ role, isAlone, servesReadOnly })).toBe(mode);
});
