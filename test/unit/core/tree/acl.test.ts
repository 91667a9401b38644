import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allows, maskAcl, resolveAcl } from "../../../../src/core/tree/acl.ts";
import { FEATURE_LEVEL, FIRST_FEATURE_LEVEL, featureLevelOf } from "../../../../src/core/tree/feature-level.ts";
import { type AclEntry, type Identity, permission } from "../../../../src/core/tree/operation.ts";
import { addressBits, fixAcl, granted, Refusal } from "../../../model/naive-rules.ts";
import "../../../support/fixed-seed.ts";

const ALICE: Identity = { scheme: "digest", id: "alice:hash=" };
const BOB: Identity = { scheme: "digest", id: "bob:hash=" };
const CAROL: Identity = { scheme: "sasl", id: "carol" };
const DAVE: Identity = { scheme: "x509", id: "CN=dave" };
const BELOW = featureLevelOf.PROVED_ACL - 1;
const entry = (scheme: string, id: string, permissions: number = permission.ALL): AclEntry => ({
  scheme,
  id,
  permissions,
});

function ipMatches(address: string, range: string): boolean {
  return allows([entry("ip", range)], permission.READ, [{ scheme: "ip", id: address }]);
}

function isValid(scheme: string, id: string, level = FEATURE_LEVEL): boolean {
  return resolveAcl([entry(scheme, id)], [], 10, level) !== undefined;
}

describe("allows", () => {
  it("grants what any one entry grants, each bit for itself", () => {
    for (let held = 0; held <= permission.ALL; held++) {
      for (const wanted of [1, 2, 4, 8, 16]) {
        expect(allows([entry("world", "anyone", held)], wanted, [])).toBe((held & wanted) !== 0);
      }
    }
    const acl = [entry("digest", ALICE.id, permission.READ), entry("digest", BOB.id, permission.WRITE)];
    expect(allows(acl, permission.WRITE, [ALICE])).toBe(false);
    expect(allows(acl, permission.WRITE, [ALICE, BOB])).toBe(true);
  });

  it("takes READ or ADMIN where either will do", () => {
    const either = permission.READ | permission.ADMIN;
    expect(allows([entry("world", "anyone", permission.ADMIN)], either, [])).toBe(true);
    expect(allows([entry("world", "anyone", permission.WRITE)], either, [])).toBe(false);
  });

  it("lets nobody in where there is no entry, and super everywhere", () => {
    expect(allows([], permission.READ, [ALICE])).toBe(false);
    expect(allows([], permission.ADMIN, [ALICE, { scheme: "super", id: "x" }])).toBe(true);
  });

  it("compares scheme and id, not one of them", () => {
    const acl = [entry("digest", ALICE.id)];
    expect(allows(acl, permission.READ, [{ scheme: "digest", id: "alice:other=" }])).toBe(false);
    expect(allows(acl, permission.READ, [{ scheme: "sasl", id: ALICE.id }])).toBe(false);
    expect(allows(acl, permission.READ, [{ scheme: "digest", id: "ALICE:hash=" }])).toBe(false);
    expect(allows(acl, permission.READ, [ALICE])).toBe(true);
  });
});

describe("allows, for sasl and x509", () => {
  const acl = [entry("sasl", CAROL.id, permission.READ), entry("x509", DAVE.id, permission.WRITE)];

  it("compares ids exactly", () => {
    expect(
      [CAROL, { scheme: "sasl", id: "Carol" }, DAVE, BOB].map((who) => allows(acl, permission.READ, [who])),
    ).toEqual([true, false, false, false]);
    expect([DAVE, { scheme: "x509", id: "CN=Dave" }, CAROL].map((who) => allows(acl, permission.WRITE, [who]))).toEqual(
      [true, false, false],
    );
  });

  it("lets the SASL user super pass every sasl entry, as ZooKeeper does, and no other", () => {
    const superUser = [{ scheme: "sasl", id: "super" }];
    expect(allows(acl, permission.READ, superUser)).toBe(true);
    expect(allows(acl, permission.WRITE, superUser)).toBe(false);
    expect(allows([entry("digest", "super:x"), entry("ip", "10.0.0.1")], permission.READ, superUser)).toBe(false);
    expect(allows(acl, permission.READ, [{ scheme: "digest", id: "super" }])).toBe(false);
  });
});

describe("addresses", () => {
  it.each([
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "10.1.2.4", false],
    ["10.1.2.3", "10.0.0.0/8", true],
    ["11.1.2.3", "10.0.0.0/8", false],
    ["10.127.255.255", "10.0.0.0/9", true],
    ["10.128.0.0", "10.0.0.0/9", false],
    ["192.168.1.15", "192.168.1.8/29", true],
    ["192.168.1.16", "192.168.1.8/29", false],
    ["192.168.1.9", "192.168.1.8/31", true],
    ["192.168.1.10", "192.168.1.8/31", false],
    ["192.168.1.9", "192.168.1.8/32", false],
    ["1.2.3.4", "255.255.255.255/0", true],
    ["2001:db8::1", "2001:db8::/32", true],
    ["2001:db9::1", "2001:db8::/32", false],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1", true],
    ["2001:db8::1", "2001:db8::/128", false],
    ["fe80::1", "fe80::/10", true],
    ["fec0::1", "fe80::/10", false],
    ["::1", "::/0", true],
    ["::1", "::1/128", true],
    ["::ffff:10.1.2.3", "::ffff:10.0.0.0/104", true],
    ["::ffff:a01:203", "::ffff:10.1.2.3", true],
    ["10.1.2.3", "::/0", false],
    ["::1", "0.0.0.0/0", false],
    ["nonsense", "0.0.0.0/0", false],
    ["", "0.0.0.0/0", false],
  ])("%s in %s: %s", (address, range, expected) => expect(ipMatches(address, range)).toBe(expected));

  it.each([
    "10.0.0.1",
    "0.0.0.0/0",
    "10.0.0.0/32",
    "::",
    "::/0",
    "::1/128",
    "1:2:3:4:5:6:7:8",
    "1::8",
    "1:2:3:4:5:6:7::",
  ])("an ip entry may be %s", (id) => expect(isValid("ip", id)).toBe(true));

  it.each([
    "",
    "10",
    "10.0.0",
    "10.0.0.0.0",
    "10.0.0.256",
    "10.0.0.-1",
    "10.0.0.1/33",
    "10.0.0.1/",
    "10.0.0.1/-1",
    "10.0.0.1/8/8",
    "10.0.0.1/8 ",
    "/8",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "1::2::3",
    ":::",
    ":1::",
    "1:",
    "::g",
    "::12345",
    "::1/129",
    "::ffff:10.0.0",
    "10.0.0.1::",
    "1.2.3.4:5::",
    "::10.0.0.1:5",
    "fe80::1%eth0",
  ])("and not %j", (id) => expect(isValid("ip", id)).toBe(false));

  it("match a range as the naive rule does, in both families", () => {
    const v4 = fc
      .tuple(fc.constantFrom(10, 11, 128), fc.nat(255), fc.nat(3), fc.nat(255))
      .map((bytes) => bytes.join("."));
    const group = fc.constantFrom("0", "1", "f", "80", "ffff", "2001");
    const v6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(":"));
    const short = fc.tuple(fc.array(group, { maxLength: 3 }), fc.array(group, { maxLength: 4 }));
    const address = fc.oneof(
      v4,
      v6,
      short.map(([head, tail]) => `${head.join(":")}::${tail.join(":")}`),
    );
    fc.assert(
      fc.property(address, address, fc.nat(128), (from, network, bits) => {
        const range = `${network}/${bits}`;
        const valid = bits <= (addressBits(network)?.length ?? -1);
        expect(isValid("ip", range)).toBe(valid);
        if (!valid) return;
        const naive = granted([entry("ip", range)], [{ scheme: "ip", id: from }]) !== 0;
        expect(ipMatches(from, range)).toBe(naive);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("resolveAcl", () => {
  it("expands auth to every digest identity of the caller, with the entry's permissions", () => {
    const identities = [ALICE, { scheme: "ip", id: "10.0.0.1" }, BOB];
    expect(resolveAcl([entry("auth", "ignored", permission.READ)], identities, 10, FEATURE_LEVEL)).toEqual([
      entry("digest", ALICE.id, permission.READ),
      entry("digest", BOB.id, permission.READ),
    ]);
  });

  it("refuses auth of somebody who proved nothing", () => {
    expect(resolveAcl([entry("auth", "")], [], 10, FEATURE_LEVEL)).toBeUndefined();
    expect(resolveAcl([entry("auth", "")], [{ scheme: "ip", id: "10.0.0.1" }], 10, FEATURE_LEVEL)).toBeUndefined();
  });

  it("keeps one of equal entries, in the order they came", () => {
    const [a, b] = [entry("digest", ALICE.id, 1), entry("digest", ALICE.id, 2)];
    expect(resolveAcl([a, b, a, entry("auth", "", 2), b], [ALICE], 10, FEATURE_LEVEL)).toEqual([a, b]);
  });

  it("refuses an empty ACL, permissions that are none, and schemes that are none", () => {
    expect(resolveAcl([], [ALICE], 10, FEATURE_LEVEL)).toBeUndefined();
    for (const permissions of [-1, 32, 2 ** 31 - 1]) {
      expect(resolveAcl([entry("world", "anyone", permissions)], [], 10, FEATURE_LEVEL)).toBeUndefined();
    }
    for (const scheme of ["super", "SASL", "x510", "", "WORLD"]) expect(isValid(scheme, "anyone")).toBe(false);
    expect([isValid("world", "anyone"), isValid("world", "someone"), isValid("world", "")]).toEqual([
      true,
      false,
      false,
    ]);
    expect(
      ["a:b", ":b", "nocolon", "a:b:c", "a::b", "::b", ":", "::", ""].filter((id) => isValid("digest", id)),
    ).toEqual(["a:b", ":b"]);
  });

  it("refuses all of an ACL for one entry that is wrong", () => {
    expect(resolveAcl([entry("world", "anyone"), entry("ip", "10.0.0.0/99")], [], 10, FEATURE_LEVEL)).toBeUndefined();
  });

  it("holds the limit on entries after auth is expanded and duplicates are gone", () => {
    const three = [entry("digest", "a:1"), entry("digest", "b:1"), entry("digest", "a:1")];
    expect(resolveAcl(three, [], 2, FEATURE_LEVEL)).toHaveLength(2);
    expect(resolveAcl([entry("auth", "")], [ALICE, BOB], 1, FEATURE_LEVEL)).toBeUndefined();
  });
});

describe("an ACL by feature level", () => {
  it("core.md 5: below its level knows no sasl, no x509, and only digests in auth", () => {
    for (let level = FIRST_FEATURE_LEVEL; level <= BELOW; level++) {
      expect([isValid("sasl", "carol", level), isValid("x509", "CN=dave", level)]).toEqual([false, false]);
      expect(resolveAcl([entry("auth", "")], [CAROL, DAVE], 10, level)).toBeUndefined();
      expect(resolveAcl([entry("auth", "")], [CAROL, BOB], 10, level)).toEqual([entry("digest", BOB.id)]);
      expect(["a:b:", "a:b::", "a:"].filter((id) => isValid("digest", id, level))).toEqual(["a:"]);
    }
    expect(["a:b:", "a:b::", "a:"].filter((id) => isValid("digest", id))).toEqual(["a:b:", "a:b::"]);
  });

  it("from its level on expands auth to all that says who somebody is, in the order it was proved", () => {
    const identities = [DAVE, { scheme: "ip", id: "10.0.0.1" }, CAROL, ALICE, { scheme: "super", id: "" }];
    expect(resolveAcl([entry("auth", "ignored", 3)], identities, 10, featureLevelOf.PROVED_ACL)).toEqual([
      entry("x509", DAVE.id, 3),
      entry("sasl", CAROL.id, 3),
      entry("digest", ALICE.id, 3),
    ]);
    expect(resolveAcl([entry("auth", "")], [{ scheme: "super", id: "" }], 10, FEATURE_LEVEL)).toBeUndefined();
  });

  it("takes as a SASL user what ZooKeeper takes, but for the empty name", () => {
    const taken = [
      "bob",
      "a@b",
      "a@",
      "@",
      "@b",
      "a/b@c",
      "/@",
      "a/b",
      "a/b/c",
      "a b",
      "a\nb",
      "a\nb@c",
      "\0",
      "é",
      "super",
    ];
    const refused = ["", "a@b@c", "@@", "a@b/c", "a/b/c@d", "a@/"];
    expect([...taken, ...refused].filter((id) => isValid("sasl", id))).toEqual(taken);
    expect([isValid("x509", "CN=dave,O=x"), isValid("x509", "")]).toEqual([true, false]);
  });

  it("agrees with the naive rule at every level", () => {
    const id = fc.array(fc.constantFrom(":", "@", "/", "a", "b", "anyone", "10.0.0.1"), { maxLength: 6 });
    const scheme = fc.constantFrom("world", "auth", "digest", "ip", "sasl", "x509", "super");
    const one = fc.tuple(scheme, id, fc.nat(31)).map(([of, parts, bits]) => entry(of, parts.join(""), bits));
    const identity = fc.constantFrom(ALICE, BOB, CAROL, DAVE, { scheme: "ip", id: "10.0.0.1" });
    const level = fc.integer({ min: FIRST_FEATURE_LEVEL, max: FEATURE_LEVEL });
    const naive = (...given: Parameters<typeof fixAcl>): readonly AclEntry[] | undefined => {
      try {
        return fixAcl(...given);
      } catch (error) {
        if (error instanceof Refusal) return undefined;
        throw error;
      }
    };
    fc.assert(
      fc.property(fc.array(one, { maxLength: 3 }), fc.array(identity, { maxLength: 3 }), level, (acl, who, at) => {
        expect(resolveAcl(acl, who, 4, at)).toEqual(naive(acl, who, 4, at));
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("maskAcl", () => {
  it("hides the hash of a digest and nothing else", () => {
    const acl = [entry("digest", "alice:secret=", 3), entry("ip", "::1/128"), entry("world", "anyone")];
    expect(maskAcl(acl)).toEqual([entry("digest", "alice:x", 3), entry("ip", "::1/128"), entry("world", "anyone")]);
    expect(JSON.stringify(maskAcl(acl))).not.toContain("secret");
  });
});
