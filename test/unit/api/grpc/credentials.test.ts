import { describe, expect, test } from "vitest";
import {
  addressOfPeer,
  IDENTITIES_MAX,
  identitiesOf,
  identityOfCredential,
  withIdentity,
} from "../../../../src/api/grpc/credentials.ts";
import { anonymous } from "../../../../src/products/floor/principal.ts";
import { somebody } from "../open-gate.ts";

describe("identities", () => {
  test("products.md 1: a command carries its principal, beside the address it comes from", () => {
    expect(identitiesOf("10.0.0.1:1", somebody("read"), [])).toEqual([
      { scheme: "ip", id: "10.0.0.1" },
      { scheme: "sasl", id: "somebody" },
    ]);
  });

  test.for([
    ["127.0.0.1:5000", "127.0.0.1"],
    ["::1:5000", "::1"],
    ["::ffff:10.0.0.7:5000", "10.0.0.7"],
    ["unknown", "unknown"],
  ] as const)("the peer %s is the address %s", ([peer, address]) => {
    expect(addressOfPeer(peer)).toBe(address);
  });

  test("a digest is ZooKeeper's", () => {
    const identity = identityOfCredential({ scheme: "digest", secret: "super:test" });
    expect(identity).toEqual({ scheme: "digest", id: "super:D/InIHSb7yEEbrWz8b9l71RjZJU=" });
  });

  test("a password may have colons, a user may not be empty", () => {
    expect(identityOfCredential({ scheme: "digest", secret: "a:b:c" }).id).toMatch(/^a:/);
    expect(() => identityOfCredential({ scheme: "digest", secret: ":b" })).toThrow();
    expect(() => identityOfCredential({ scheme: "digest", secret: "b" })).toThrow();
  });

  test("nobody claims an address or the super user by saying so", () => {
    for (const scheme of ["ip", "super", "world", "auth", "x509", ""]) {
      expect(() => identityOfCredential({ scheme, secret: "a:b" })).toThrow("not supported");
    }
  });

  test("each identity counts once, and there is a limit", () => {
    const same = { scheme: "digest", secret: "a:b" };
    expect(identitiesOf("10.0.0.1:1", anonymous, [same, same])).toHaveLength(2);
    const many = Array.from({ length: IDENTITIES_MAX }, (_, i) => ({ scheme: "digest", secret: `u${i}:p` }));
    expect(() => identitiesOf("10.0.0.1:1", anonymous, many)).toThrow();
  });

  test("a new identity leaves the list the port may hold alone", () => {
    const before = identitiesOf("10.0.0.1:1", anonymous, []);
    const after = withIdentity(before, { scheme: "digest", id: "a:x" });
    expect(before).toHaveLength(1);
    expect(after).toHaveLength(2);
  });
});
