import { credentials } from "@grpc/grpc-js";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  AuthServiceClient,
  type CreateTokenRequest,
  type CreateTokenResponse,
} from "../../../../src/api/grpc/gen/muster/auth/v1/auth.ts";
import { isTokenId, tokenIdOf } from "../../../../src/products/floor/token.ts";
import { openGate, somebody } from "../open-gate.ts";
import { outcome, startDoor } from "./door-fixture.ts";

async function started() {
  const fixture = await startDoor({}, openGate(somebody("admin")));
  const client = new AuthServiceClient(fixture.address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return { ...fixture, client };
}

const good: CreateTokenRequest = { name: "ci", grants: [{ verbs: ["read"], spaces: [] }], ttlMs: 0 };

describe("products.md 1: tokens", () => {
  test("are made for whom they are asked, told once, and kept as a hash with who made them", async () => {
    const { client, port } = await started();
    const { response } = await outcome<CreateTokenResponse>((done) => client.createToken(good, done));
    const id = tokenIdOf(response?.secret ?? "");
    expect(response?.token).toMatchObject({ id, name: "ci", createdBy: "somebody", expireTimeMs: 0 });
    expect(response?.token?.grants).toEqual([{ verbs: ["read"], spaces: ["*"] }]);
    const { operation } = port.last.of("submit")[0] ?? {};
    if (operation?.kind !== "multi") throw new Error("not written as one");
    const last = operation.operations.at(-1);
    if (last?.kind !== "create") throw new Error("not created");
    expect(last.path).toBe(`/muster/auth/tokens/${id}`);
    expect(Buffer.from(last.data).toString()).not.toContain(response?.secret.slice(-43));
  });

  test("that end are made with their end", async () => {
    const { client } = await started();
    const { response } = await outcome<CreateTokenResponse>((done) =>
      client.createToken({ ...good, ttlMs: 60_000 }, done),
    );
    const { createTimeMs = 0, expireTimeMs = 0 } = response?.token ?? {};
    expect(expireTimeMs - createTimeMs).toBe(60_000);
  });

  test.for([
    ["a name that is none", { ...good, name: "a b" }, "name is no name"],
    ["the name that every sasl entry lets in", { ...good, name: "super" }, "name is reserved"],
    ["nothing to do", { ...good, grants: [] }, "grants are not 1 to 16"],
    ["a verb that is none", { ...good, grants: [{ verbs: ["fly"], spaces: [] }] }, 'verbs has "fly"'],
    ["a space that is none", { ...good, grants: [{ verbs: ["read"], spaces: ["a/b"] }] }, 'spaces has "a/b"'],
    ["a life beyond anybody's", { ...good, ttlMs: 2 ** 50 }, "ttl_ms is longer than a hundred years"],
  ] as const)("are not made with %s", async ([, request, detail]) => {
    const { client, port } = await started();
    const { ending } = await outcome<CreateTokenResponse>((done) =>
      client.createToken(request as CreateTokenRequest, done),
    );
    expect(ending).toMatchObject({ reason: "INVALID_ARGUMENT" });
    expect(ending?.metadata.get("detail")).toContain(detail);
    expect(port.connections).toEqual([]);
  });

  test("are revoked by their ids, which are looked at first", async () => {
    const { client, port } = await started();
    const id = "0123456789abcdef";
    expect(isTokenId(id)).toBe(true);
    expect(await outcome((done) => client.revokeToken({ id }, done))).toHaveProperty("response");
    expect(port.last.of("submit")[0]?.operation).toMatchObject({ kind: "delete", path: `/muster/auth/tokens/${id}` });
    const { ending } = await outcome((done) => client.revokeToken({ id: "../tokens" }, done));
    expect(ending).toMatchObject({ reason: "INVALID_ARGUMENT" });
  });
});
