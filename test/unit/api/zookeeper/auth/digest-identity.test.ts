import { describe, expect, it } from "vitest";
import {
  type AuthContext,
  authenticate,
  DIGEST_USER_BYTES_MAX,
  digestIdentity,
  superDigestFault,
} from "../../../../../src/api/zookeeper/auth/digest-identity.ts";

const SUPER_DIGEST = "super:lK75jTNcA+U9vtVEw5vB51mj/w4=";
const HERE: AuthContext = { address: "10.0.0.7" };

function proved(scheme: string | undefined, text: string, context = HERE): unknown {
  return authenticate(scheme, Buffer.from(text), context);
}

function digest(id: string): unknown {
  return { identities: [{ scheme: "digest", id }] };
}

/** All expected ids and failures are those of Apache ZooKeeper 3.8.0. */
describe("authenticate", () => {
  it.each([
    ["bob:pw", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="],
    ["alice:pw", "alice:V55/p2T0OpjQ+low3NVAH4aLvm0="],
    ["super:secret", SUPER_DIGEST],
  ])("proves %s to be %s", (text, id) => expect(proved("digest", text)).toEqual(digest(id)));

  it("takes for the user what is before the first colon, or all of it", () => {
    const sha1 = "[A-Za-z0-9+/]{27}=";
    for (const [text, user] of [
      ["a:b:c", "a"],
      ["nocolon", "nocolon"],
      [":pw", ""],
      ["bob:", "bob"],
      ["", ""],
      ["a\0b:c", "a\0b"],
      ["\ufeffbom:x", "\ufeffbom"],
    ] as const) {
      const { identities } = proved("digest", text) as { identities: { id: string }[] };
      expect(identities.map(({ id }) => id)).toEqual([expect.stringMatching(new RegExp(`^${user}:${sha1}$`))]);
    }
  });

  it("fails a user longer than commands should carry, and takes any password", () => {
    const user = "x".repeat(DIGEST_USER_BYTES_MAX);
    expect(proved("digest", `${user}:${"p".repeat(100_000)}`)).not.toBe("failed");
    expect(proved("digest", `${user}x:p`)).toBe("failed");
    expect(proved("digest", "é".repeat(DIGEST_USER_BYTES_MAX / 2 + 1))).toBe("failed");
  });

  it("says for ip what the connection says, whatever the bytes", () => {
    for (const text of ["", "1.2.3.4"]) {
      expect(proved("ip", text)).toEqual({ identities: [{ scheme: "ip", id: "10.0.0.7" }] });
    }
  });

  it.each(["world", "super", "auth", "sasl", "x509", "nope", "", "DIGEST", "digest ", undefined])(
    "fails scheme %s",
    (scheme) => expect(proved(scheme, "super:secret", { ...HERE, superDigest: SUPER_DIGEST })).toBe("failed"),
  );

  it("gives who proves the super digest the super identity besides, and nobody else", () => {
    const context = { ...HERE, superDigest: SUPER_DIGEST };
    expect(proved("digest", "super:secret", context)).toEqual({
      identities: [
        { scheme: "digest", id: SUPER_DIGEST },
        { scheme: "super", id: "" },
      ],
    });
    expect(proved("digest", "super:wrong", context)).toMatchObject({ identities: { length: 1 } });
    expect(proved("digest", "bob:pw", context)).toEqual(digest("bob:ikIaKsbtGweaHnb/jKn7OHqbunM="));
    expect(proved("digest", "super:secret")).toEqual(digest(SUPER_DIGEST));
  });
});

describe("digestIdentity", () => {
  it.each([
    ["edbbe29041", "\ufffd\ufffdA:kAx0yVFizkklP0bFjeQhayallSw="],
    ["edbb", "\ufffd:m9t3J2wYUuH7BnggRygS/PYIQCQ="],
    ["c0a080edbfef", "\ufffd\ufffd\ufffd\ufffd\ufffd:fCmx/zieSJ2SDw6XcYX1fd/Frr0="],
    ["eda0ffed", "\ufffd\ufffd\ufffd:pWkm/b1WhkpFWWwRnLgz3aRVyKo="],
    ["f880a0a0eda0", "\ufffd\ufffd\ufffd\ufffd\ufffd:fCmx/zieSJ2SDw6XcYX1fd/Frr0="],
    ["ed80e2efe2", "\ufffd\ufffd\ufffd\ufffd:TRobpGbnOJNdtEccFM5SlD+wJGI="],
    ["e0eff89041", "\ufffd\ufffd\ufffd\ufffdA:gjFmyAOEF1Sc7bHbPMMhHPPxxlg="],
    ["c03ae041eff0", "\ufffd:5P5225dlX1hp/BTAv0pM+b5QGBs="],
    ["f4eff08f41f53a", "\ufffd\ufffd\ufffd\ufffdA\ufffd:3VDo2UnXDI79QerFVqb18exIMVM="],
  ])("reads %s as Java reads what is not UTF-8", (bytes, id) => {
    const padded = Buffer.concat([Buffer.from("00", "hex"), Buffer.from(bytes, "hex")]);
    expect(digestIdentity(padded.subarray(1))).toEqual({ scheme: "digest", id });
  });
});

describe("superDigestFault", () => {
  it("finds nothing wrong with what ZooKeeper's superDigest holds", () => {
    expect(superDigestFault(SUPER_DIGEST)).toBeUndefined();
    expect(superDigestFault("a b:ikIaKsbtGweaHnb/jKn7OHqbunM=")).toBeUndefined();
  });

  it.each([
    ["", "has no colon"],
    ["super", "has no colon"],
    [":ikIaKsbtGweaHnb/jKn7OHqbunM=", "has no user before its colon"],
    ["super:", "has no SHA-1 digest"],
    ["super:secret", "has no SHA-1 digest"],
    ["super:ikIaKsbtGweaHnb/jKn7OHqbunM", "has no SHA-1 digest"],
    ["super:ikIaKsbtGweaHnb_jKn7OHqbunM=", "has no SHA-1 digest"],
    ["super:ikIaKsbtGweaHnb/jKn7OHqbunM= ", "has no SHA-1 digest"],
    ["super:x:ikIaKsbtGweaHnb/jKn7OHqbunM=", "has no SHA-1 digest"],
    ["super:da39a3ee5e6b4b0d3255bfef95601890afd80709", "has no SHA-1 digest"],
  ])("refuses %j: %s, with the fix and without the value", (text, fault) => {
    const message = superDigestFault(text);
    expect(message).toMatch(new RegExp(`^${fault}.*; write user:digest, where .*openssl dgst -sha1`));
    if (text.length > 8) expect(message).not.toContain(text.slice(text.indexOf(":") + 1).trim());
  });
});
