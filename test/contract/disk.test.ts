import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Disk, isOutOfSpace } from "../../src/storage/disk.ts";
import { MemoryDisk } from "../../src/storage/memory-disk.ts";
import { nodeDisk } from "../../src/storage/node-disk.ts";
import { SimulatedDisk } from "../support/simulated-disk.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe.each<[string, () => Disk]>([
  ["the real disk", () => nodeDisk],
  ["the simulated disk", () => new SimulatedDisk()],
  ["the disk in memory", () => new MemoryDisk()],
])("contract of Disk: %s", (_name, make) => {
  let disk: Disk;
  let root: string;
  let directory: string;

  beforeEach(() => {
    disk = make();
    root = mkdtempSync(join(tmpdir(), "muster-disk-"));
    directory = join(root, "a", "b");
    disk.makeDirectory(directory);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("makes a directory that is there already without complaint", () => {
    disk.makeDirectory(directory);
    expect(disk.list(directory)).toEqual([]);
  });

  it("reads back what was written, and fewer bytes only at the end", () => {
    const file = disk.open(join(directory, "x"), "create");
    file.write(0, bytes(1, 2, 3, 4));
    file.write(2, bytes(9));
    file.write(6, bytes(7));
    file.datasync();
    const into = new Uint8Array(10);
    expect(file.size()).toBe(7);
    expect(file.read(1, into)).toBe(6);
    expect(into).toEqual(bytes(2, 9, 4, 0, 0, 7, 0, 0, 0, 0));
    expect(file.read(7, into)).toBe(0);
    file.close();
  });

  it("keeps writes for those who open the file later", () => {
    const file = disk.open(join(directory, "x"), "create");
    file.write(0, bytes(5, 6));
    file.close();
    const again = disk.open(join(directory, "x"), "write");
    again.write(1, bytes(8));
    again.close();
    const reader = disk.open(join(directory, "x"), "read");
    const into = new Uint8Array(2);
    reader.read(0, into);
    reader.close();
    expect(into).toEqual(bytes(5, 8));
  });

  it("refuses to create what exists and to open what does not", () => {
    disk.open(join(directory, "x"), "create").close();
    expect(() => disk.open(join(directory, "x"), "create")).toThrow(/EEXIST/);
    expect(() => disk.open(join(directory, "y"), "read")).toThrow(/ENOENT/);
    expect(() => disk.open(join(directory, "y"), "write")).toThrow(/ENOENT/);
    expect(() => disk.unlink(join(directory, "y"))).toThrow(/ENOENT/);
    expect(() => disk.rename(join(directory, "y"), join(directory, "z"))).toThrow(/ENOENT/);
  });

  it("lists names in order, after renames that replace and after deletes", () => {
    for (const name of ["c", "a", "b", "d"]) disk.open(join(directory, name), "create").close();
    disk.rename(join(directory, "c"), join(directory, "a"));
    disk.unlink(join(directory, "d"));
    disk.syncDirectory(directory);
    expect(disk.list(directory)).toEqual(["a", "b"]);
  });

  it("knows how much can still be claimed", () => {
    expect(disk.freeBytes(directory)).toBeGreaterThan(0);
  });
});

describe("isOutOfSpace", () => {
  it("tells a full disk from a failing one", () => {
    expect(isOutOfSpace(Object.assign(new Error(), { code: "ENOSPC" }))).toBe(true);
    expect(isOutOfSpace(Object.assign(new Error(), { code: "EDQUOT" }))).toBe(true);
    expect(isOutOfSpace(Object.assign(new Error(), { code: "EIO" }))).toBe(false);
    expect(isOutOfSpace(undefined)).toBe(false);
  });
});

describe("SimulatedDisk", () => {
  it("keeps synced bytes and names through a power loss, and loses some of the others", () => {
    let lostBytes = 0;
    let lostNames = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const disk = new SimulatedDisk(seed);
      disk.makeDirectory("/d");
      const file = disk.open("/d/kept", "create");
      file.write(0, new Uint8Array(1024).fill(1));
      file.datasync();
      disk.syncDirectory("/d");
      file.write(512, new Uint8Array(512).fill(2));
      disk.open("/d/late", "create").close();
      disk.powerLossAt = disk.calls + 1;
      expect(() => disk.unlink("/d/late")).toThrow("the power is off");
      expect(() => disk.list("/d")).toThrow("the power is off");
      disk.restart();
      expect(disk.contents("/d/kept").subarray(0, 512)).toEqual(new Uint8Array(512).fill(1));
      if (disk.contents("/d/kept")[512] !== 2) lostBytes++;
      if (!disk.list("/d").includes("late")) lostNames++;
    }
    expect(lostBytes).toBeGreaterThan(0);
    expect(lostBytes).toBeLessThan(40);
    expect(lostNames).toBeGreaterThan(0);
    expect(lostNames).toBeLessThan(40);
  });

  it("is full at its capacity, and has room again after a delete", () => {
    const disk = new SimulatedDisk();
    disk.makeDirectory("/d");
    disk.capacity = 1000;
    const file = disk.open("/d/x", "create");
    file.write(0, new Uint8Array(900));
    expect(() => file.write(900, new Uint8Array(101))).toThrow(/ENOSPC/);
    file.write(0, new Uint8Array(900));
    disk.unlink("/d/x");
    expect(disk.freeBytes()).toBe(1000);
  });
});
