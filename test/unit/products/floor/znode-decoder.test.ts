import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import "../../../support/fixed-seed.ts";
import { METADATA_BYTES_MAX, ZnodeDecoder, znodeDefects } from "../../../../src/products/floor/znode-decoder.ts";

const policy = z.object({ threshold: z.number().min(0).max(1), zones: z.record(z.string(), z.array(z.string())) });
type Nested = { readonly inner?: Nested | undefined };
const nested: z.ZodType<Nested> = z.lazy(() => z.object({ inner: nested.optional() }));
const good = { threshold: 0.5, zones: { "eu-1": ["a", "b"] } };
const bytes = (text: string) => new TextEncoder().encode(text);

const nothing = Object.fromEntries(znodeDefects.map((defect) => [defect, 0]));

describe("products.md 6: every decoder treats a znode as hostile", () => {
  test("what is as described is read", () => {
    const decoder = new ZnodeDecoder();
    expect(decoder.json(bytes(JSON.stringify({ ...good, more: 1 })), policy)).toEqual({ ok: true, value: good });
    expect(decoder.name("shop:db")).toEqual({ ok: true, value: "shop/db" });
    expect(decoder.defects).toEqual(nothing);
  });

  test.for<[string, Uint8Array, string, string]>([
    [
      "more than a metadata znode has",
      new Uint8Array(METADATA_BYTES_MAX + 1),
      "too-large",
      "16385 bytes, at most 16384",
    ],
    ["half a character", Uint8Array.of(0x22, 0xc3, 0x22), "not-utf8", "no UTF-8"],
    ["a surrogate in UTF-8", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), "not-utf8", "no UTF-8"],
    ["nothing", bytes(""), "not-json", "not JSON"],
    ["a byte order mark", bytes(`\ufeff${JSON.stringify(good)}`), "not-json", "not JSON"],
    ["half of it", bytes('{"threshold": 0.5'), "not-json", "not JSON"],
    ["something behind it", bytes(`${JSON.stringify(good)} secret`), "not-json", "not JSON"],
    ["null", bytes("null"), "not-as-described", "expected object"],
    ["a field missing", bytes('{"threshold": 0.5}'), "not-as-described", "zones: "],
    ["a value out of bounds", bytes('{"threshold": 7, "zones": {}}'), "not-as-described", "threshold: "],
    ["a wrong type deep down", bytes('{"threshold": 0, "zones": {"a": [1]}}'), "not-as-described", "zones.a.0: "],
  ])("%s is a defect with a name, and counted", ([, data, defect, detail]) => {
    const decoder = new ZnodeDecoder();
    const decoded = decoder.json(data, policy);
    expect(decoded).toEqual({ ok: false, defect, detail: expect.stringContaining(detail) });
    expect(decoder.defects).toEqual({ ...nothing, [defect]: 1 });
  });

  test("a name that nobody encoded is a defect", () => {
    const decoder = new ZnodeDecoder();
    expect(decoder.name("shop::db")).toMatchObject({ ok: false, defect: "not-a-name" });
    expect(decoder.defects).toEqual({ ...nothing, "not-a-name": 1 });
  });

  test("the cap is the caller's where the default is too low, or too high", () => {
    const decoder = new ZnodeDecoder();
    const list = bytes(JSON.stringify(Array(METADATA_BYTES_MAX).fill(1)));
    expect(decoder.json(list, z.array(z.number()), list.length)).toMatchObject({ ok: true });
    expect(decoder.json(list, z.array(z.number()), list.length - 1)).toMatchObject({ defect: "too-large" });
  });

  test("nesting without end is a defect, not a full stack", () => {
    const depth = 100_000;
    const deep = bytes(`${'{"inner":'.repeat(depth)}{}${"}".repeat(depth)}`);
    expect(new ZnodeDecoder().json(deep, nested, deep.length)).toMatchObject({ defect: "not-as-described" });
  });

  test("no key changes what an object is", () => {
    const anything = z.looseObject({}).catchall(z.unknown());
    const decoded = new ZnodeDecoder().json(bytes('{"__proto__": {"polluted": 1}, "constructor": 2}'), anything);
    expect(decoded.ok && Object.getPrototypeOf(decoded.value)).toBe(Object.prototype);
    expect(decoded.ok && "polluted" in decoded.value).toBe(false);
  });

  test("a detail is short, and says nothing of the content's values", () => {
    const decoder = new ZnodeDecoder();
    const secret = "hunter2".repeat(100);
    const detailOf = (content: unknown): string => {
      const decoded = decoder.json(bytes(JSON.stringify(content)), z.record(z.string().max(3), z.number()));
      return decoded.ok ? expect.unreachable() : decoded.detail;
    };
    for (const content of [{ a: secret }, secret, [secret]]) expect(detailOf(content)).not.toContain("hunter2");
    expect(detailOf({ [secret]: 1 })).toHaveLength(200);
  });

  test("random and mutated bytes never throw, and each is read as it is described or counted once", () => {
    const valid = bytes(JSON.stringify(good));
    const mutated = fc
      .tuple(fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 3 }), fc.nat(valid.length))
      .map(([pokes, cut]) => {
        const copy = valid.slice();
        for (const [at, byte] of pokes) copy[at] = byte;
        // Most stay whole: those are the ones that get far.
        return cut < valid.length / 4 ? copy.subarray(0, cut) : copy;
      });
    const inputs = fc.oneof(
      mutated,
      fc.uint8Array({ maxLength: 64 }),
      fc.json().map(bytes),
      fc.json({ maxDepth: 6 }).map((json) => bytes(`{"threshold":0,"zones":${json}}`)),
    );
    const decoder = new ZnodeDecoder();
    let [read, refused] = [0, 0];
    fc.assert(
      fc.property(inputs, (data) => {
        const before = Object.values(decoder.defects).reduce((sum, count) => sum + count, 0);
        const decoded = decoder.json(data, policy);
        const after = Object.values(decoder.defects).reduce((sum, count) => sum + count, 0);
        expect(after - before).toBe(decoded.ok ? 0 : 1);
        if (decoded.ok) {
          read++;
          expect(policy.parse(decoded.value)).toEqual(decoded.value);
        } else {
          refused++;
          expect(znodeDefects).toContain(decoded.defect);
        }
      }),
      { numRuns: 1_000 },
    );
    expect(read).toBeGreaterThan(15);
    expect(refused).toBeGreaterThan(150);
  });
});
