import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ByteReader, FormatError } from "../../../../src/core/base/bytes.ts";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import * as wire from "../../../../src/core/zab/peer-message.ts";
import { hex } from "../../../support/golden-hex.ts";
import "../../../support/fixed-seed.ts";

const { peerMessage, readerOf } = wire;
const u32 = fc.nat({ max: 2 ** 32 - 1 });
const u53 = fc.maxSafeNat();
const ids = fc.array(u32, { maxLength: 20 });
const flag = fc.boolean();

interface Kind {
  readonly fields: fc.Arbitrary<unknown>;
  readonly encode: (message: never) => Uint8Array;
  readonly decode: (reader: ByteReader) => unknown;
  readonly type: number;
}

const epochZxid = fc.record({ epoch: u32, zxid: u53 });
const pulse = fc.record({ epoch: u32, round: u53, zxid: u53, digest0: u32, digest1: u32 });

const kinds: Record<string, Kind> = {
  NOTIFY: {
    fields: fc.record({
      state: fc.constantFrom(0, 1, 2),
      leaderId: u32,
      isEstablished: flag,
      currentEpoch: u32,
      lastZxid: u53,
      appliedZxid: u53,
      vote: u32,
      isElectable: flag,
      isDamaged: flag,
      featureLevel: fc.nat(65_535),
      hears: ids,
      mutual: ids,
    }),
    encode: wire.encodeNotify,
    decode: wire.decodeNotify,
    type: peerMessage.NOTIFY,
  },
  CEPOCH: {
    fields: fc.record({ acceptedEpoch: u32, promisedTo: u32, currentEpoch: u32, lastZxid: u53, isDamaged: flag }),
    encode: wire.encodeCurrentEpoch,
    decode: wire.decodeCurrentEpoch,
    type: peerMessage.CEPOCH,
  },
  ACKEPOCH: {
    fields: fc.record({
      epoch: u32,
      attempt: u32,
      currentEpoch: u32,
      lastZxid: u53,
      appliedZxid: u53,
      wantsSnapshot: flag,
    }),
    encode: wire.encodeAckEpoch,
    decode: wire.decodeAckEpoch,
    type: peerMessage.ACKEPOCH,
  },
  SYNC: {
    fields: fc.record({ epoch: u32, bySnapshot: flag, zxid: u53 }),
    encode: wire.encodeSync,
    decode: wire.decodeSync,
    type: peerMessage.SYNC,
  },
  NEWEPOCH: {
    fields: fc.record({ epoch: u32, attempt: u32 }),
    encode: wire.encodeNewEpoch,
    decode: wire.decodeNewEpoch,
    type: peerMessage.NEWEPOCH,
  },
  HANDOVER: {
    fields: u32,
    encode: wire.encodeHandover,
    decode: wire.decodeEpochMessage,
    type: peerMessage.HANDOVER,
  },
  COMMIT: {
    fields: epochZxid,
    encode: ({ epoch, zxid }: wire.EpochZxid) => wire.encodeEpochZxid(peerMessage.COMMIT, epoch, zxid),
    decode: wire.decodeEpochZxid,
    type: peerMessage.COMMIT,
  },
  PING: {
    fields: pulse,
    encode: (message: wire.Pulse) => wire.encodePulse(peerMessage.PING, message),
    decode: wire.decodePulse,
    type: peerMessage.PING,
  },
};

describe.each(Object.entries(kinds))("%s", (_, { fields, encode, decode, type }) => {
  it("comes back from its bytes, behind its type", () => {
    fc.assert(
      fc.property(fields, (message) => {
        const frame = encode(message as never);
        expect(frame[0]).toBe(type);
        expect(decode(readerOf(frame))).toEqual(message);
      }),
    );
  });

  it("is refused at every truncation and with every byte appended", () => {
    fc.assert(
      fc.property(fields, fc.nat(255), (message, appended) => {
        const frame = encode(message as never);
        for (let end = 1; end < frame.length; end++) {
          expect(() => decode(readerOf(frame.subarray(0, end)))).toThrow(FormatError);
        }
        expect(() => decode(readerOf(Uint8Array.from([...frame, appended])))).toThrow(FormatError);
      }),
      { numRuns: 20 },
    );
  });

  it("of any bytes is decoded or refused, and throws nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), (frame) => {
        try {
          decode(readerOf(frame));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("messages of members", () => {
  it("core.md 5: have the bytes they always had", () => {
    const zxid = makeZxid(3, 258);
    const notify = {
      state: wire.zabState.LEADING,
      leaderId: 2,
      isEstablished: true,
      currentEpoch: 3,
      lastZxid: zxid,
      appliedZxid: 1,
      vote: 2,
      isElectable: true,
      isDamaged: false,
      featureLevel: 2,
      hears: [1, 3],
      mutual: [3],
    };
    const z = "02010000" + "03000000";
    expect(hex(wire.encodeNotify(notify))).toBe(
      `01${"02"}${"02000000"}${"03000000"}${z}${"0100000000000000"}${"02000000"}${"03"}${"0200"}` +
        `${"02"}${"01000000"}${"03000000"}${"01"}${"03000000"}`,
    );
    const standing = { acceptedEpoch: 4, promisedTo: 1, currentEpoch: 3, lastZxid: zxid, isDamaged: true };
    expect(hex(wire.encodeCurrentEpoch(standing))).toBe(`02${"04000000"}${"01000000"}${"03000000"}${z}01`);
    const ack = { epoch: 5, attempt: 2, currentEpoch: 3, lastZxid: zxid, appliedZxid: 1, wantsSnapshot: false };
    expect(hex(wire.encodeAckEpoch(ack))).toBe(`04${"05000000"}${"02000000"}${"03000000"}${z}${"0100000000000000"}00`);
    expect(hex(wire.encodeSync({ epoch: 5, bySnapshot: true, zxid }))).toBe(`05${"05000000"}01${z}`);
    expect(hex(wire.encodeNewEpoch({ epoch: 5, attempt: 2 }))).toBe("030500000002000000");
    expect(hex(wire.encodeHandover(7))).toBe("0d07000000");
    expect(hex(wire.encodeEpochZxid(peerMessage.ACK, 5, zxid))).toBe(`0a${"05000000"}${z}`);
    const ping = { epoch: 5, round: 6, zxid, digest0: 1, digest1: 2 };
    expect(hex(wire.encodePulse(peerMessage.PONG, ping))).toBe(
      `0c${"05000000"}${"0600000000000000"}${z}${"01000000"}${"02000000"}`,
    );
    expect(hex(wire.encodePropose(new Uint8Array([9, 8])))).toBe("060908");
    expect(peerMessage).toEqual({
      NOTIFY: 1,
      CEPOCH: 2,
      NEWEPOCH: 3,
      ACKEPOCH: 4,
      SYNC: 5,
      PROPOSE: 6,
      NEWLEADER: 7,
      ACKLEADER: 8,
      COMMIT: 9,
      ACK: 10,
      PING: 11,
      PONG: 12,
      HANDOVER: 13,
      INSTALLED: 14,
    });
  });

  it("with a state, a flag or a list that nobody sends are refused", () => {
    const { encode } = kinds["NOTIFY"] as Kind;
    const [base] = fc.sample((kinds["NOTIFY"] as Kind).fields, 1) as [Record<string, unknown>];
    const frame = encode({ ...base, hears: [], mutual: [] } as never);
    for (const [at, value] of [
      [1, 3],
      [1 + 1 + 4 + 4 + 8 + 8 + 4, 8],
    ] as const) {
      const wrong = frame.slice();
      wrong[at] = value;
      expect(() => wire.decodeNotify(readerOf(wrong))).toThrow(FormatError);
    }
    const tooMany = new Uint8Array([...frame.subarray(0, -2), 0x81, 0x08, ...new Uint8Array(1_025 * 4 + 1)]);
    expect(() => wire.decodeNotify(readerOf(tooMany))).toThrow("a list of members is too long");
  });

  it("carry a batch as a view of their bytes", () => {
    const frame = wire.encodePropose(new Uint8Array([1, 2, 3]));
    const body = wire.bodyOfPropose(frame);
    frame[2] = 9;
    expect([...body]).toEqual([1, 9, 3]);
  });
});
