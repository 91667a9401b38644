import { MusterError, type Reason } from "@muster/client";
import { expect, test } from "vitest";
import type { CliError } from "../../../src/cli/cli-error.ts";
import { explainClientError, resolveEndpoints } from "../../../src/cli/client.ts";

test("--endpoints wins over MUSTER_ENDPOINTS, which wins over this machine", () => {
  const env = { MUSTER_ENDPOINTS: "a:1, b:2" };
  expect(resolveEndpoints("c:3,[::1]:4", env)).toEqual(["c:3", "[::1]:4"]);
  expect(resolveEndpoints(undefined, env)).toEqual(["a:1", "b:2"]);
  expect(resolveEndpoints(undefined, { MUSTER_ENDPOINTS: "" })).toEqual(["127.0.0.1:7400"]);
});

test("an endpoint that is none names its source, the rule and the fix", () => {
  const fix = "write host:port with commas between, for example 127.0.0.1:7400";
  expect(() => resolveEndpoints("a", {})).toThrow(`--endpoints: "a" has no port; ${fix}`);
  expect(() => resolveEndpoints("a:1,", {})).toThrow(`--endpoints: "" has no port; ${fix}`);
  expect(() => resolveEndpoints(undefined, { MUSTER_ENDPOINTS: "a:0" })).toThrow(
    `MUSTER_ENDPOINTS: "a:0" has port 0; ${fix}`,
  );
});

test.for<[Reason, number]>([
  ["NODE_NOT_FOUND", 1],
  ["NO_PERMISSION", 1],
  ["OVERLOADED", 1],
  ["INVALID_PATH", 2],
  ["INVALID_ACL", 2],
  ["UNREACHABLE", 3],
  ["NOT_READY", 3],
  ["NO_QUORUM", 3],
  ["STOPPING", 3],
  ["DEADLINE_EXCEEDED", 3],
  ["OUTCOME_UNKNOWN", 4],
])("a script learns of %s by exit code %i", ([reason, code]) => {
  expect(explainClientError(new MusterError(reason), { endpoints: ["a:1"], tls: false })).toMatchObject({
    name: "CliError",
    code,
  });
});

test("a write that may have been made is never reported as not made", () => {
  const error = new MusterError("DEADLINE_EXCEEDED", { maybeApplied: true });
  expect(explainClientError(error, { endpoints: ["a:1"], tls: false })).toMatchObject({ code: 4 });
});

test("an unreachable member is named, with the cause and what to do", () => {
  const message =
    "No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:7400. Resolution note: ";
  const error = explainClientError(new MusterError("UNREACHABLE", { message }), {
    endpoints: ["127.0.0.1:7400"],
    tls: false,
  }) as CliError;
  expect(error.message).toMatch(/^cannot reach a member at 127.0.0.1:7400: connect ECONNREFUSED 127.0.0.1:7400/);
  expect(error.message).toContain('start one with "muster dev", or name others with --endpoints');
});

test("a defect stays what it is", () => {
  const defect = new TypeError("x");
  expect(explainClientError(defect, { endpoints: [], tls: false })).toBe(defect);
});
