import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ByteReader, FormatError } from "../../../../src/core/base/bytes.ts";
import { BATCH_COMMANDS_MAX } from "../../../../src/core/base/limits.ts";
import * as wire from "../../../../src/core/member/member-message.ts";
import * as mend from "../../../../src/core/member/mend-message.ts";
import { readerOf } from "../../../../src/core/zab/peer-message.ts";
import { hex } from "../../../support/golden-hex.ts";
import "../../../support/fixed-seed.ts";

const { memberMessage } = wire;
const u32 = fc.nat({ max: 2 ** 32 - 1 });
const u53 = fc.maxSafeNat();

interface Kind {
  readonly fields: fc.Arbitrary<unknown>;
  readonly encode: (message: never) => Uint8Array;
  readonly decode: (reader: ByteReader) => unknown;
  /** Nothing tells where its last field ends. */
  readonly isOpen?: boolean;
}

const starts = fc
  .uniqueArray(fc.integer({ min: 1, max: 2 ** 21 - 1 }), { maxLength: 5 })
  .map((epochs) => epochs.sort((one, other) => one - other))
  .map((epochs) => epochs.map((epoch) => ({ epoch, afterZxid: (epoch - 1) * 2 ** 32 + (epoch % 7) })));

const kinds: Record<string, Kind> = {
  FORWARD: {
    fields: fc.record({
      count: fc.integer({ min: 1, max: 2 * BATCH_COMMANDS_MAX }),
      commands: fc.uint8Array({ maxLength: 50 }),
    }),
    encode: wire.encodeForward,
    decode: wire.decodeForward,
    isOpen: true,
  },
  TOUCH: {
    fields: fc.record({ number: u53, sessionIds: fc.array(u53, { maxLength: 30 }) }),
    encode: (list: wire.SessionList) => wire.encodeSessions(memberMessage.TOUCH, list),
    decode: wire.decodeSessions,
  },
  BARRIER: {
    fields: fc.record({ number: u53, zxid: u53 }),
    encode: (word: wire.BarrierWord) => wire.encodeBarrier(memberMessage.BARRIER, word),
    decode: wire.decodeBarrier,
  },
  CHANGE: {
    fields: fc.record({ number: u53, text: fc.string({ unit: "grapheme", maxLength: 60 }) }),
    encode: (word: wire.ChangeWord) => wire.encodeChange(memberMessage.CHANGE, word),
    decode: wire.decodeChange,
  },
  DIGEST_TELL: {
    fields: fc.record({ zxid: u53, lane0: u32, lane1: u32 }),
    encode: (digest: { zxid: number; lane0: number; lane1: number }) =>
      wire.encodeDigest(memberMessage.DIGEST_TELL, digest),
    decode: wire.decodeDigest,
  },
  MEND_ASK: {
    fields: fc
      .record({ number: u53, afterZxid: fc.nat(), width: fc.integer({ min: 1, max: 99 }), wantsBatches: fc.boolean() })
      .map(({ width, ...ask }) => ({ ...ask, throughZxid: ask.afterZxid + width })),
    encode: mend.encodeMendAsk,
    decode: mend.decodeMendAsk,
  },
  MEND_TELL: {
    fields: fc.record({
      number: u53,
      isAll: fc.boolean(),
      starts,
      batches: fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 4 }),
    }),
    encode: mend.encodeMendTell,
    decode: mend.decodeMendTell,
  },
  VERDICT: {
    fields: fc.record({ zxid: u53, outcome: fc.constantFrom(...Object.values(wire.verdict)) }),
    encode: wire.encodeVerdict,
    decode: wire.decodeVerdict,
  },
};

/** All but those whose last field takes whatever there is. */
const closedKinds = Object.entries(kinds).filter(([, kind]) => !("isOpen" in kind));

describe.each(closedKinds)("%s", (_name, { fields, encode, decode }) => {
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
});

describe.each(Object.entries(kinds))("%s", (name, { fields, encode, decode }) => {
  it("comes back from its bytes, behind its type", () => {
    fc.assert(
      fc.property(fields, (message) => {
        const frame = encode(message as never);
        expect(frame[0]).toBe(memberMessage[name as keyof typeof memberMessage]);
        expect(decode(readerOf(frame))).toEqual(message);
      }),
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

describe("messages for clients of members", () => {
  it("core.md 5: have the bytes they always had", () => {
    const commands = new Uint8Array([7, 7]);
    expect(hex(wire.encodeForward({ commands, count: 3 }))).toBe("20030000000707");
    expect(hex(wire.encodeSessions(memberMessage.TOUCH, { number: 5, sessionIds: [2 ** 32 + 1] }))).toBe(
      `21${"0500000000000000"}${"01000000"}${"0100000001000000"}`,
    );
    expect(hex(wire.encodeBarrier(memberMessage.BARRIER_AT, { number: 5, zxid: 2 ** 32 }))).toBe(
      `24${"0500000000000000"}${"0000000001000000"}`,
    );
    expect(hex(mend.encodeMendAsk({ number: 5, afterZxid: 2, throughZxid: 2 ** 32, wantsBatches: true }))).toBe(
      `2a${"0500000000000000"}${"0200000000000000"}${"0000000001000000"}01`,
    );
    const tell = { number: 5, isAll: false, starts: [{ epoch: 1, afterZxid: 0 }], batches: [new Uint8Array([7, 7])] };
    expect(hex(mend.encodeMendTell(tell))).toBe(
      `2b${"0500000000000000"}00${"01"}${"01000000"}${"0000000000000000"}${"01"}${"020707"}`,
    );
    expect(memberMessage).toMatchObject({ FORWARD: 32, TOUCH: 33, TOUCHED: 34, BARRIER: 35, BARRIER_AT: 36 });
    expect(memberMessage).toMatchObject({ MEND_ASK: 42, MEND_TELL: 43 });
  });

  it("beyond their bounds are refused before anything is made of them", () => {
    const chunk = (count: number): ByteReader => readerOf(wire.encodeForward({ commands: new Uint8Array(3), count }));
    for (const count of [0, 2 * BATCH_COMMANDS_MAX + 1]) {
      expect(() => wire.decodeForward(chunk(count))).toThrow(`a chunk of ${count} commands`);
    }
    const list = wire.encodeSessions(memberMessage.TOUCH, { number: 1, sessionIds: [] }).slice();
    list.set([0xff, 0xff, 0xff, 0x7f], 9);
    expect(() => wire.decodeSessions(readerOf(list))).toThrow("a list of 2147483647 sessions");
    const change = wire.encodeChange(memberMessage.CHANGE, { number: 1, text: "x".repeat(17_000) });
    expect(() => wire.decodeChange(readerOf(change))).toThrow("too long");
    const tell = {
      number: 1,
      isAll: true,
      starts: [],
      batches: Array.from({ length: 9_000 }, () => new Uint8Array(0)),
    };
    expect(() => mend.decodeMendTell(readerOf(mend.encodeMendTell(tell)))).toThrow("an answer with 9000 parts");
    const ask = { number: 1, afterZxid: 5, throughZxid: 5, wantsBatches: true };
    expect(() => mend.decodeMendAsk(readerOf(mend.encodeMendAsk(ask)))).toThrow("asks for nothing");
    const backwards = [3, 2].map((epoch) => ({ epoch, afterZxid: 0 }));
    for (const wrong of [backwards, [{ epoch: 2, afterZxid: 2 * 2 ** 32 }]]) {
      const frame = mend.encodeMendTell({ number: 1, isAll: true, starts: wrong, batches: [] });
      expect(() => mend.decodeMendTell(readerOf(frame))).toThrow(FormatError);
    }
    const verdict = wire.encodeVerdict({ zxid: 1, outcome: 9 });
    expect(() => wire.decodeVerdict(readerOf(verdict))).toThrow(FormatError);
  });
});
