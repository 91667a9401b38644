import { describe, expect, test } from "vitest";
import { errors } from "../../../src/core/base/errors.ts";
import { clientReasons, failureError, MusterError, serverReasons } from "../src/errors.ts";
import { grpcError } from "../src/grpc-error.ts";

describe("reasons", () => {
  test("are the server's, with its statuses and retry classes", () => {
    const registry = Object.entries(errors).map(([reason, { grpc, retry }]) => [reason, grpc, retry]);
    const own = Object.entries(serverReasons).map(([reason, { status, retry }]) => [reason, status, retry]);
    expect(own.sort()).toEqual(registry.sort());
  });

  test("only a client gives are none of the server's", () => {
    for (const reason of Object.keys(clientReasons)) expect(Object.keys(errors)).not.toContain(reason);
  });
});

describe("MusterError", () => {
  test("from anything thrown", () => {
    const own = new MusterError("NODE_EXISTS", { path: "/a" });
    expect(MusterError.from(own)).toBe(own);
    const cause = new Error("boom");
    expect(MusterError.from(cause)).toMatchObject({ reason: "INTERNAL", cause });
    expect(MusterError.from("boom").message).toContain("boom");
    expect(MusterError.from(AbortSignal.abort().reason).reason).toBe("CANCELLED");
    expect(MusterError.from(new DOMException("late", "TimeoutError")).reason).toBe("DEADLINE_EXCEEDED");
  });

  test("names its reason and its path", () => {
    const error = new MusterError("NODE_NOT_FOUND", { path: "/a" });
    expect(String(error)).toBe("MusterError: [NODE_NOT_FOUND] there is no znode at this path (/a)");
    expect(error).toBeInstanceOf(Error);
    expect(error.stack).toContain("errors.test");
  });

  test("is recognised across copies of the package, other errors are not", () => {
    const foreign = Object.assign(new Error("x"), { [Symbol.for("muster.dev/MusterError")]: true });
    expect(foreign instanceof MusterError).toBe(true);
    expect(new Error("x") instanceof MusterError).toBe(false);
    expect((undefined as unknown) instanceof MusterError).toBe(false);
  });

  test("only OUTCOME_UNKNOWN may have been applied unless it says so", () => {
    expect(new MusterError("OUTCOME_UNKNOWN").maybeApplied).toBe(true);
    expect(new MusterError("DEADLINE_EXCEEDED").maybeApplied).toBe(false);
    expect(new MusterError("CANCELLED", { maybeApplied: true }).maybeApplied).toBe(true);
  });

  test("of a reason this client does not know follows the status", () => {
    expect(failureError(14, "NEW", "").retry).toBe("other-member");
    expect(failureError(8, "NEW", "").retry).toBe("same-request");
    expect(failureError(9, "NEW", "")).toMatchObject({ reason: "INTERNAL", retry: "never", status: 9 });
  });
});

describe("gRPC errors", () => {
  const grpc = (code: number) => Object.assign(new Error("x"), { code, details: "details" });

  test("without ErrorInfo go by their code", () => {
    expect(grpcError(grpc(14))).toMatchObject({ reason: "UNREACHABLE", status: 14 });
    expect(grpcError(grpc(12))).toMatchObject({ reason: "UNSUPPORTED" });
    // Made by grpc-js itself for a message above a limit: sending it again would not help.
    expect(grpcError(grpc(8))).toMatchObject({ reason: "MESSAGE_TOO_LARGE", retry: "never" });
    expect(grpcError(grpc(99))).toMatchObject({ reason: "INTERNAL", status: 99 });
  });

  test("that are none are wrapped", () => {
    expect(grpcError(new Error("x")).reason).toBe("INTERNAL");
  });
});
