import { describe, expect, it } from "vitest";
import { errors, grpcStatus, OK, type Reason, reasonOf } from "../../../../src/core/base/errors.ts";

/** Codes are in journals, snapshots and windows: an entry here never changes and never goes; new ones join. */
const codes: Record<Reason, number> = {
  NODE_NOT_FOUND: 1,
  NODE_EXISTS: 2,
  VERSION_MISMATCH: 3,
  NOT_EMPTY: 4,
  EPHEMERAL_PARENT: 5,
  NO_PERMISSION: 6,
  INVALID_PATH: 7,
  INVALID_ARGUMENT: 8,
  INVALID_ACL: 9,
  QUOTA_EXCEEDED: 10,
  TOO_LARGE: 11,
  EPHEMERAL_LIMIT: 12,
  ROLLED_BACK: 13,
  SESSION_EXPIRED: 14,
  SESSION_MOVED: 15,
  SESSION_REQUIRED: 16,
  STALE_REQUEST: 17,
  WRONG_SECRET: 18,
  UNSUPPORTED: 19,
  SESSION_LIMIT: 21,
  NOT_EXPIRED: 22,
  CONFIGURATION_CHANGED: 23,
  COMPACTED: 40,
  NOT_READY: 41,
  NO_QUORUM: 42,
  NOT_CAUGHT_UP: 43,
  OVERLOADED: 44,
  NO_SPACE: 45,
  NO_MEMORY: 46,
  WRONG_ENSEMBLE: 47,
  DEADLINE_EXCEEDED: 48,
  OUTCOME_UNKNOWN: 49,
  WATCH_OVERFLOW: 50,
  MESSAGE_TOO_LARGE: 51,
  MALFORMED: 52,
  NO_WATCH: 53,
  STOPPING: 54,
  INTERNAL: 55,
  NO_ROUTE: 56,
  METHOD_NOT_ALLOWED: 57,
  UNAUTHENTICATED: 58,
  TOO_MANY_FAILURES: 59,
  NOT_LEADER: 70,
  INVALID_CONFIGURATION: 71,
  CHANGE_IN_PROGRESS: 72,
  NEW_QUORUM_UNREACHABLE: 73,
  MEMBER_UNKNOWN: 74,
  MEMBER_EXISTS: 75,
  MEMBER_NOT_CONNECTED: 76,
  MEMBER_NOT_SYNCED: 77,
  TRANSFER_FAILED: 78,
  TOKEN_UNKNOWN: 80,
  GUARDED_PATH: 90,
  INVALID_NAME: 91,
  INVALID_SELECTOR: 92,
  INVALID_CONTENT: 100,
  CONTENT_TOO_LARGE: 101,
  CONTENT_TOO_COSTLY: 102,
};

describe("the registry of errors", () => {
  it("core.md 5: keeps its codes, which the at-most-once window stores", () => {
    expect(Object.fromEntries(Object.entries(errors).map(([reason, { code }]) => [reason, code]))).toEqual(codes);
  });

  it("has one reason for each code, none of them OK, all within 16 bits", () => {
    const all = Object.values(errors).map(({ code }) => code);
    expect(new Set(all).size).toBe(all.length);
    for (const code of all) expect(code > OK && code < 65_536).toBe(true);
    for (const [reason, { code }] of Object.entries(errors)) expect(reasonOf(code)).toBe(reason);
  });

  it("reads codes of a newer member as INTERNAL", () => {
    expect(reasonOf(60_000)).toBe("INTERNAL");
  });

  it("shows every reason as a failure at each door", () => {
    const statuses = new Set<number>(Object.values(grpcStatus));
    for (const [reason, entry] of Object.entries(errors)) {
      expect(statuses.has(entry.grpc) && entry.grpc !== grpcStatus.OK, reason).toBe(true);
      expect(entry.http >= 400 && entry.http < 600, reason).toBe(true);
      expect(entry.zookeeper, reason).toBeLessThan(0);
      expect(entry.message, reason).not.toBe("");
    }
  });

  it("lets a client repeat a request only where that cannot apply it twice", () => {
    const repeatable = Object.entries(errors).filter(([, { retry }]) => retry === "same-request");
    expect(repeatable.map(([reason]) => reason)).toEqual([
      "SESSION_LIMIT",
      "OVERLOADED",
      "NO_SPACE",
      "NO_MEMORY",
      "DEADLINE_EXCEEDED",
      "OUTCOME_UNKNOWN",
      "TOO_MANY_FAILURES",
    ]);
  });
});
