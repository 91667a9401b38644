import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/core/base/bytes.ts";
import { decodePeerAbout, encodePeerAbout, type PeerAbout } from "../../../src/runtime/peer-about.ts";
import "../../support/fixed-seed.ts";

const text = fc.string({ maxLength: 40 });
/** The length of an empty string is all there is of it. */
const EMPTY_STRING_BYTES = 1;
const FLAG_BYTES = 1;
const configuration = fc.record({
  ensembleId: fc.constant("0123456789abcdef0123456789abcdef"),
  members: fc.array(
    fc.record({
      id: fc.nat(),
      role: fc.constantFrom("voter" as const, "observer" as const),
      weight: fc.nat(),
      group: fc.nat(),
      incarnation: text,
      peerAddress: text,
    }),
    { maxLength: 7 },
  ),
});
const about: fc.Arbitrary<PeerAbout> = fc
  .record({
    isEmpty: fc.boolean(),
    configuration: fc.option(configuration, { nil: undefined }),
    initialIds: fc
      .uniqueArray(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { maxLength: 9 })
      .map((ids) => ids.sort((a, b) => a - b)),
    grpcAddress: text,
    httpAddress: text,
    version: text,
    featureLevel: fc.nat(),
    answersMending: fc.boolean(),
    zookeeperAddress: text,
    answersAsks: fc.boolean(),
  })
  .map((each) => (each.isEmpty ? { ...each, configuration: undefined } : each));

describe("peer about", () => {
  it("comes back as it went", () => {
    fc.assert(
      fc.property(about, (value) => {
        expect(decodePeerAbout(encodePeerAbout(value))).toEqual(value);
      }),
    );
  });

  it("passes over fields that a later program appended", () => {
    fc.assert(
      fc.property(about, fc.uint8Array({ maxLength: 20 }), (value, later) => {
        const bytes = Uint8Array.from([...encodePeerAbout(value), ...later]);
        expect(decodePeerAbout(bytes)).toEqual(value);
      }),
    );
  });

  it("of a program that says nothing of questions is of one that takes none", () => {
    fc.assert(
      fc.property(about, (value) => {
        const bytes = encodePeerAbout(value).slice(0, -FLAG_BYTES);
        expect(decodePeerAbout(bytes)).toEqual({ ...value, answersAsks: false });
      }),
    );
  });

  it("of a program that says nothing of a ZooKeeper door either is of one that has none", () => {
    fc.assert(
      fc.property(about, (value) => {
        const older = { ...value, zookeeperAddress: "", answersAsks: false };
        const bytes = encodePeerAbout(older).slice(0, -EMPTY_STRING_BYTES - FLAG_BYTES);
        expect(decodePeerAbout(bytes)).toEqual(older);
      }),
    );
  });

  it("of a program that says nothing of mending either is of one that does not answer", () => {
    fc.assert(
      fc.property(about, (value) => {
        const older = { ...value, answersMending: false, zookeeperAddress: "", answersAsks: false };
        const bytes = encodePeerAbout(older).slice(0, -EMPTY_STRING_BYTES - 2 * FLAG_BYTES);
        expect(decodePeerAbout(bytes)).toEqual(older);
      }),
    );
  });

  it("is refused when cut, unless where an older program ends; whatever the bytes, only FormatError is thrown", () => {
    fc.assert(
      fc.property(about, fc.nat(), (value, at) => {
        const bytes = encodePeerAbout(value);
        const ofDoors = bytes.length - FLAG_BYTES;
        const ofMending = encodePeerAbout({ ...value, zookeeperAddress: "" }).length - EMPTY_STRING_BYTES - FLAG_BYTES;
        const end = at % bytes.length;
        fc.pre(end !== ofDoors && end !== ofMending && end !== ofMending - FLAG_BYTES);
        expect(() => decodePeerAbout(bytes.subarray(0, end))).toThrow(FormatError);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodePeerAbout(Uint8Array.from([1, ...bytes]));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
    );
  });

  it("refuses another format, an empty member with a configuration, and ids out of order", () => {
    const addresses = { grpcAddress: "", httpAddress: "", zookeeperAddress: "" };
    const plain = { ...addresses, version: "1", featureLevel: 1, answersMending: true, answersAsks: true };
    const bytes = encodePeerAbout({ isEmpty: true, configuration: undefined, initialIds: [], ...plain });
    bytes[0] = 2;
    expect(() => decodePeerAbout(bytes)).toThrow("format 2");
    const members = { ensembleId: "0123456789abcdef0123456789abcdef", members: [] };
    const contradiction = encodePeerAbout({ isEmpty: true, configuration: members, initialIds: [], ...plain });
    expect(() => decodePeerAbout(contradiction)).toThrow("an empty member with a configuration");
    const unordered = encodePeerAbout({ isEmpty: true, configuration: undefined, initialIds: [2, 1], ...plain });
    expect(() => decodePeerAbout(unordered)).toThrow("do not ascend");
  });
});
