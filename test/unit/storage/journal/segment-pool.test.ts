import { describe, expect, it } from "vitest";
import { CLAIM_SLICE_BYTES, SegmentPool } from "../../../../src/storage/journal/segment-pool.ts";
import { DIRECTORY, emptyDisk } from "./journal-rig.ts";

const SEGMENT = CLAIM_SLICE_BYTES * 2 + 512;

describe("SegmentPool, core.md 31 and 32", () => {
  it("claims a spare and a reserve in bounded slices, each synced, and names a file only when it is whole", () => {
    const disk = emptyDisk();
    const pool = new SegmentPool(disk, DIRECTORY, SEGMENT);
    const calls: string[] = [];
    disk.fault = (call) => void calls.push(call);
    expect(pool.claimSlice()).toBe(true);
    expect(calls).toEqual(["open", "write", "datasync"]);
    expect(pool.unclaimed).toBe(SEGMENT - CLAIM_SLICE_BYTES);
    expect(disk.list(DIRECTORY)).toEqual(["next.claiming"]);
    expect(pool.spareBytes).toBe(0);
    pool.claimSlice();
    pool.claimSlice();
    expect(disk.list(DIRECTORY)).toEqual(["1.spare"]);
    expect(pool.spareBytes).toBe(SEGMENT);
    while (pool.wanting) pool.claimSlice();
    expect(disk.list(DIRECTORY)).toEqual(["1.spare", "reserve"]);
    expect(disk.contents(`${DIRECTORY}/reserve`).every((byte) => byte === 0)).toBe(true);
    expect(disk.contents(`${DIRECTORY}/reserve`)).toHaveLength(SEGMENT);
    expect(pool.diskBytes).toBe(2 * SEGMENT);
    expect(pool.claimSlice()).toBe(false);
  });

  it("takes over what an earlier run claimed, and drops what it left half done", () => {
    const disk = emptyDisk();
    disk.place(`${DIRECTORY}/7.spare`, new Uint8Array(SEGMENT));
    disk.place(`${DIRECTORY}/reserve`, new Uint8Array(SEGMENT));
    disk.place(`${DIRECTORY}/next.claiming`, new Uint8Array(5));
    const pool = new SegmentPool(disk, DIRECTORY, SEGMENT);
    expect(pool.wanting).toBe(false);
    expect(disk.list(DIRECTORY)).toEqual(["7.spare", "reserve"]);
    expect(pool.take()).toEqual({ name: "7.spare", bytes: SEGMENT });
    while (pool.wanting) pool.claimSlice();
    expect(disk.list(DIRECTORY)).toEqual(["7.spare", "8.spare", "reserve"]);
  });

  it("recycles whole segments, four at most, and deletes the others", () => {
    const disk = emptyDisk();
    const pool = new SegmentPool(disk, DIRECTORY, SEGMENT);
    while (pool.wanting) pool.claimSlice();
    for (const name of ["a.journal", "b.journal", "c.journal", "d.journal", "e.journal"]) {
      disk.place(`${DIRECTORY}/${name}`, new Uint8Array(SEGMENT));
      pool.recycle(name, SEGMENT);
    }
    disk.place(`${DIRECTORY}/small.journal`, new Uint8Array(512));
    pool.recycle("small.journal", 512);
    expect(disk.list(DIRECTORY)).toEqual(["1.spare", "2.spare", "3.spare", "4.spare", "reserve"]);
  });

  it("does not fill the disk for others: it looks before it claims", () => {
    const disk = emptyDisk();
    disk.capacity = SEGMENT - 1;
    const pool = new SegmentPool(disk, DIRECTORY, SEGMENT);
    const { calls } = disk;
    expect(pool.claimSlice()).toBe(false);
    expect(pool.space).toBe("refusing");
    expect(disk.calls).toBe(calls);
  });

  it("never hands out what is not claimed", () => {
    expect(() => new SegmentPool(emptyDisk(), DIRECTORY, SEGMENT).take()).toThrow("no claimed segment is ready");
  });
});
