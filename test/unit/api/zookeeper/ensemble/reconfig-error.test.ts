import { expect, test } from "vitest";
import { reconfigReply } from "../../../../../src/api/zookeeper/ensemble/reconfig-error.ts";
import { errors, type Reason } from "../../../../../src/core/base/errors.ts";

test("a change that was made is a success", () => {
  expect(reconfigReply({ reason: undefined })).toBe(0);
});

test.for<[string, number, Reason[]]>([
  ["ReconfigInProgress", -14, ["CHANGE_IN_PROGRESS"]],
  ["NewConfigNoQuorum", -13, ["NEW_QUORUM_UNREACHABLE", "MEMBER_NOT_CONNECTED", "MEMBER_NOT_SYNCED"]],
  ["BadVersion", -103, ["CONFIGURATION_CHANGED"]],
  ["BadArguments", -8, ["INVALID_CONFIGURATION", "INVALID_ARGUMENT", "MEMBER_UNKNOWN", "MEMBER_EXISTS"]],
  ["Unimplemented", -6, ["UNSUPPORTED"]],
])("%s", ([, code, reasons]) => {
  expect(reasons.map((reason) => reconfigReply({ reason }))).toEqual(reasons.map(() => code));
});

test("where nobody can say or decide what became of it, the connection ends", () => {
  for (const reason of ["NOT_LEADER", "NO_QUORUM", "OUTCOME_UNKNOWN", "STOPPING"] as const)
    expect(reconfigReply({ reason }), reason).toBe("end the connection");
});

test("no reason gives the code that only clients make", () => {
  for (const reason of Object.keys(errors) as Reason[]) expect(reconfigReply({ reason }), reason).not.toBe(-4);
});
