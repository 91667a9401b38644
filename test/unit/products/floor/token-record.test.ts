import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { verbs } from "../../../../src/products/floor/rights.ts";
import { newToken } from "../../../../src/products/floor/token.ts";
import {
  decodeTokenRecord,
  encodeTokenRecord,
  nameProblem,
  spacesProblem,
  type TokenRecord,
  verbsProblem,
} from "../../../../src/products/floor/token-record.ts";

const { id, sha256, text } = newToken();
const record: TokenRecord = {
  id,
  name: "ci",
  sha256,
  grants: [{ verbs: ["read", "edit"], spaces: ["shop"] }],
  createdMs: 1_700_000_000_000,
  createdBy: "anonymous",
  expiresMs: 1_800_000_000_000,
};

describe("a record", () => {
  test("is what it was, with or without an end, and has nothing of the secret", () => {
    const bytes = encodeTokenRecord(record);
    expect(decodeTokenRecord(id, bytes)).toEqual(record);
    expect(Buffer.from(bytes).toString()).not.toContain(text.slice(-43));
    const endless = { ...record, expiresMs: undefined };
    expect(decodeTokenRecord(id, encodeTokenRecord(endless))).toEqual(endless);
  });

  test("products.md 6: bytes of any kind are no record, and nothing is thrown", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (bytes) => {
          expect(decodeTokenRecord(id, bytes)).toBeUndefined();
        },
      ),
    );
  });

  test("with one field wrong is none", () => {
    const fields = JSON.parse(Buffer.from(encodeTokenRecord(record)).toString()) as Record<string, unknown>;
    const wrong: readonly [string, unknown][] = [
      ["name", "super"],
      ["name", "a/b"],
      ["sha256", "00"],
      ["grants", [{ verbs: ["fly"], spaces: ["*"] }]],
      ["grants", [{ verbs: ["read"] }]],
      ["grants", "all"],
      ["createdMs", -1],
      ["createdBy", 7],
      ["expiresMs", "tomorrow"],
    ];
    for (const [key, value] of wrong) {
      const bytes = Buffer.from(JSON.stringify({ ...fields, [key]: value }));
      expect(decodeTokenRecord(id, bytes), key).toBeUndefined();
    }
    expect(decodeTokenRecord("no id", encodeTokenRecord(record))).toBeUndefined();
  });
});

test("what is wrong is named, with what to write", () => {
  expect(nameProblem("")).toContain("write at most 64 letters");
  expect(nameProblem("super")).toContain("reserved");
  expect(nameProblem("ci-7.x_y")).toBeUndefined();
  expect(verbsProblem(["read", "fly"])).toContain(
    `has "fly", which is no verb; write one or more of ${verbs.join(", ")}`,
  );
  expect(verbsProblem([])).toContain("empty");
  expect(verbsProblem(["read", "read"])).toContain("twice");
  expect(spacesProblem(["a b"])).toContain("no space");
  expect(spacesProblem(Array.from({ length: 65 }, (_, i) => `s${i}`))).toContain("more than 64");
  expect(spacesProblem(["*"])).toBeUndefined();
});
