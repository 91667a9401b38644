import { describe, expect, test } from "vitest";
import { DoorError, failureOf, failureOfThrown } from "../../../../src/api/grpc/status.ts";
import { MalformedError } from "../../../../src/api/grpc/wire-reader.ts";
import { errors, type Reason } from "../../../../src/core/base/errors.ts";
import { endingOf } from "./door-fixture.ts";

function logOf() {
  const entries: object[] = [];
  const record = (fields: object) => void entries.push(fields);
  return { entries, log: { debug: record, info: record, warn: record, error: record } };
}

describe("statuses", () => {
  test.for(Object.keys(errors) as Reason[])("ARCHITECTURE 19: %s has its code and an ErrorInfo", (reason) => {
    const failure = failureOf(reason, { limit: "5" });
    expect(failure.code).toBe(errors[reason].grpc);
    expect(failure.details).toBe(errors[reason].message);
    const ending = endingOf(failure);
    expect(ending).toMatchObject({ reason, domain: "muster.dev" });
    expect(ending.metadata.get("limit")).toBe("5");
  });

  test("what the door throws keeps its reason", () => {
    const { log, entries } = logOf();
    expect(failureOfThrown(new DoorError("NOT_READY"), log).reason).toBe("NOT_READY");
    expect(failureOfThrown(new MalformedError("ends too early"), log).reason).toBe("MALFORMED");
    expect(entries).toEqual([]);
  });

  test.for([new TypeError("secret"), "secret", undefined, { code: 5 }])("unknown: %s is INTERNAL, logged", (thrown) => {
    const { log, entries } = logOf();
    const failure = failureOfThrown(thrown, log);
    expect(failure).toMatchObject({ code: 13, reason: "INTERNAL", details: errors.INTERNAL.message });
    expect(entries).toEqual([{ errorId: endingOf(failure).metadata.get("error_id"), err: thrown }]);
  });
});
