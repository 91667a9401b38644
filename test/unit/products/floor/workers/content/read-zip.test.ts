import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ZipEntry, zipArchive } from "../../../../../../bench/harness/zip-archive.ts";
import { readZip } from "../../../../../../src/products/floor/workers/content/read-zip.ts";
import { refusal, utf8 } from "./refusal.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const read = (entries: readonly ZipEntry[]) => readZip({ archive: zipArchive(entries) });
const refused = (entries: readonly ZipEntry[]) => refusal(() => read(entries));
/** Bytes that do not deflate. */
const noise = (size: number): Uint8Array => {
  let state = 1;
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 16;
  });
};

const numbered = (count: number, entry: Omit<ZipEntry, "name">): ZipEntry[] =>
  Array.from({ length: count }, (_, index) => ({ ...entry, name: String(index) }));

test("an archive is its files, deflated or stored, each with bytes of its own", async () => {
  const { entries } = await read([
    { name: "a/", bytes: utf8("") },
    { name: "a/é.yaml", bytes: utf8("one: 1") },
    { name: "b", bytes: utf8("two"), stored: true },
    { name: "c", bytes: utf8("") },
  ]);
  expect(entries.map(({ name, bytes }) => [name, new TextDecoder().decode(bytes)])).toEqual([
    ["a/é.yaml", "one: 1"],
    ["b", "two"],
    ["c", ""],
  ]);
  for (const { bytes } of entries) expect(bytes.buffer.byteLength).toBe(bytes.length);
});

describe("products.md 4: an archive is refused", () => {
  test.for<[string, string, readonly ZipEntry[]]>([
    ["inflating an entry too far", "entry-bytes", [{ name: "a", bytes: new Uint8Array(MIB + 1) }]],
    ["inflating an entry too steeply", "ratio", [{ name: "a", bytes: new Uint8Array(MIB) }]],
    ["inflating too far in all", "inflated-bytes", numbered(17, { bytes: noise(MIB / 8), size: MIB })],
    ["of too many entries", "entries", numbered(1_001, { bytes: utf8("") })],
  ])("for %s", async ([, rule, entries]) => {
    expect(await refused(entries)).toMatchObject({ reason: "CONTENT_TOO_LARGE", rule });
  });

  test("for its size", async () => {
    const fault = { reason: "CONTENT_TOO_LARGE", rule: "archive-bytes" };
    expect(await refusal(() => readZip({ archive: new Uint8Array(4 * MIB + 1) }))).toMatchObject(fault);
  });

  test.for<[string, ZipEntry]>([
    ["lying about a size, downwards", { name: "a", bytes: new Uint8Array(512 * KIB), size: 10 }],
    ["lying about a size, upwards", { name: "a", bytes: utf8("abc"), size: 10 }],
    ["a wrong checksum", { name: "a", bytes: utf8("abc"), crc: 1 }],
    ["bytes that do not inflate", { name: "a", bytes: utf8("\u0007abc"), stored: true, method: 8 }],
  ])("for %s", async ([, entry]) => {
    expect(await refused([entry])).toMatchObject({ reason: "INVALID_CONTENT", rule: "damaged", at: "a" });
  });

  test.for(["../a", "a/../../b", "/etc/passwd", "C:/a", "a\\b"])("for the name %s", async (name) => {
    const fault = { reason: "INVALID_CONTENT", rule: "archive" };
    expect(await refused([{ name, bytes: utf8("a") }])).toMatchObject(fault);
  });

  test("for a name that stands twice, an encrypted entry or another method", async () => {
    const a = { name: "a", bytes: utf8("a") };
    expect(await refused([a, a])).toMatchObject({ rule: "duplicate-name", at: "a" });
    expect(await refused([{ ...a, flags: 1 }])).toMatchObject({ rule: "method", at: "a" });
    expect(await refused([{ ...a, method: 12 }])).toMatchObject({ rule: "method", at: "a" });
  });

  test("or read, whatever its bytes", async () => {
    const good = zipArchive([
      { name: "a", bytes: utf8("one") },
      { name: "b", bytes: utf8("two"), stored: true },
    ]);
    const byte = fc.record({ at: fc.nat({ max: good.length - 1 }), to: fc.integer({ min: 0, max: 255 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(byte, { minLength: 1, maxLength: 3 }),
        fc.nat({ max: good.length }),
        async (bytes, end) => {
          const archive = good.slice(0, end === 0 ? good.length : end);
          for (const { at, to } of bytes) archive[at] = to;
          try {
            expect((await readZip({ archive })).entries.length).toBeLessThanOrEqual(2);
          } catch (error) {
            expect((error as Error).name).toBe("ContentFault");
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
