import { describe, expect, it } from "vitest";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { type HistoryReply, HistoryServer } from "../../../../src/storage/journal/history-server.ts";
import type { JournalWriter } from "../../../../src/storage/journal/journal-writer.ts";
import type { SimulatedDisk } from "../../../support/simulated-disk.ts";
import { batch, DIRECTORY, emptyDisk, openWriter, record, segmentNames, write } from "./journal-rig.ts";

function journal(segmentBytes = 4096): { disk: SimulatedDisk; writer: JournalWriter } {
  const disk = emptyDisk();
  const { writer } = openWriter(disk, { segmentBytes });
  write(writer, batch(1), batch(2, 4), batch(5), record(recordType.TRUNCATE, 4, 4, ""), batch(5, 6, 2000));
  return { disk, writer };
}

/** Zxids and body sizes of a chunk. */
function spans(reply: HistoryReply | undefined): number[] {
  return reply?.kind === "chunk" ? [...reply.spans] : [];
}

describe("HistoryServer", () => {
  it("reads several histories at once, each at its own pace", () => {
    const { disk, writer } = journal();
    const server = new HistoryServer(disk, DIRECTORY);
    for (const id of [1, 4]) {
      const source = writer.ledger.source(id, writer.place);
      expect(server.handle({ kind: "open", id, source, afterZxid: id })).toBeUndefined();
    }
    expect(spans(server.handle({ kind: "next", id: 1 }))).toEqual([2, 4, 20, 5, 6, 2000]);
    expect(server.handle({ kind: "next", id: 1 })).toEqual({ kind: "end", id: 1 });
    expect(spans(server.handle({ kind: "next", id: 4 }))).toEqual([5, 6, 2000]);
    for (const id of [1, 4, 7]) expect(server.handle({ kind: "close", id })).toBeUndefined();
    expect(server.handle({ kind: "next", id: 1 })).toMatchObject({ kind: "failed", id: 1 });
  });

  it("ends a chunk at the record that takes it to 1 MiB, and packs any record whole", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk, { segmentBytes: 8 * 1024 * 1024 });
    const sizes = [1_000_000, 40_000, 20_000, 3_000_000, 10];
    for (const [index, size] of sizes.entries()) write(writer, batch(index + 1, index + 1, size));
    const server = new HistoryServer(disk, DIRECTORY);
    server.handle({ kind: "open", id: 1, source: writer.ledger.source(0, writer.place), afterZxid: 0 });
    const chunks = sizes.map(() => server.handle({ kind: "next", id: 1 }));
    expect(chunks.map((chunk) => spans(chunk).filter((_, index) => index % 3 === 0))).toEqual([
      [1, 2, 3],
      [4],
      [5],
      [],
      [],
    ]);
    const [first] = chunks;
    if (first?.kind !== "chunk") throw new Error("no chunk");
    expect(new TextDecoder().decode(first.bytes.subarray(1_040_000, 1_040_010))).toBe("batch 3-3 ");
  });

  it("answers with what is damaged, or how the disk failed, and gives no end after that", () => {
    for (const fault of ["rot", "EIO"]) {
      const { disk, writer } = journal();
      const server = new HistoryServer(disk, DIRECTORY);
      server.handle({ kind: "open", id: 1, source: writer.ledger.source(0, writer.place), afterZxid: 0 });
      if (fault === "rot") disk.contents(`${DIRECTORY}/${segmentNames(disk)[0]}`)[600] = 0xff;
      else disk.fault = (call) => (call === "read" ? fault : undefined);
      const expected =
        fault === "rot" ? { kind: "damaged", findings: [{ kind: "corruption" }] } : { kind: "failed", code: fault };
      expect(server.handle({ kind: "next", id: 1 })).toMatchObject(expected);
      expect(server.handle({ kind: "next", id: 1 })).toMatchObject({ kind: "failed" });
    }
  });

  it("core.md 20, 35: says what a segment voids", () => {
    const { disk, writer } = journal(8192);
    write(writer, record(recordType.SNAPSHOT, 9, 9, ""));
    const server = new HistoryServer(disk, DIRECTORY);
    const [segment] = writer.ledger.segments;
    if (segment === undefined) throw new Error("no segment");
    const reply = server.handle({ kind: "voidings", id: 1, segment, end: writer.place.offset });
    expect(reply).toEqual({ kind: "voidings", id: 1, voidings: writer.ledger.voidings });
    expect(writer.ledger.voidings.map(({ above, lastZxid }) => [above, lastZxid])).toEqual([
      [4, 4],
      [-1, 9],
    ]);
  });
});
