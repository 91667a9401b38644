import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../../../src/core/base/bytes.ts";
import {
  decodeConfiguration,
  type EnsembleConfiguration,
  encodeConfiguration,
} from "../../../../src/core/zab/ensemble-configuration.ts";
import { goldenHex, hex } from "../../../support/golden-hex.ts";
import "../../../support/fixed-seed.ts";

const u32 = fc.nat({ max: 2 ** 32 - 1 });
const text = fc.string({ unit: "binary", maxLength: 60 });
const configuration: fc.Arbitrary<EnsembleConfiguration> = fc.record({
  ensembleId: text,
  members: fc.array(
    fc.record({
      id: u32,
      role: fc.constantFrom("voter" as const, "observer" as const),
      weight: u32,
      group: u32,
      incarnation: text,
      peerAddress: text,
    }),
    { maxLength: 9 },
  ),
});

describe("an ensemble's configuration", () => {
  it("comes back from its record", () => {
    fc.assert(
      fc.property(configuration, (each) => {
        expect(decodeConfiguration(encodeConfiguration(each))).toEqual(each);
      }),
    );
  });

  it("is refused at every truncation and with every byte appended", () => {
    fc.assert(
      fc.property(configuration, fc.nat(255), (each, appended) => {
        const bytes = encodeConfiguration(each);
        for (let end = 0; end < bytes.length; end++) {
          expect(() => decodeConfiguration(bytes.subarray(0, end))).toThrow(FormatError);
        }
        expect(() => decodeConfiguration(Uint8Array.from([...bytes, appended]))).toThrow(FormatError);
      }),
      { numRuns: 30 },
    );
  });

  it("core.md 5: of a newer format is refused by name", () => {
    const bytes = encodeConfiguration({ ensembleId: "", members: [] });
    bytes[0] = 3;
    expect(() => decodeConfiguration(bytes)).toThrow(
      new FormatError("ensemble configuration format 3 is not known to this program"),
    );
  });

  it("is refused with a role that is none: a voter is not counted out by a flipped bit", () => {
    const bytes = (golden.get("configuration") as Uint8Array).slice();
    const role = 2 + 33 + 1 + 4;
    expect(bytes[role]).toBe(1);
    for (const wrong of [2, 3, 129, 255]) {
      bytes[role] = wrong;
      expect(() => decodeConfiguration(bytes)).toThrow(FormatError);
    }
  });

  const golden = goldenHex("zab/v1");

  it("core.md 5: in format 1, without groups, is read as it always was", () => {
    expect(decodeConfiguration(golden.get("configuration") as Uint8Array)).toEqual({
      ensembleId: "0f".repeat(16),
      members: [
        { id: 1, role: "voter", weight: 1, group: 0, incarnation: "1a".repeat(16), peerAddress: "10.0.0.1:2888" },
        { id: 300, role: "observer", weight: 0, group: 0, incarnation: "2b".repeat(16), peerAddress: "[::1]:2888" },
      ],
    });
  });

  it("core.md 5: in format 2 is read as it always was, and written byte for byte", () => {
    const bytes = goldenHex("zab/v2").get("configuration") as Uint8Array;
    const decoded = decodeConfiguration(bytes);
    expect(decoded).toEqual({
      ensembleId: "0f".repeat(16),
      members: [
        { id: 1, role: "voter", weight: 1, group: 2, incarnation: "1a".repeat(16), peerAddress: "10.0.0.1:2888" },
        { id: 300, role: "observer", weight: 0, group: 0, incarnation: "2b".repeat(16), peerAddress: "[::1]:2888" },
      ],
    });
    expect(hex(encodeConfiguration(decoded))).toBe(hex(bytes));
  });
});
