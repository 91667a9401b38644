import { describe, expect, it } from "vitest";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { describeFinding } from "../../../../src/storage/journal/finding.ts";
import { inspectJournal } from "../../../../src/storage/journal/inspect-journal.ts";
import { ZxidChain } from "../../../../src/storage/journal/zxid-chain.ts";
import type { SimulatedDisk } from "../../../support/simulated-disk.ts";
import { batch, copyOf, DIRECTORY, emptyDisk, openWriter, record, segmentNames, sticky, write } from "./journal-rig.ts";

function journal(): SimulatedDisk {
  const disk = emptyDisk();
  const { writer } = openWriter(disk);
  write(writer, sticky(recordType.EPOCH, 0, "epoch"));
  for (let zxid = 1; zxid <= 24; zxid += 2) write(writer, batch(zxid, zxid, 200), batch(zxid + 1, zxid + 1, 300));
  writer.close();
  return disk;
}

/** What an inspection gives: the records' places in words, and the findings after all were read. */
function inspect(disk: SimulatedDisk): { records: string[]; findings: string[] } {
  const inspection = inspectJournal(DIRECTORY, disk);
  const records: string[] = [];
  for (const { type, firstZxid, isCopy } of inspection.records()) {
    records.push(`${type} ${firstZxid}${isCopy ? " copy" : ""}`);
  }
  return { records, findings: inspection.findings.map(describeFinding) };
}

describe("inspectJournal", () => {
  it("reads every record, copies included, and finds nothing wrong with a whole journal", () => {
    const disk = journal();
    const { calls } = disk;
    const { records, findings } = inspect(disk);
    expect(findings).toEqual([]);
    expect(records.filter((line) => line.startsWith("1 "))).toHaveLength(24);
    expect(records.filter((line) => line.endsWith("copy"))).toHaveLength(segmentNames(disk).length - 1);
    expect(records.at(-1)).toBe("7 24");
    expect(disk.calls).toBe(calls);
  });

  it("names one flipped bit at any byte, or reads everything as it was", () => {
    const disk = journal();
    const whole = inspect(disk).records;
    let named = 0;
    for (const name of segmentNames(disk)) {
      const original = disk.contents(`${DIRECTORY}/${name}`);
      for (let at = 0; at < original.length; at += 3) {
        const copy = copyOf(disk);
        const bytes = original.slice();
        bytes[at] = (bytes[at] as number) ^ (1 << (at & 7));
        copy.place(`${DIRECTORY}/${name}`, bytes);
        const { records, findings } = inspect(copy);
        if (findings.length > 0) {
          expect(findings.some((line) => line.includes(name))).toBe(true);
          named++;
        } else expect(records, `${name} byte ${at}`).toEqual(whole);
      }
    }
    expect(named).toBeGreaterThan(1000);
  }, 60_000);

  it("reads on behind damage, and names each place", () => {
    const disk = journal();
    const name = segmentNames(disk)[0] as string;
    const bytes = disk.contents(`${DIRECTORY}/${name}`).slice();
    for (const text of ["batch 1-1", "batch 3-3"]) {
      const at = Buffer.from(bytes).indexOf(text);
      bytes[at] = 0;
    }
    disk.place(`${DIRECTORY}/${name}`, bytes);
    const { records, findings } = inspect(disk);
    expect(findings.map((line) => line.split(":")[0])).toEqual(["corruption", "corruption"]);
    expect(findings[0]).toContain("zxid 0x1 to 0x1");
    expect(findings[1]).toContain("zxid 0x3 to 0x3");
    expect(records).toContain("1 5");
    expect(records).toContain("1 24");
  });

  it("core.md 20, 25, 35: follows truncations, configurations and snapshots, and names one that stands wrong", () => {
    const disk = emptyDisk();
    const { writer } = openWriter(disk);
    const change = sticky(recordType.CONFIGURATION, 3, "three members");
    write(writer, batch(1), batch(2), batch(3), change, batch(4, 4, 2000));
    write(writer, record(recordType.TRUNCATE, 2, 2, ""), batch(2 ** 32 + 1), batch(2 ** 32 + 2, 2 ** 32 + 2, 2000));
    write(writer, record(recordType.SNAPSHOT, 2 ** 33, 2 ** 33, ""), batch(2 ** 33 + 1));
    writer.close();
    const { records, findings } = inspect(disk);
    expect(findings).toEqual([]);
    expect(records.filter((line) => /^[456] /.test(line) && !line.endsWith("copy"))).toEqual([
      "4 3",
      "5 2",
      `6 ${2 ** 33}`,
    ]);

    const chain = new ZxidChain(7);
    expect(chain.advance(recordType.CONFIGURATION, 5, 5)).toBe(
      "a CONFIGURATION stands at 0x5, not at the last zxid, 0x7",
    );
    expect(chain.advance(recordType.TRUNCATE, 8, 8)).toBe("cannot truncate to 0x8 above 0x7");
  });

  it("names a missing segment, and still reads the others", () => {
    const disk = journal();
    const names = segmentNames(disk);
    expect(names.length).toBeGreaterThan(2);
    const before = inspect(disk).records.length;
    disk.unlink(`${DIRECTORY}/${names[1]}`);
    const { records, findings } = inspect(disk);
    expect(findings).toEqual([expect.stringMatching(`^missing: ${names[2]} .*segments 2 to 2.*only reported$`)]);
    expect(records.length).toBeLessThan(before);
    expect(records).toContain("1 1");
    expect(records).toContain("1 24");
  });
});
