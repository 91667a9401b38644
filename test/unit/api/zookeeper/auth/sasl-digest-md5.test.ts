import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  SASL_TOKEN_BYTES_MAX,
  type SaslExchange,
  type SaslStep,
  startDigestMd5,
} from "../../../../../src/api/zookeeper/auth/sasl-digest-md5.ts";
import { parseSaslUsers } from "../../../../../src/api/zookeeper/auth/sasl-users.ts";
import { type ClientChoice, DigestMd5Client } from "./digest-md5-client.ts";
import { type RecordedSasl, recordedChallenge, recordedSasl, recordedUtf8Hash } from "./recorded-sasl.ts";
import "../../../../support/fixed-seed.ts";

const NOTHING = new Uint8Array(0);
const REALM = "zk-sasl-md5";
const NONCE = Buffer.alloc(30, 7).toString("base64");
const users = parseSaslUsers(
  ["bob=bobsecret", "chris=secret", "ü=umlaut", "Ã¼=mojibake", "jürgen=pässwört", "super=admin", "a/b@C=x"].join("\n"),
  "users",
);
const BOB: ClientChoice = {
  username: "bob",
  password: "bobsecret",
  realm: REALM,
  nonce: NONCE,
  cnonce: "6802289328943204",
  digestUri: `zookeeper/${REALM}`,
};

function challenged(nonce = NONCE, given = users): SaslExchange {
  const exchange = startDigestMd5(given, (size) => {
    const bytes = Buffer.from(nonce, "base64");
    return bytes.subarray(0, size);
  });
  const { token } = exchange.step(NOTHING) as { token: Uint8Array };
  expect(Buffer.from(token).toString()).toBe(recordedChallenge.replace("NONCE", nonce));
  return exchange;
}

function answer(choice: Partial<ClientChoice>): SaslStep {
  return challenged().step(new DigestMd5Client({ ...BOB, ...choice }).response());
}

/** Bob's response, changed. */
function edited(edit: (text: string) => string): SaslStep {
  const text = Buffer.from(new DigestMd5Client(BOB).response()).toString("latin1");
  const changed = edit(text);
  expect(changed).not.toBe(text);
  return challenged().step(Buffer.from(changed, "latin1"));
}

function successOf(user: string, proof: string): SaslStep {
  return { token: Buffer.from(`rspauth=${proof}`), done: true, identity: { scheme: "sasl", id: user } };
}

const byBob = successOf("bob", new DigestMd5Client(BOB).proof(""));

function replay({ nonce, response, user, password }: RecordedSasl): SaslStep {
  const quoted = password.replace(/[\\"]/g, "\\$&");
  const exchange = challenged(nonce, parseSaslUsers(`${user}="${quoted}"`, "users"));
  return exchange.step(Buffer.from(response, "utf8"));
}

describe("exchanges recorded with ZooKeeper 3.8", () => {
  it.each(recordedSasl)("$client: $user", (recorded) => {
    const { user, rspauth } = recorded;
    expect(replay(recorded)).toEqual(rspauth === undefined ? { failed: "a wrong password" } : successOf(user, rspauth));
  });

  it("kazoo with a name in ISO 8859-1, which ZooKeeper refuses, is let in", () => {
    expect(replay(recordedUtf8Hash)).toMatchObject({ done: true, identity: { scheme: "sasl", id: "jürgen" } });
  });
});

describe("the client of these tests", () => {
  it("gives the values of RFC 2831, section 4", () => {
    const realm = "elwood.innosoft.com";
    const chris = { username: "chris", password: "secret", realm, charset: "utf-8" } as const;
    const imap = { ...chris, nonce: "OA6MG9tEQGm2hh", cnonce: "OA6MHXh6VqTrRk", digestUri: `imap/${realm}` };
    const acap = { ...chris, nonce: "OA9BSXrbuRhWay", cnonce: "OA9BSuZWMSpW8m", digestUri: `acap/${realm}` };
    const proofs = [imap, acap].map((choice) => {
      const client = new DigestMd5Client(choice);
      return [client.proof("AUTHENTICATE"), client.proof("")];
    });
    expect(proofs).toEqual([
      ["d388dad90d4bbd760a152321f2143af7", "ea40f60335c427b5527b84dbabcdfffd"],
      ["6084c6db3fede7352c551284490fd0fc", "2f0b3d7c3c2e486600ef710726aa2eae"],
    ]);
  });
});

describe("DIGEST-MD5", () => {
  it("proves each side to the other, with and without charset", () => {
    for (const charset of ["utf-8", undefined] as const) {
      for (const [username, password] of [
        ["bob", "bobsecret"],
        ["ü", "umlaut"],
        ["Ã¼", "mojibake"],
        ["jürgen", "pässwört"],
        ["a/b@C", "x"],
      ] as const) {
        const choice = { ...BOB, username, password, ...(charset === undefined ? {} : { charset }) };
        expect(answer(choice)).toEqual(successOf(username, new DigestMd5Client(choice).proof("")));
      }
    }
  });

  it("takes a name without charset for what the password proves", () => {
    const latin1 = (username: string, password: string): SaslStep => {
      // "ü" in UTF-8 are the bytes of "Ã¼" in ISO 8859-1; a client of ISO 8859-1 hashes what it sends.
      const name = Buffer.from(username, "latin1").toString("latin1");
      const proof = new DigestMd5Client({ ...BOB, username, password, charset: "utf-8" }).proof("AUTHENTICATE");
      const text =
        `username="${name}",realm="${REALM}",nonce="${NONCE}",nc=00000001,cnonce="${BOB.cnonce}",` +
        `digest-uri="${BOB.digestUri}",response=${proof}`;
      return challenged().step(Buffer.from(text, "latin1"));
    };
    expect(latin1("Ã¼", "mojibake")).toMatchObject({ identity: { id: "Ã¼" } });
    expect(latin1("ü", "umlaut")).toMatchObject({ identity: { id: "ü" } });
    expect(latin1("jürgen", "pässwört")).toMatchObject({ identity: { id: "jürgen" } });
    expect(latin1("jürgen", "umlaut")).toEqual({ failed: "a wrong password" });
  });

  it("refuses wrong passwords and unknown users, whoever came before", () => {
    expect(answer({})).toEqual(byBob);
    expect(answer({ password: "wrong" })).toEqual({ failed: "a wrong password" });
    // ZooKeeper 3.8.0 lets this in: its handler still holds the last known user, whose password is right.
    expect(answer({ username: "nobody" })).toEqual({ failed: "an unknown user" });
    expect(answer({ username: "BOB" })).toEqual({ failed: "an unknown user" });
    // Without charset hashed in UTF-8 would do; with it only the RFC's way does.
    const strict = Buffer.from(new DigestMd5Client({ ...BOB, username: "jürgen", password: "pässwört" }).response());
    const text = `charset=utf-8,${strict.toString("latin1")}`;
    expect(challenged().step(Buffer.from(text, "latin1"))).toEqual({ failed: "a wrong password" });
  });

  it("lets a client act as itself only", () => {
    for (const authorizationId of ["bob", ""]) {
      const choice = { ...BOB, authorizationId };
      expect(answer(choice)).toEqual(successOf("bob", new DigestMd5Client(choice).proof("")));
    }
    for (const authorizationId of ["super", "Bob", "bob "]) {
      expect(answer({ authorizationId })).toEqual({ failed: "the wish to act for another user" });
    }
    // Which identity is asked for is part of what is proved.
    expect(edited((text) => `${text},authzid="bob"`)).toEqual({ failed: "a wrong password" });
  });

  it("uses a nonce once, and no token after the end", () => {
    const response = new DigestMd5Client(BOB).response();
    const exchange = challenged();
    expect(exchange.step(response)).toEqual(byBob);
    for (const token of [response, NOTHING]) expect(exchange.step(token)).toEqual({ failed: "a token after the end" });
    expect(challenged(Buffer.alloc(30, 8).toString("base64")).step(response)).toEqual({ failed: "another nonce" });
    const failed = challenged();
    expect(failed.step(NOTHING)).toEqual({ failed: "no user name" });
    expect(failed.step(response)).toEqual({ failed: "a token after the end" });
    expect(answer({ count: "00000002" })).toEqual({ failed: "a nonce count other than one" });
  });

  it("answers a first token that is not empty with a challenge, as ZooKeeper does", () => {
    const exchange = startDigestMd5(users, () => Buffer.alloc(30, 7));
    const response = new DigestMd5Client(BOB).response();
    expect(exchange.step(response)).toMatchObject({ done: false });
    expect(exchange.step(response)).toEqual(byBob);
  });

  it("draws 30 bytes for a nonce, others each time", () => {
    const nonces = [1, 2].map(() => {
      const { token } = startDigestMd5(users, randomBytes).step(NOTHING) as { token: Uint8Array };
      return /nonce="([A-Za-z0-9+/]{40})"/.exec(Buffer.from(token).toString())?.[1];
    });
    expect(new Set([...nonces, undefined]).size).toBe(3);
  });

  it.each(["ZOOKEEPER/zk-sasl-md5", "zookeeper/ZK-SASL-MD5"])("takes the URI %s", (digestUri) => {
    expect(answer({ digestUri })).toEqual(successOf("bob", new DigestMd5Client({ ...BOB, digestUri }).proof("")));
  });

  it.each<[string, (text: string) => string]>([
    ["no qop, which means auth", (text) => text.replace(",qop=auth", "")],
    ["a quoted qop", (text) => text.replace("qop=auth", 'qop="auth"')],
    ["a quoted charset", (text) => `${text},charset="utf-8"`],
    ["a quoted response", (text) => text.replace(/response=(\w+)/, 'response="$1"')],
    ["a user name without quotes", (text) => text.replace('"bob"', "bob")],
    ["a needless backslash", (text) => text.replace('"bob"', '"b\\ob"')],
    ["directives it does not know", (text) => `${text},maxbuf=65536,cipher=rc4,foo="b,ar"`],
    ["blanks, line ends, empty elements", (text) => `,, ${text.replaceAll(",", " ,\r\n\t, ")},`],
    ["names in capitals", (text) => text.replace("username", "UserName")],
  ])("takes %s", (_, edit) => expect(edited(edit)).toEqual(byBob));

  it.each<[string, (text: string) => string, string]>([
    ["no user", (text) => text.replace('username="bob",', ""), "no user name"],
    ["an empty user", (text) => text.replace('"bob"', '""'), "no user name"],
    ["no realm", (text) => text.replace('realm="zk-sasl-md5",', ""), "another realm"],
    ["no nonce", (text) => text.replace(/,nonce="[^"]*"/, ""), "another nonce"],
    ["no count", (text) => text.replace("nc=00000001,", ""), "a nonce count other than one"],
    ["a short count", (text) => text.replace("nc=00000001", "nc=1"), "a nonce count other than one"],
    ["no cnonce", (text) => text.replace(/,cnonce="[^"]*"/, ""), "no nonce of the client"],
    [
      "qop auth-int",
      (text) => text.replace("qop=auth", "qop=auth-int"),
      "a quality of protection that was not offered",
    ],
    ["no URI", (text) => text.replace(/,digest-uri="[^"]*"/, ""), "another service or host"],
    ["another charset", (text) => `${text},charset=iso-8859-1`, "a charset other than utf-8"],
    ["no response", (text) => text.replace(/,response=\w+/, ""), "no response of 32 hexadecimal digits"],
    [
      "a response in capitals",
      (text) => text.replace(/response=\w+/, (found) => `response=${found.slice(9).toUpperCase()}`),
      "no response of 32 hexadecimal digits",
    ],
    ["a short response", (text) => text.replace(/(response=\w+)\w/, "$1"), "no response of 32 hexadecimal digits"],
    ["a name not in UTF-8", (text) => `${text.replace("bob", "b\xff")},charset=utf-8`, "a user name that is not UTF-8"],
    ["a directive twice", (text) => `${text},nc=00000001`, "a response that cannot be read"],
    ["rubbish", (text) => `${text} x`, "a response that cannot be read"],
    ["a NUL", (text) => text.replace("bob", "bob\0"), "a response that cannot be read"],
    ["too much", (text) => `${text},a=${"x".repeat(SASL_TOKEN_BYTES_MAX)}`, "a response that is too long"],
  ])("refuses %s", (_, edit, failed) => expect(edited(edit)).toEqual({ failed }));

  it.each([
    "zookeeper/other",
    "ldap/zk-sasl-md5",
    "zookeeper",
    "",
    "zookeeper/zk-sasl-md5/x",
    "zookeeper/h/zk-sasl-md5",
  ])("refuses the URI %j", (digestUri) => expect(answer({ digestUri })).toEqual({ failed: "another service or host" }));

  it("refuses another realm", () => expect(answer({ realm: "other" })).toEqual({ failed: "another realm" }));

  it("proves nobody else with a byte of the response changed", () => {
    const response = Buffer.from(new DigestMd5Client(BOB).response());
    fc.assert(
      fc.property(fc.nat(response.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(response);
        bytes[at] = (bytes[at] as number) ^ change;
        const step = challenged().step(bytes);
        if ("failed" in step) return;
        // Only what names directives, or none that counts, may read otherwise; the values proved are the same.
        expect(step).toEqual(byBob);
      }),
      { numRuns: 3_000 },
    );
  });

  it("never throws, whatever the tokens", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string({ maxLength: 100 }), (bytes, text) => {
        expect(challenged().step(bytes)).toHaveProperty("failed");
        expect(challenged().step(Buffer.from(`username="bob",${text}`))).toHaveProperty("failed");
      }),
      { numRuns: 1_000 },
    );
  });
});
