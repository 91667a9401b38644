import { describe, expect, it } from "vitest";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import { type JournalWorkerMessage, runJournalThread } from "../../../../src/storage/journal/journal-thread.ts";
import {
  makeRing,
  PRUNE_FRAME,
  RELEASE_FRAME,
  RingWriter,
  readPlace,
  word,
} from "../../../../src/storage/journal/record-ring.ts";
import { recoverJournal } from "../../../../src/storage/journal/recover-journal.ts";
import type { SimulatedDisk } from "../../../support/simulated-disk.ts";
import { batch, batchesOf, DIRECTORY, emptyDisk, record, recover, segmentNames } from "./journal-rig.ts";

const NOTHING = new Uint8Array(0);

/** Runs the thread's code here, on a simulated disk: it drains the ring and ends at the CLOSE frame. */
function run(
  disk: SimulatedDisk,
  records: readonly JournalRecord[],
  options: { prune?: number; onMessage?: (message: JournalWorkerMessage, ring: RingWriter) => void } = {},
): { messages: JournalWorkerMessage[]; ring: RingWriter } {
  const memory = makeRing(64 * 1024);
  const ring = new RingWriter(memory);
  for (const { type, firstZxid, lastZxid, body } of records) ring.push(type, firstZxid, lastZxid, body);
  const last = records.at(-1)?.lastZxid ?? 0;
  if (options.prune !== undefined) ring.push(PRUNE_FRAME, options.prune, options.prune, NOTHING);
  if (options.onMessage === undefined) ring.push(recordType.CLOSE, last, last, NOTHING);
  const messages: JournalWorkerMessage[] = [];
  const { position } = recoverJournal(disk, DIRECTORY, 0);
  const data = { directory: DIRECTORY, position, ring: memory, segmentBytes: 8192, keepCommands: 0, keepBytes: 0 };
  runJournalThread(disk, data, (message) => {
    messages.push(message);
    options.onMessage?.(message, ring);
  });
  return { messages, ring };
}

describe("journal thread", () => {
  it("writes what the ring holds, tells the last durable sequence, and closes cleanly", () => {
    const disk = emptyDisk();
    const { messages, ring } = run(disk, [batch(1), batch(2), batch(3)]);
    expect(messages[0]).toMatchObject({ kind: "segment", segment: { header: { number: 1 } } });
    expect(messages.slice(1)).toEqual([{ kind: "ready" }, 3, { kind: "closed" }]);
    expect(Atomics.load(ring.control, word.SYNCS)).toBe(1);
    expect(ring.gauges[0]).toBeGreaterThan(0);
    const recovered = recover(disk);
    expect(recovered.cleanStop).toBe(true);
    expect(batchesOf(recovered)).toHaveLength(3);
  });

  it("ARCHITECTURE 3: one write and one sync cover all that queued meanwhile", () => {
    const disk = emptyDisk();
    const { messages } = run(disk, [batch(1)], {
      onMessage(message, ring) {
        if (message === 1) for (let zxid = 2; zxid <= 9; zxid++) ring.push(1, zxid, zxid, batch(zxid).body);
        if (message === 9) ring.push(recordType.CLOSE, 9, 9, NOTHING);
      },
    });
    expect(messages.filter((message) => typeof message === "number")).toEqual([1, 9]);
    expect(recover(disk).lastZxid).toBe(9);
  });

  it("claims the next segment and the reserve while it is idle; prunes only what the loop released", () => {
    for (const released of [0, 2]) {
      const disk = emptyDisk();
      let zxid = 0;
      const { messages } = run(disk, [], {
        onMessage(message, ring) {
          if (typeof message !== "number" && message.kind !== "ready") {
            if (message.kind !== "prunable") return;
            ring.push(RELEASE_FRAME, released, released, NOTHING);
            const close = (): void => ring.push(recordType.CLOSE, zxid, zxid, NOTHING);
            if (released === 0) return close();
            // Pruning waits for a pause, and is done with the sync that makes the second removal durable.
            disk.fault = (call) => {
              if (call === "syncDirectory" && segmentNames(disk).length === 3) {
                disk.fault = () => undefined;
                close();
              }
              return undefined;
            };
            return;
          }
          if (zxid >= 10) ring.push(PRUNE_FRAME, zxid, zxid, NOTHING);
          else {
            zxid++;
            ring.push(1, zxid, zxid, batch(zxid, zxid, 3000).body);
          }
        },
      });
      const begun = messages.filter((message) => typeof message === "object" && message.kind === "segment");
      expect(begun.map((message) => message.kind === "segment" && message.segment.header.number)).toEqual([
        1, 2, 3, 4, 5,
      ]);
      expect(messages).toContainEqual({ kind: "prunable", through: 4 });
      expect(segmentNames(disk)).toHaveLength(5 - released);
      expect(recover(disk).lastZxid).toBe(10);
    }
  });

  it("core.md 20, 35: tells each voiding before it tells the record durable, and where the durable records end", () => {
    const disk = emptyDisk();
    const truncate = record(recordType.TRUNCATE, 1, 1, "");
    const { messages, ring } = run(disk, [batch(1), batch(2), truncate, record(recordType.SNAPSHOT, 9, 9, "")]);
    expect(messages.slice(2)).toMatchObject([
      { kind: "voiding", voiding: { segment: 1, above: 1, lastZxid: 1 } },
      { kind: "voiding", voiding: { segment: 1, above: -1, lastZxid: 9 } },
      4,
      { kind: "closed" },
    ]);
    const { segment, offset } = readPlace(ring.control);
    const { position } = recoverJournal(disk, DIRECTORY, 0);
    expect({ segment, offset }).toEqual({ segment: 1, offset: position.end });
  });

  it("core.md 32: the first failure of the disk is told once, with its code, and ends the thread", () => {
    const disk = emptyDisk();
    const { messages } = run(disk, [batch(1)], {
      onMessage(message, ring) {
        if (message !== 1) return;
        disk.fault = (call) => (call === "datasync" ? "EIO" : undefined);
        ring.push(1, 2, 2, batch(2).body);
        ring.push(1, 3, 3, batch(3).body);
      },
    });
    expect(messages.slice(1, 3)).toEqual([{ kind: "ready" }, 1]);
    expect(messages.slice(3)).toMatchObject([{ kind: "fatal", code: "EIO" }]);
  });

  it("tells a full disk, and that it has room again", () => {
    const disk = emptyDisk();
    const { messages } = run(disk, [batch(1)], {
      onMessage(message, ring) {
        // Room for the first segment and nothing else.
        if (typeof message === "object" && message.kind === "ready") disk.capacity = disk.used();
        if (typeof message !== "object" || message.kind !== "space") return;
        disk.capacity = 1e9;
        if (message.space === "ample") ring.push(recordType.CLOSE, 1, 1, NOTHING);
      },
    });
    expect(messages.filter((message) => typeof message === "object" && message.kind === "space")).toEqual([
      { kind: "space", space: "refusing" },
      { kind: "space", space: "ample" },
    ]);
  });
});
