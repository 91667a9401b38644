import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { lastSlash, NAME_BYTES_MAX, pathFault } from "../../../../src/core/tree/path.ts";
import { isValidPath } from "../../../model/naive-rules.ts";
import "../../../support/fixed-seed.ts";

/** The path stands within other bytes, which must not matter. */
function faultOfBytes(bytes: Uint8Array): string | undefined {
  const around = new Uint8Array(bytes.length + 6).fill(0x2f);
  around.set(bytes, 3);
  return pathFault(around, 3, 3 + bytes.length);
}

function fault(path: string): string | undefined {
  return faultOfBytes(encodeUtf8(path));
}

describe("pathFault", () => {
  it.each([
    "/",
    "/a",
    "/a/b",
    "/a.b",
    "/.a",
    "/a.",
    "/...",
    "/a/...",
    "/ ",
    "/~",
    "/é/名前",
    "/zookeeper/quota",
    "/a b",
  ])("lets %j be a path", (path) => expect(fault(path)).toBeUndefined());

  it.each([
    ["", "it is empty"],
    ["a", "it does not begin with '/'"],
    [" /a", "it does not begin with '/'"],
    ["/a/", "it ends with '/'"],
    ["//", "it ends with '/'"],
    ["//a", "it has an empty segment"],
    ["/a//b", "it has an empty segment"],
    ["/.", "it has the segment '.'"],
    ["/./a", "it has the segment '.'"],
    ["/a/.", "it has the segment '.'"],
    ["/..", "it has the segment '..'"],
    ["/../a", "it has the segment '..'"],
    ["/a/../b", "it has the segment '..'"],
    ["/a/..", "it has the segment '..'"],
  ])("refuses %j: %s", (path, why) => expect(fault(path)).toBe(why));

  it("refuses U+0000-001F, U+007F-009F, U+D800-F8FF and U+FFF0-FFFF and nothing else of the first plane", () => {
    const refused: [number, number][] = [];
    for (let unit = 0; unit <= 0xffff; unit++) {
      if (unit === 0x2f || unit === 0x2e) continue;
      // Surrogates have no UTF-8; as three bytes each they are refused like any other malformed sequence.
      const bytes =
        unit >= 0xd800 && unit <= 0xdfff
          ? [0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)]
          : [...new TextEncoder().encode(String.fromCharCode(unit))];
      if (faultOfBytes(Uint8Array.from([0x2f, 0x61, ...bytes, 0x62])) === undefined) continue;
      const last = refused.at(-1);
      if (last !== undefined && last[1] === unit - 1) last[1] = unit;
      else refused.push([unit, unit]);
    }
    expect(refused).toEqual([
      [0x0000, 0x001f],
      [0x007f, 0x009f],
      [0xd800, 0xf8ff],
      [0xfff0, 0xffff],
    ]);
  });

  it("refuses every character above the first plane: ZooKeeper sees its surrogates", () => {
    for (const point of [0x10000, 0x1f600, 0xfffff, 0x10ffff]) {
      expect(fault(`/${String.fromCodePoint(point)}`)).toBe("it has a character that is not allowed");
    }
  });

  it.each([
    ["a lone continuation", [0x80]],
    ["an overlong slash of two bytes", [0xc0, 0xaf]],
    ["an overlong DEL of two bytes", [0xc1, 0xbf]],
    ["an overlong slash of three bytes", [0xe0, 0x80, 0xaf]],
    ["an overlong U+07FF of three bytes", [0xe0, 0x9f, 0xbf]],
    ["an overlong slash of four bytes", [0xf0, 0x80, 0x80, 0xaf]],
    ["a character beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a lead byte without a character", [0xf5, 0x80, 0x80, 0x80]],
    ["the lead byte F8", [0xf8, 0x88, 0x80, 0x80]],
    ["the byte FF", [0xff]],
    ["a second byte that is none", [0xc3, 0x28]],
    ["a third byte that is none", [0xe4, 0xb8, 0x28]],
  ])("refuses malformed UTF-8: %s", (_, bytes) => {
    expect(faultOfBytes(Uint8Array.from([0x2f, ...bytes]))).toBe("it has a character that is not allowed");
    expect(faultOfBytes(Uint8Array.from([0x2f, ...bytes, 0x61]))).toBe("it has a character that is not allowed");
  });

  it("refuses a character cut by the path's end, though its bytes go on behind it", () => {
    for (const text of ["é", "名"]) {
      const bytes = encodeUtf8(`/a${text}`);
      for (let end = 3; end < bytes.length; end++) {
        expect(pathFault(bytes, 0, end)).toBe("it has a character that is not allowed");
      }
      expect(pathFault(bytes, 0, bytes.length)).toBeUndefined();
    }
  });

  it("is the naive rule for every text", () => {
    const unit = fc.constantFrom(
      "/",
      "/",
      ".",
      "a",
      "b",
      "\u001f",
      "\u007f",
      "\u009f",
      "\u00a0",
      "é",
      "\ud7ff",
      "\uf8ff",
    );
    const path = fc.oneof(
      fc.string({ unit, maxLength: 12 }).map((text) => `/${text}`),
      fc.string({ unit: "binary", maxLength: 8 }).map((text) => `/${text}`),
    );
    fc.assert(
      fc.property(path, (text) => {
        expect(fault(text) === undefined).toBe(isValidPath(text, NAME_BYTES_MAX));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("lastSlash", () => {
  it("finds where the last segment begins", () => {
    for (const [path, at] of [
      ["/", 0],
      ["/a", 0],
      ["/a/b", 2],
      ["/a/bc/def", 5],
    ] as const) {
      const bytes = encodeUtf8(`xx${path}//`);
      expect(lastSlash(bytes, 2, 2 + path.length) - 2, path).toBe(at);
    }
  });
});
