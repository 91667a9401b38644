import { describe, expect, it } from "vitest";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { worstRecordBytes } from "../../../../src/storage/journal/journal-writer.ts";
import type { SimulatedDisk } from "../../../support/simulated-disk.ts";
import {
  batch,
  batchesOf,
  copyOf,
  DIRECTORY,
  emptyDisk,
  flush,
  openWriter,
  record,
  recover,
  segmentNames,
  sticky,
  summary,
  write,
} from "./journal-rig.ts";

const EPOCH_1 = 2 ** 32;

describe("JournalWriter", () => {
  it("decision 4: refuses a gap in the zxids, and writes nothing of it", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    write(writer, batch(1, 3));
    expect(() => writer.add(batch(5))).toThrow("0x5 does not follow 0x3");
    expect(() => writer.add(batch(3))).toThrow("does not follow");
    expect(() => writer.add(batch(EPOCH_1 + 2))).toThrow("does not follow");
    expect(() => writer.add(sticky(recordType.EPOCH, 2, ""))).toThrow("not at the last zxid");
    expect(() => writer.add(record(recordType.TRUNCATE, 4, 4, ""))).toThrow("cannot truncate");
    write(writer, batch(EPOCH_1 + 1));
    expect(() => writer.add(batch(4))).toThrow("does not follow");
    expect(recover(disk).lastZxid).toBe(EPOCH_1 + 1);
  });

  it("writes a group with one write and one sync, and no synced sector twice", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    const calls: string[] = [];
    disk.fault = (call) => void calls.push(call);
    for (let zxid = 1; zxid <= 5; zxid++) expect(writer.add(batch(zxid))).toBe(true);
    expect(calls).toEqual([]);
    expect(writer.durable).toBe(0);
    writer.flush();
    expect(calls).toEqual(["write", "datasync"]);
    expect(writer.durable).toBe(5);
    const before = disk.contents(`${DIRECTORY}/${segmentNames(disk)[0]}`).slice();
    const end = Math.ceil((512 + 5 * 72) / 512) * 512;
    write(writer, batch(6));
    expect(disk.contents(`${DIRECTORY}/${segmentNames(disk)[0]}`).slice(0, end)).toEqual(before.slice(0, end));
  });

  it("closes a group of 1 MiB, so that nobody waits for a long write", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk, { segmentBytes: 4 * 1024 * 1024 });
    let zxid = 1;
    while (writer.add(batch(zxid, zxid, 100_000))) zxid++;
    expect(zxid - 1).toBe(11);
    flush(writer);
    expect(writer.add(batch(zxid))).toBe(true);
  });

  it("goes on after a clean stop in the same segment, and after a kill too", () => {
    const disk = emptyDisk();
    const first = openWriter(disk).writer;
    write(first, batch(1));
    first.close();
    const second = openWriter(disk);
    expect(second.recovered.cleanStop).toBe(true);
    write(second.writer, batch(2));
    const third = openWriter(disk);
    expect(third.recovered.cleanStop).toBe(false);
    write(third.writer, batch(3));
    expect(segmentNames(disk)).toEqual(["0000000000000001.journal"]);
    expect(batchesOf(recover(disk))).toHaveLength(3);
  });

  it("after it was closed, takes nothing more", () => {
    const { writer } = openWriter(emptyDisk());
    writer.close();
    expect(() => writer.add(batch(1))).toThrow("the journal is closed");
    writer.release();
  });

  it("tells a segment truncated back to its start from the one that follows it", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    write(writer, batch(1, 1, 1200));
    write(writer, record(recordType.TRUNCATE, 0, 0, ""), record(recordType.BATCH, 1, 1, "again".padEnd(2000)));
    expect(segmentNames(disk)).toEqual(["0000000000000001-2.journal", "0000000000000001.journal"]);
    expect(batchesOf(recover(disk)).map((line) => line.trim())).toEqual(["1-1 again"]);
  });
});

describe("pruning", () => {
  /** Fills segments of 4 KiB with batches of one command and about 1 KiB. */
  function fill(disk: SimulatedDisk, count: number, options = {}): ReturnType<typeof openWriter>["writer"] {
    const { writer } = openWriter(disk, options);
    write(writer, sticky(recordType.PROMISE, 0, "promise"), sticky(recordType.CONFIGURATION, 0, "configuration"));
    for (let zxid = 1; zxid <= count; zxid++) write(writer, batch(zxid, zxid, 900));
    return writer;
  }
  const prune = (writer: ReturnType<typeof fill>, zxid: number): void => {
    writer.prune(zxid);
    while (writer.pruneOne());
  };

  it("core.md 19: segments wholly below the snapshot go; sticky records outlive them", () => {
    const disk = emptyDisk();
    const writer = fill(disk, 12);
    const before = segmentNames(disk).length;
    prune(writer, 9);
    expect(segmentNames(disk).length).toBeLessThan(before);
    const recovered = recover(disk);
    expect(recovered.baseZxid).toBeGreaterThan(0);
    expect(recovered.baseZxid).toBeLessThanOrEqual(9);
    expect(summary(recovered, 9).slice(0, 4)).toEqual([
      "last 12",
      "promise promise",
      "epoch -",
      "configuration configuration",
    ]);
    expect(batchesOf(recovered, 9).map((line) => line.split(" ")[0])).toEqual(["10-10", "11-11", "12-12"]);
  });

  it("never removes the segment being written, nor one with anything above the snapshot", () => {
    const disk = emptyDisk();
    const writer = fill(disk, 12);
    prune(writer, 12);
    expect(recover(disk).lastZxid).toBe(12);
    const names = segmentNames(disk);
    prune(writer, 5);
    expect(segmentNames(disk)).toEqual(names);
  });

  it("core.md 33: keeps the commands, or the bytes, asked for behind the snapshot", () => {
    for (const [options, least, most] of [
      [{ keepCommands: 8, keepBytes: 1e9 }, 8, 11],
      [{ keepCommands: 1e9, keepBytes: 8192 }, 6, 10],
      [{ keepCommands: 1e9, keepBytes: 1e9 }, 30, 30],
    ] as const) {
      const disk = emptyDisk();
      prune(fill(disk, 30, options), 30);
      const { baseZxid } = recover(disk);
      // The segment of the snapshot itself comes on top.
      expect(30 - baseZxid).toBeGreaterThanOrEqual(least);
      expect(30 - baseZxid).toBeLessThanOrEqual(most + 3);
    }
  });

  it("core.md 31: what is left in a recycled segment never counts", () => {
    const disk = emptyDisk();
    const writer = fill(disk, 12);
    prune(writer, 12);
    let recycled = 0;
    for (let zxid = 13; zxid <= 60; zxid++) {
      write(writer, record(recordType.BATCH, zxid, zxid, `new ${zxid}`.padEnd(900)));
      prune(writer, zxid);
      const path = `${DIRECTORY}/${segmentNames(disk).at(-1)}`;
      if (Buffer.from(disk.contents(path)).includes("batch ")) recycled++;
      const found = recover(copyOf(disk));
      expect(found.lastZxid).toBe(zxid);
      expect(found.findings).toEqual([]);
      expect(batchesOf(found).every((line) => line.includes("new") || Number(line.split("-")[0]) <= 12)).toBe(true);
    }
    expect(recycled).toBeGreaterThan(0);
    expect(disk.used()).toBeLessThan(8 * 4096);
  });

  it("knows after a restart how many commands the old segments hold", () => {
    const disk = emptyDisk();
    fill(disk, 30);
    const { writer } = openWriter(disk, { keepCommands: 8, keepBytes: 1e9 });
    prune(writer, 30);
    const { baseZxid } = recover(disk);
    expect(30 - baseZxid).toBeGreaterThanOrEqual(8);
    expect(baseZxid).toBeGreaterThan(10);
  });
});

describe("room", () => {
  it("a record that was promised room never fails for want of space, whatever the mix", () => {
    const disk = emptyDisk();
    disk.capacity = 4096 * 12;
    const { writer } = openWriter(disk);
    let zxid = 0;
    let refused = 0;
    for (let step = 0; step < 400; step++) {
      const next =
        step % 7 === 3 ? sticky(recordType.EPOCH, zxid, `e${step}`) : batch(zxid + 1, zxid + 1, (step * 37) % 1400);
      if (writer.hasRoom(next)) {
        write(writer, next);
        zxid = next.lastZxid;
      } else {
        refused++;
        writer.prune(zxid);
        while (writer.pruneOne());
        while (writer.wantsClaim && writer.claimSlice());
      }
    }
    expect(refused).toBeGreaterThan(0);
    expect(recover(disk).lastZxid).toBe(zxid);
    expect(worstRecordBytes(batch(1, 1, 20))).toBeGreaterThan(512 + 48 + 20);
  });

  it("core.md 32, fault row 8: a full disk refuses, the reserve takes deletes, and space brings it back", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    write(writer, batch(1));
    expect(disk.list(DIRECTORY)).toContain("reserve");
    expect(writer.space).toBe("ample");
    disk.capacity = disk.used();
    let zxid = 1;
    while (writer.space === "ample") write(writer, batch(++zxid, zxid, 900));
    // The reserve has become the next segment: there is room yet, for what makes room.
    expect(disk.list(DIRECTORY)).not.toContain("reserve");
    expect(writer.hasRoom(batch(1, 1, 900))).toBe(true);
    while (writer.hasRoom(batch(1, 1, 900))) write(writer, batch(++zxid, zxid, 900));
    expect(writer.space).toBe("refusing");
    expect(writer.claimSlice()).toBe(false);
    disk.capacity += 3 * 4096;
    while (writer.wantsClaim && writer.claimSlice());
    expect(writer.space).toBe("ample");
    expect(disk.list(DIRECTORY)).toContain("reserve");
    write(writer, batch(++zxid, zxid, 900));
    const recovered = recover(disk);
    expect(recovered.lastZxid).toBe(zxid);
    expect(recovered.findings).toEqual([]);
  });

  it("core.md 32: pruning makes room on a full disk too", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    let zxid = 0;
    for (; zxid < 9; ) write(writer, batch(++zxid, zxid, 900));
    disk.capacity = disk.used();
    while (writer.space === "ample") write(writer, batch(++zxid, zxid, 900));
    writer.prune(zxid);
    while (writer.pruneOne());
    expect(writer.space).toBe("ample");
    expect(writer.wantsClaim).toBe(false);
  });

  it("core.md 32: an error that the free space did not foretell refuses as well, and leaves no half file", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    disk.fault = (call, path) => (call === "write" && path.endsWith(".claiming") ? "EDQUOT" : undefined);
    expect(writer.claimSlice()).toBe(false);
    expect(writer.space).toBe("refusing");
    expect(disk.list(DIRECTORY)).toEqual(["0000000000000001.journal"]);
    disk.fault = () => undefined;
    while (writer.wantsClaim) writer.claimSlice();
    expect(writer.space).toBe("ample");
  });

  it("a new journal on a full disk is refused with the disk's own error; the next attempt starts clean", () => {
    const disk = emptyDisk();
    disk.capacity = 1000;
    expect(() => openWriter(disk)).toThrow(/ENOSPC/);
    disk.capacity = 1e9;
    write(openWriter(disk).writer, batch(1));
    expect(recover(disk).lastZxid).toBe(1);
  });

  it("an existing journal opens on a full disk and is written where space was claimed", () => {
    const disk = emptyDisk();
    write(openWriter(disk).writer, batch(1));
    disk.capacity = disk.used();
    const { writer } = openWriter(disk);
    expect(writer.hasRoom(batch(2))).toBe(true);
    write(writer, batch(2));
    expect(recover(disk).lastZxid).toBe(2);
  });

  it("a record too large for any segment is refused", () => {
    const { writer } = openWriter(emptyDisk());
    flush(writer);
    expect(writer.hasRoom(batch(1, 1, 5000))).toBe(false);
    expect(() => writer.add(batch(1, 1, 5000))).toThrow(/does not fit/);
  });
});

describe("poison", () => {
  it.each(["write", "datasync"] as const)(
    "core.md 32, fault row 9: after a failed %s nothing is acknowledged",
    (call) => {
      const disk = emptyDisk();
      const { writer } = openWriter(disk);
      write(writer, batch(1));
      disk.fault = (each) => (each === call ? "EIO" : undefined);
      writer.add(batch(2));
      expect(() => writer.flush()).toThrow(/EIO/);
      disk.fault = () => undefined;
      expect(writer.durable).toBe(1);
      const { calls } = disk;
      expect(() => writer.flush()).toThrow(/EIO/);
      expect(() => writer.add(batch(3))).toThrow(/EIO/);
      expect(() => writer.claimSlice()).toThrow(/EIO/);
      expect(() => writer.pruneOne()).toThrow(/EIO/);
      expect(() => writer.close()).toThrow(/EIO/);
      expect(disk.calls).toBe(calls);
      expect(writer.durable).toBe(1);
      writer.release();
      // The restart verifies again, and finds at least what was acknowledged.
      expect(recover(disk).lastZxid).toBeGreaterThanOrEqual(1);
    },
  );

  it("core.md 32: ENOSPC on claimed space is poison, not fullness", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    flush(writer);
    disk.fault = (call) => (call === "write" ? "ENOSPC" : undefined);
    writer.add(batch(1));
    expect(() => writer.flush()).toThrow(/ENOSPC/);
    expect(() => writer.add(batch(2))).toThrow(/ENOSPC/);
  });

  it.each(["write", "datasync", "rename", "syncDirectory"] as const)("a failed %s while claiming is poison", (call) => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    disk.fault = (each) => (each === call ? "EIO" : undefined);
    expect(() => flush(writer)).toThrow(/EIO/);
    disk.fault = () => undefined;
    expect(() => writer.add(batch(1))).toThrow(/EIO/);
  });
});
