import { X509Certificate } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { FailureBackoff, FREE_FAILURES, WAIT_FIRST_MS } from "../../../../src/products/floor/failure-backoff.ts";
import { type Admission, type Caller, Gatekeeper } from "../../../../src/products/floor/gatekeeper.ts";
import type { ListedPrincipals } from "../../../../src/products/floor/listed-principals.ts";
import { newToken } from "../../../../src/products/floor/token.ts";
import type { TokenRecord } from "../../../../src/products/floor/token-record.ts";

const token = newToken();
const record: TokenRecord = {
  id: token.id,
  name: "ci",
  sha256: token.sha256,
  grants: [{ verbs: ["read"], spaces: ["*"] }],
  createdMs: 0,
  createdBy: "anonymous",
  expiresMs: 5_000,
};

let listed: ListedPrincipals;
let inTree: Map<string, TokenRecord>;
let logged: object[];
let clock: { monotonic: number; wall: number };
let gatekeeper: Gatekeeper;
beforeEach(() => {
  listed = { tokens: new Map(), certificates: new Map() };
  inTree = new Map([[token.id, record]]);
  logged = [];
  clock = { monotonic: 0, wall: 1_000 };
  gatekeeper = new Gatekeeper({
    tokens: { find: (id, done) => done(inTree.get(id)) },
    listed: () => listed,
    backoff: new FailureBackoff(() => clock.monotonic),
    now: () => clock.wall,
    log: { warn: (fields, message) => void logged.push({ ...fields, message }) },
  });
});

function admit(caller: Partial<Caller>): Admission {
  const admissions: Admission[] = [];
  const nobody = { address: "10.0.0.1", authorization: undefined, certificate: undefined, mayBeAnonymous: false };
  gatekeeper.admit({ ...nobody, ...caller }, (admission) => admissions.push(admission));
  expect(admissions).toHaveLength(1);
  return admissions[0] as Admission;
}

const refused = (reason: string) => ({ refusal: { reason, detail: expect.any(String) } });
const bearer = (text: string) => ({ authorization: `Bearer ${text}` });

describe("products.md 1: who asks", () => {
  test("is nobody only where a door says so", () => {
    expect(admit({ mayBeAnonymous: true })).toMatchObject({ principal: { kind: "anonymous", identities: [] } });
    expect(admit({})).toEqual(refused("UNAUTHENTICATED"));
  });

  test("is a token's name, with its rights, an identity of its own and the id it can be revoked by", () => {
    const admission = admit(bearer(token.text));
    expect(admission).toMatchObject({
      principal: { kind: "token", name: "ci", tokenId: token.id, identities: [{ scheme: "sasl", id: "ci" }] },
    });
    expect("principal" in admission && `${admission.principal.rights}`).toBe("read on *");
  });

  test("is nobody with a wrong token, although the door takes callers without one", () => {
    const mayBeAnonymous = true;
    expect(admit({ mayBeAnonymous, ...bearer(newToken().text) })).toEqual(refused("UNAUTHENTICATED"));
    expect(admit({ mayBeAnonymous, authorization: "Basic YTpi" })).toEqual(refused("UNAUTHENTICATED"));
    expect(admit({ mayBeAnonymous, authorization: "" })).toEqual(refused("UNAUTHENTICATED"));
  });

  test("is nobody once the token is revoked or has expired", () => {
    const isCurrent = (): boolean => {
      let answer = false;
      gatekeeper.isCurrent(token.id, (current) => {
        answer = current;
      });
      return answer;
    };
    expect(isCurrent()).toBe(true);
    clock.wall = 5_000;
    expect([isCurrent(), admit(bearer(token.text))]).toEqual([false, refused("UNAUTHENTICATED")]);
    clock.wall = 1_000;
    inTree.clear();
    expect([isCurrent(), admit(bearer(token.text))]).toEqual([false, refused("UNAUTHENTICATED")]);
  });

  test("is a token of the file, too, as the file is now", () => {
    inTree.clear();
    listed = { ...listed, tokens: new Map([[token.id, { ...record, name: "listed" }]]) };
    expect(admit(bearer(token.text))).toMatchObject({ principal: { name: "listed" } });
    listed = { ...listed, tokens: new Map() };
    expect(admit(bearer(token.text))).toEqual(refused("UNAUTHENTICATED"));
  });
});

describe("a client certificate", () => {
  const certificate = Object.create(X509Certificate.prototype, {
    subject: { value: "O=Example\nOU=Build\nCN=ci" },
    subjectAltName: { value: "DNS:ci.example, URI:spiffe://example/ci" },
  }) as X509Certificate;
  const subject = "CN=ci,OU=Build,O=Example";

  test("that nobody listed reads and edits, as ZooKeeper's x509 identity", () => {
    const admission = admit({ certificate });
    const identities = [{ scheme: "x509", id: subject }];
    expect(admission).toMatchObject({ principal: { kind: "certificate", name: subject, identities } });
    expect("principal" in admission && `${admission.principal.rights}`).toBe("read,edit on *");
  });

  test.for([subject, "DNS:ci.example", "URI:spiffe://example/ci"])("listed as %s has what is listed", (key) => {
    const entry = { name: "builder", grants: [{ verbs: ["publish" as const], spaces: ["shop"] }] };
    listed = { ...listed, certificates: new Map([[key, entry]]) };
    const admission = gatekeeper.admitWithoutToken({ certificate, mayBeAnonymous: true });
    expect(admission).toMatchObject({ principal: { name: "builder" } });
    expect("principal" in admission && `${admission.principal.rights}`).toBe("publish on shop");
  });

  test("beside a token is one more identity of the token's", () => {
    const identities = [
      { scheme: "sasl", id: "ci" },
      { scheme: "x509", id: subject },
    ];
    expect(admit({ certificate, ...bearer(token.text) })).toMatchObject({ principal: { kind: "token", identities } });
  });
});

describe("products.md 1: back-off", () => {
  const wrong = `${token.text.slice(0, -1)}${token.text.endsWith("A") ? "B" : "A"}`;

  test("a token that failed too often from an address waits, the right one, too; others do not", () => {
    for (let i = 0; i < FREE_FAILURES; i++) expect(admit(bearer(wrong))).toEqual(refused("UNAUTHENTICATED"));
    expect(admit(bearer(wrong))).toEqual(refused("TOO_MANY_FAILURES"));
    expect(admit(bearer(token.text))).toEqual(refused("TOO_MANY_FAILURES"));
    expect(admit({ address: "10.0.0.2", ...bearer(token.text) })).toHaveProperty("principal");
    clock.monotonic += WAIT_FIRST_MS;
    expect(admit(bearer(token.text))).toHaveProperty("principal");
  });

  test("invented ids wait together, and lock out nobody who has a token", () => {
    for (let i = 0; i < FREE_FAILURES; i++) admit(bearer(newToken().text));
    expect(admit(bearer(newToken().text))).toEqual(refused("TOO_MANY_FAILURES"));
    expect(admit(bearer("nonsense"))).toEqual(refused("TOO_MANY_FAILURES"));
    expect(admit(bearer(token.text))).toHaveProperty("principal");
  });

  test("what is logged names the address and the public id, and has nothing of a secret", () => {
    admit(bearer(wrong));
    admit(bearer("nonsense"));
    expect(logged).toMatchObject([
      { client: "10.0.0.1", token: token.id },
      { client: "10.0.0.1", token: "unknown" },
    ]);
    expect(JSON.stringify(logged)).not.toContain(wrong.slice(-43));
    expect(JSON.stringify(logged)).not.toContain("nonsense");
  });
});
