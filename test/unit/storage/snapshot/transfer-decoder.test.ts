import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../../../src/core/base/bytes.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import {
  type SnapshotMeta,
  writeDeletedRow,
  writeSessionRow,
  writeZnodeRow,
} from "../../../../src/core/tree/snapshot-row.ts";
import { TransferDecoder } from "../../../../src/storage/snapshot/transfer-decoder.ts";
import {
  CHUNK_BODY_BYTES_MAX,
  CHUNK_HEADER_BYTES,
  chunkKind,
  TransferEncoder,
} from "../../../../src/storage/snapshot/transfer-encoder.ts";
import { SnapshotTransferError } from "../../../../src/storage/snapshot/transfer-error.ts";
import { goldenHex } from "../../../support/golden-hex.ts";
import { Collector, meta, session, shown, znode } from "./snapshot-fixtures.ts";
import { checksumOf, chunksOf, joined, resealed, smallRound } from "./transfer-fixtures.ts";

const chunks = chunksOf(smallRound);
const bytes = joined(chunks);
const whole = { meta: smallRound.meta, rows: shown(smallRound.znodes, smallRound.sessions, false) };

function decode(pieces: readonly Uint8Array[]) {
  const collector = new Collector(false);
  let begun: SnapshotMeta | undefined;
  const decoder = new TransferDecoder({
    begin: (given) => {
      begun = given;
    },
    znode: (row) => collector.znode(row),
    session: (row) => collector.session(row),
  });
  for (const piece of pieces) decoder.push(piece);
  decoder.expectComplete();
  return { meta: begun, rows: collector.rows };
}

/** Why the pieces are refused; undefined if they are not. */
function refusal(pieces: readonly Uint8Array[]): SnapshotTransferError | undefined {
  try {
    decode(pieces);
    return undefined;
  } catch (error) {
    if (error instanceof SnapshotTransferError) return error;
    throw error;
  }
}

/** A chunk with any body, in its place after another. */
function chunk(number: number, kind: number, body: Uint8Array, previous: number): Uint8Array {
  const writer = new ByteWriter();
  for (const word of [body.length, number, kind, 0]) writer.u32(word);
  writer.raw(body);
  return resealed(writer.copy(), previous);
}

function bodyOf(count: number, write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(count);
  write(writer);
  return writer.copy();
}

describe("decoding a transfer", () => {
  it("gives back what was encoded", () => {
    expect(decode(chunks)).toEqual(whole);
    expect(decode([bytes])).toEqual(whole);
    expect(decode([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
  });

  it("property: pieces may be cut anywhere", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length })), (cuts) => {
        const ends = [...new Set([...cuts, bytes.length])].sort((a, b) => a - b);
        expect(decode(ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end)))).toEqual(whole);
      }),
    );
  });

  it("core.md 36: cut at any byte it is refused", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(refusal([bytes.subarray(0, length)])?.reason, `${length} bytes`).toBe("DAMAGED_TRANSFER");
    }
  });

  it("core.md 36: any bit flipped is refused", () => {
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = bytes.slice();
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        expect(refusal([flipped])?.reason, `byte ${at}, bit ${bit}`).toBe("DAMAGED_TRANSFER");
      }
    }
  });

  it("core.md 36: chunks in any other order, fewer or more, are refused", () => {
    const prng = new Prng(5);
    for (let attempt = 0; attempt < 500; attempt++) {
      const other = Array.from({ length: 1 + prng.below(chunks.length + 2) }, () => prng.below(chunks.length));
      if (other.join() === chunks.map((_, i) => i).join()) continue;
      expect(refusal(other.map((i) => chunks[i] as Uint8Array))?.reason, other.join()).toBe("DAMAGED_TRANSFER");
    }
  });

  it("core.md 36: a chunk of another transfer of the same length is refused", () => {
    const other = chunksOf({ ...smallRound, meta: { ...smallRound.meta, time: 1 } });
    for (let i = 0; i < chunks.length; i++) {
      const mixed = chunks.map((own, j) => (j === i ? (other[j] as Uint8Array) : own));
      expect(refusal(mixed)?.message, `chunk ${i}`).toMatch(/does not match its checksum/);
    }
  });

  it("core.md 5: another format is refused by name", () => {
    const begin = (chunks[0] as Uint8Array).slice();
    begin[CHUNK_HEADER_BYTES + 4] = 2;
    const error = refusal([resealed(begin)]);
    expect(error?.reason).toBe("UNKNOWN_FORMAT");
    expect(error?.message).toMatch(/format 2; this version of Muster knows format 1/);
  });

  it("drops a history that is in the other byte order", () => {
    const begin = (chunks[0] as Uint8Array).slice();
    begin[CHUNK_HEADER_BYTES + 6] = (begin[CHUNK_HEADER_BYTES + 6] as number) ^ 1;
    let begun: SnapshotMeta | undefined;
    const decoder = new TransferDecoder({
      begin: (given) => {
        begun = given;
      },
      znode() {},
      session() {},
    });
    decoder.push(resealed(begin));
    expect(begun).toEqual({ ...smallRound.meta, history: new Uint8Array(0) });
  });

  const begun = new TransferEncoder().begin(meta({ nodeCount: 1 }));
  const after = checksumOf(begun);
  const root = znode({});
  const rowsChunk = chunk(
    1,
    chunkKind.ROWS,
    bodyOf(1, (writer) => writeZnodeRow(writer, root)),
    after,
  );
  const endBody = (znodes: number, sessions: number, rowBytes: number) => {
    const writer = new ByteWriter();
    for (const count of [znodes, sessions, rowBytes]) writer.u53(count);
    return writer.copy();
  };
  const rowBytes = rowsChunk.length - CHUNK_HEADER_BYTES;
  const ending = (body: Uint8Array) => chunk(2, chunkKind.END, body, checksumOf(rowsChunk));

  it("takes the chunks these refusals are made from", () => {
    expect(decode([begun, rowsChunk, ending(endBody(1, 0, rowBytes))]).rows).toHaveLength(1);
  });

  it.for([
    ["a body beyond the limit", [chunk(0, 1, new Uint8Array(0), 0).fill(0xff, 0, 4)], `${2 ** 32 - 1} bytes`],
    [
      "rows first",
      [
        chunk(
          0,
          chunkKind.ROWS,
          bodyOf(0, () => {}),
          0,
        ),
      ],
      "no place here",
    ],
    ["a second beginning", [begun, chunk(1, chunkKind.BEGIN, begun.slice(CHUNK_HEADER_BYTES), after)], "no place here"],
    ["an unknown kind", [begun, chunk(1, 4, new Uint8Array(1), after)], "kind 4"],
    [
      "a chunk of no rows",
      [
        begun,
        chunk(
          1,
          chunkKind.ROWS,
          bodyOf(0, () => {}),
          after,
        ),
      ],
      "0 rows",
    ],
    [
      "rows less than counted",
      [
        begun,
        chunk(
          1,
          2,
          bodyOf(2, (writer) => writeZnodeRow(writer, root)),
          after,
        ),
      ],
      "1 rows",
    ],
    [
      "half a row",
      [
        begun,
        chunk(
          1,
          2,
          bodyOf(1, (writer) => writer.u8(1)),
          after,
        ),
      ],
      "ends too early",
    ],
    [
      "an unknown row",
      [
        begun,
        chunk(
          1,
          2,
          bodyOf(1, (writer) => writer.u8(9)),
          after,
        ),
      ],
      "unknown row kind 9",
    ],
    [
      "a deletion",
      [
        begun,
        chunk(
          1,
          2,
          bodyOf(1, (writer) => writeDeletedRow(writer, 2, 7)),
          after,
        ),
      ],
      "a deletion",
    ],
    [
      "a znode after a session",
      [
        begun,
        chunk(
          1,
          2,
          bodyOf(2, (writer) => {
            writeSessionRow(writer, session({ id: 1 }));
            writeZnodeRow(writer, root);
          }),
          after,
        ),
      ],
      "a znode after a session",
    ],
    ["znodes miscounted at the end", [begun, rowsChunk, ending(endBody(2, 0, rowBytes))], "it counts 2,0"],
    ["sessions miscounted at the end", [begun, rowsChunk, ending(endBody(1, 1, rowBytes))], "it counts 1,1"],
    ["bytes miscounted at the end", [begun, rowsChunk, ending(endBody(1, 0, rowBytes + 1))], "it counts 1,0"],
    ["an end that is too long", [begun, rowsChunk, ending(new Uint8Array(25))], "counts|left over"],
    ["an end before its rows", [begun, chunk(1, chunkKind.END, endBody(0, 0, 0), after)], "the meta counts others"],
    ["a snapshot of no round", [new TransferEncoder().begin(meta({ zxid: 0 }))], "no round"],
    ["another beginning", [chunk(0, 1, new Uint8Array(100), 0)], "does not begin as a transfer"],
    [
      "a meta that is too long",
      [chunk(0, 1, joined([begun.slice(CHUNK_HEADER_BYTES), new Uint8Array(1)]), 0)],
      "left over",
    ],
  ] as const)("refuses %s", ([, pieces, rule]) => {
    const error = refusal(pieces);
    expect(error?.reason).toBe("DAMAGED_TRANSFER");
    expect(error?.message).toMatch(new RegExp(rule));
  });

  it("takes no memory for a body it refuses", () => {
    const decoder = new TransferDecoder({ begin() {}, znode() {}, session() {} });
    const header = new Uint8Array(CHUNK_HEADER_BYTES);
    new DataView(header.buffer).setUint32(0, CHUNK_BODY_BYTES_MAX + 1, true);
    expect(() => decoder.push(header)).toThrow(/chunk 0: it is said to have/);
  });

  it("stays refused, also after what the sink throws", () => {
    const decoder = new TransferDecoder({
      begin() {
        throw new RangeError("no");
      },
      znode() {},
      session() {},
    });
    expect(() => decoder.push(bytes)).toThrow(RangeError);
    expect(() => decoder.push(bytes)).toThrow(/refused before/);
    expect(decoder.isComplete).toBe(false);
  });

  it("core.md 5: the golden transfer of format 1 is decoded, and encoded to the byte", () => {
    const golden = goldenHex("snapshot").get("transfer-1") as Uint8Array;
    expect(decode([golden])).toEqual(whole);
    expect(bytes).toEqual(golden);
  });
});
