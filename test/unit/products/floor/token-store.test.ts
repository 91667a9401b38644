import { beforeEach, describe, expect, test } from "vitest";
import { LocalCoordination } from "../../../../src/coordination/local-coordination.ts";
import { createMode } from "../../../../src/core/tree/operation.ts";
import { newToken } from "../../../../src/products/floor/token.ts";
import type { TokenRecord } from "../../../../src/products/floor/token-record.ts";
import { TokenStore } from "../../../../src/products/floor/token-store.ts";
import { SoloMember } from "../../../support/solo-member.ts";

let solo: SoloMember;
let tokens: TokenStore;
beforeEach(() => {
  solo = SoloMember.leading();
  const coordination = new LocalCoordination(solo.member, (error) => {
    throw error;
  });
  tokens = new TokenStore(coordination);
});

function record(name: string): TokenRecord {
  const { id, sha256 } = newToken();
  const grants = [{ verbs: ["read" as const], spaces: ["*"] }];
  return { id, sha256, name, grants, createdMs: 5, createdBy: "anonymous", expiresMs: undefined };
}

/** What a request told, once nothing moves any more. */
function told<T>(ask: (done: (outcome: T) => void) => void): T | "nothing" {
  const outcomes: T[] = [];
  ask((outcome) => outcomes.push(outcome));
  solo.settle();
  expect(outcomes.length).toBeLessThan(2);
  return outcomes.length === 0 ? "nothing" : (outcomes[0] as T);
}

const find = (id: string) => told<TokenRecord | undefined>((done) => tokens.find(id, done));
const list = (limit = 10, cursor: Uint8Array = new Uint8Array(0)) =>
  told<Parameters<Parameters<TokenStore["list"]>[2]>[0]>((done) => void tokens.list(limit, cursor, done));
const create = (made: TokenRecord) => told<unknown>((done) => void tokens.create(made, done));
const revoke = (id: string) => told<unknown>((done) => void tokens.revoke(id, done));

describe("products.md 1: tokens in the tree", () => {
  test("are found until they are revoked, by an admission that waits for nobody", () => {
    const made = record("ci");
    expect(find(made.id)).toBeUndefined();
    expect(create(made)).toBeUndefined();
    let found: TokenRecord | undefined;
    tokens.find(made.id, (known) => {
      found = known;
    });
    expect(found).toEqual(made);
    expect(revoke(made.id)).toBeUndefined();
    expect(find(made.id)).toBeUndefined();
    expect(revoke(made.id)).toBe("TOKEN_UNKNOWN");
  });

  test("are listed oldest first, page by page; there are none before the first", () => {
    expect(list()).toEqual({ tokens: [], cursor: new Uint8Array(0) });
    const all = ["a", "b", "c"].map(record);
    for (const each of all) create(each);
    const first = list(2);
    if (typeof first === "string" || "reason" in first) throw new Error("no page");
    expect(first.tokens).toEqual(all.slice(0, 2));
    const second = list(2, first.cursor);
    expect(second).toMatchObject({ tokens: all.slice(2) });
  });

  test("products.md 6: what is no token there is passed over", () => {
    const made = record("ci");
    create(made);
    const client = solo.client();
    const odd = "/muster/auth/tokens/odd";
    const operation = { kind: "create", path: odd, data: new Uint8Array(3), mode: createMode.PERSISTENT } as const;
    client.connection.submit(1, 1, operation);
    solo.settle();
    expect([find("odd"), list()]).toMatchObject([undefined, { tokens: [made] }]);
  });

  test("are reached whatever the ACLs above say", () => {
    const client = solo.client();
    const acl = [{ scheme: "digest", id: "somebody:else", permissions: 31 }];
    const operation = { kind: "create", path: "/muster", data: new Uint8Array(0), mode: 0, acl } as const;
    client.connection.submit(1, 1, operation);
    solo.settle();
    const made = record("ci");
    expect([create(made), find(made.id)]).toEqual([undefined, made]);
  });

  test("have one first among them, whoever offers it, for ever", () => {
    const [first, other] = [record("admin"), record("admin")];
    const findFirst = () => told<string | undefined>((done) => tokens.findFirst(done));
    const createFirst = (made: TokenRecord) => told<unknown>((done) => void tokens.createFirst(made, done));
    expect(findFirst()).toBeUndefined();
    expect(createFirst(first)).toBeUndefined();
    expect(createFirst(other)).toBe("NODE_EXISTS");
    expect([find(first.id), find(other.id), findFirst()]).toEqual([first, undefined, first.id]);
    revoke(first.id);
    expect([createFirst(other), findFirst()]).toEqual(["NODE_EXISTS", first.id]);
  });

  test("that nobody waits for any more tell nothing", () => {
    const outcomes: unknown[] = [];
    tokens.create(record("ci"), (reason) => outcomes.push(reason))();
    solo.settle();
    expect(outcomes).toEqual([]);
  });
});
