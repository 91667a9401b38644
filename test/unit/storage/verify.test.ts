import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { beforeEach, describe, expect, it } from "vitest";
import { type JournalRecord, recordType } from "../../../src/core/zab/journal-record.ts";
import { openDataDir } from "../../../src/storage/data-dir.ts";
import { openJournal } from "../../../src/storage/journal/journal.ts";
import { currentSnapshot, type SnapshotFile } from "../../../src/storage/snapshot/snapshot-files.ts";
import { SNAPSHOT_PAGE_BYTES } from "../../../src/storage/snapshot/snapshot-schema.ts";
import { type VerifiedState, type VerifyDependencies, verifyDataDir } from "../../../src/storage/verify.ts";
import { compiledModule } from "../../../src/storage/worker-file.ts";
import { Collector, smallMeta, smallTree, temporaryDirectory, znode } from "./snapshot/snapshot-fixtures.ts";
import { type OpenStore, sqliteRig } from "./snapshot/snapshot-rig.ts";

/** Small segments, so that a directory is quick to make. */
const journalOptions = { segmentBytes: 64 * 1024, ringBytes: 16 * 1024 * 1024 };
const silent = { onDurable() {}, onSpaceChange() {}, onFatal: (error: Error) => expect.unreachable(error.message) };
const BATCH = { type: recordType.BATCH, body: Uint8Array.of(1, 2, 3) };

let directory: string;
let file: string;

async function writeJournal(records: readonly JournalRecord[]): Promise<void> {
  const { journal } = await openJournal({ directory: join(directory, "journal"), ...journalOptions }, silent);
  for (const record of records) journal.append(record);
  await journal.close();
}

/** A healthy directory: a snapshot at zxid z, and a journal from before z to z + 3. */
beforeEach(async () => {
  directory = temporaryDirectory();
  const opened = await openDataDir(directory, { memberId: 1 });
  const { zxid } = smallMeta;
  await writeJournal([
    { ...BATCH, firstZxid: 2 ** 32 + 1, lastZxid: zxid },
    { ...BATCH, firstZxid: zxid + 1, lastZxid: zxid + 2 },
    { ...BATCH, firstZxid: zxid + 3, lastZxid: zxid + 3 },
  ]);
  const round: OpenStore = await sqliteRig(directory).open();
  await round.round(smallTree, smallMeta);
  await round.store.close();
  opened.close();
  ({ file } = currentSnapshot(directory) as SnapshotFile);
});

/** Changes the snapshot as no member would. */
function tamper(sql: string): void {
  const database = new Database(file);
  database.exec(sql);
  database.close();
}

/** Stands for the core: checks the rows' checksums and counts the batches. */
function stateFake(replay: VerifiedState["replay"] = () => {}): VerifyDependencies & { batches: number[][] } {
  const batches: number[][] = [];
  return {
    batches,
    loadState(load) {
      let zxid = load(new Collector())?.zxid ?? 0;
      return {
        get zxid() {
          return zxid;
        },
        digest: [1, 2],
        replay(batch) {
          replay(batch);
          batches.push([batch.firstZxid, batch.lastZxid]);
          zxid = batch.lastZxid;
        },
      };
    },
  };
}

const findings = async (dependencies?: VerifyDependencies) => (await verifyDataDir(directory, dependencies)).findings;

describe("verifying a data directory", () => {
  it("finds nothing in a healthy one, says what is in it, and leaves no trace", async () => {
    const before = readdirSync(directory).sort();
    const fake = stateFake();
    const report = await verifyDataDir(directory, fake);
    const { zxid } = smallMeta;
    expect(report.findings).toEqual([]);
    expect(report.identity).toMatchObject({ memberId: 1 });
    expect(report.snapshot).toEqual({ file, meta: smallMeta });
    expect(report.journal).toMatchObject({ lastZxid: zxid + 3 });
    expect(report.state).toEqual({ zxid: zxid + 3, digest: [1, 2] });
    expect(fake.batches).toEqual([
      [zxid + 1, zxid + 2],
      [zxid + 3, zxid + 3],
    ]);
    expect(readdirSync(directory).sort()).toEqual(before);
  });

  it("replays from the beginning where there is no snapshot yet", async () => {
    rmSync(file);
    const fake = stateFake();
    const report = await verifyDataDir(directory, fake);
    expect([report.findings, report.snapshot]).toEqual([[], undefined]);
    expect(fake.batches[0]).toEqual([2 ** 32 + 1, smallMeta.zxid]);
  });

  it("names a directory that is missing or empty", async () => {
    const missing = join(directory, "missing");
    expect((await verifyDataDir(missing)).findings).toMatchObject([{ severity: "error", file: missing }]);
    mkdirSync(missing);
    expect((await verifyDataDir(missing)).findings).toMatchObject([
      { file: join(missing, "muster.json"), rule: "the file exists" },
      { file: join(missing, "journal"), rule: "the journal exists" },
    ]);
    expect(readdirSync(missing)).toEqual([]);
  });

  it("refuses while a member runs on it, in this process or in another", async () => {
    const opened = await openDataDir(directory, { memberId: 1 });
    expect(await findings()).toMatchObject([{ rule: `no member runs on the data directory (pid ${process.pid})` }]);
    opened.close();
    const script = fileURLToPath(new URL("data-dir/data-dir-child.mjs", import.meta.url));
    const module = compiledModule(new URL("../../../src/storage/data-dir.ts", import.meta.url)).href;
    const child = spawn(process.execPath, [script, module, directory]);
    await once(child.stdout, "data");
    expect(await findings()).toMatchObject([{ rule: `no member runs on the data directory (pid ${child.pid})` }]);
    child.kill("SIGKILL");
    await once(child, "close");
    expect(await findings()).toEqual([]);
  });

  it("names a damaged identity, and checks the rest nevertheless", async () => {
    writeFileSync(join(directory, "muster.json"), "{}");
    tamper("UPDATE znode SET parent = 77 WHERE serial = 9");
    expect(await findings()).toMatchObject([
      { file: join(directory, "muster.json"), rule: expect.stringContaining("format") },
      { file, where: "znode 9" },
    ]);
  });

  it.for([
    ["a lost root", "UPDATE znode SET name = 'x' WHERE serial = 1", "znode 1", "the root exists"],
    ["a lost parent", "UPDATE znode SET parent = 6 WHERE serial = 9", "znode 9", "parent exists"],
    ["a parent behind its child", "UPDATE znode SET parent = 9 WHERE serial = 3", "znode 3", "lower serial"],
    ["a serial too high", "UPDATE meta SET next_serial = 9", "meta 1", "checksum"],
    ["a name with a slash", "UPDATE znode SET name = 'a/b' WHERE serial = 9", "znode 9", "one segment"],
    ["a name twice", "UPDATE znode SET name = 'app', parent = 1 WHERE serial = 9", "znode 9", "siblings"],
    ["a zxid after the round", "UPDATE znode SET pzxid = 5000000000 WHERE serial = 4", "znode 4", "zxids"],
    ["changed before created", "UPDATE znode SET mzxid = 1 WHERE serial = 2", "znode 2", "zxids are in order"],
    ["an owner of a persistent znode", "UPDATE znode SET owner = 1 WHERE serial = 3", "znode 3", "owner"],
    ["a TTL znode without TTL", "UPDATE znode SET ttl_ms = 0 WHERE serial = 9", "znode 9", "TTL"],
    ["an ephemeral of nobody", "UPDATE znode SET owner = 12 WHERE serial = 5", "znode 5", "session is open"],
    ["a child of an ephemeral", "UPDATE znode SET parent = 5 WHERE serial = 9", "znode 9", "no children"],
    ["an ACL that is no JSON", "UPDATE znode SET acl = '[[' WHERE serial = 4", "znode 4", "JSON"],
    [
      "a session of the future",
      "UPDATE session SET id = 5000000000 WHERE id = 4294967299",
      "session 5000000000",
      "zxid",
    ],
    ["a lost row", "DELETE FROM znode WHERE serial = 9", "znode", "5 rows, and the meta row counts 6"],
  ] as const)("names %s", async ([, sql, where, rule]) => {
    tamper(sql);
    expect(await findings()).toContainEqual(
      expect.objectContaining({ severity: "error", file, where, rule: expect.stringContaining(rule) }),
    );
  });

  it("names the first rows that break a rule and counts the others", async () => {
    const many = Array.from({ length: 30 }, (_, i) => `(${i + 100}, 99, 'n${i}', 0,0,0,0,0,0,0,0,0,0,0,0,'',x'')`);
    tamper(`INSERT INTO znode VALUES ${many.join(",")}`);
    const broken = (await findings()).filter(({ rule }) => rule.includes("parent exists"));
    expect(broken.map(({ where }) => where)).toEqual([
      ...Array.from({ length: 10 }, (_, i) => `znode ${i + 100}`),
      "znode",
    ]);
    expect(broken.at(-1)?.rule).toMatch(/^20 more rows/);
  });

  it("names damaged pages", async () => {
    const bytes = readFileSync(file);
    bytes.fill(0xff, 3 * SNAPSHOT_PAGE_BYTES, 3 * SNAPSHOT_PAGE_BYTES + 40);
    writeFileSync(file, bytes);
    const [first] = await findings();
    expect(first).toMatchObject({ severity: "error", file });
    expect(first?.rule).toMatch(/integrity_check|malformed/);
  });

  it("names what only the core can see: a row that does not match its checksum", async () => {
    tamper("UPDATE znode SET data = x'00' WHERE serial = 3");
    expect(await findings()).toEqual([]);
    const report = await verifyDataDir(directory, stateFake());
    expect(report.findings).toMatchObject([{ file, rule: "znode 3: checksum" }]);
    expect(report.state).toBeUndefined();
  });

  it("names a batch that cannot be applied", async () => {
    const refuse = ({ firstZxid }: JournalRecord) => {
      if (firstZxid === smallMeta.zxid + 3) throw new Error("unknown operation 99");
    };
    expect(await findings(stateFake(refuse))).toMatchObject([
      {
        file: join(directory, "journal"),
        where: "after zxid 0x100000010",
        rule: "the journal's batches can be applied: unknown operation 99",
      },
    ]);
  });

  it("names damage in the journal", async () => {
    const journal = join(directory, "journal");
    const name = readdirSync(journal).find((entry) => entry.endsWith(".journal")) as string;
    const bytes = readFileSync(join(journal, name));
    bytes[bytes.indexOf(Uint8Array.of(1, 2, 3), 512) + 1] = 9;
    writeFileSync(join(journal, name), bytes);
    const [first] = await findings();
    expect(first).toMatchObject({
      severity: "error",
      file: join(journal, name),
      where: expect.stringContaining("offset"),
    });
  });

  it("names a gap between the snapshot and the journal", async () => {
    const { zxid } = smallMeta;
    const body = new Uint8Array(30_000);
    for (let i = 4; i < 10; i++) {
      await writeJournal([{ type: recordType.BATCH, firstZxid: zxid + i, lastZxid: zxid + i, body }]);
    }
    const options = { directory: join(directory, "journal"), ...journalOptions, keepCommands: 0, keepBytes: 0 };
    const { journal } = await openJournal(options, silent);
    journal.prune(zxid + 9);
    // The journal prunes when it is idle.
    const segments = () => readdirSync(options.directory).filter((name) => name.endsWith(".journal"));
    await expect.poll(segments, { timeout: 30_000 }).toHaveLength(1);
    await journal.close();
    const rule = /^the journal, which begins after 0x1\w+, goes on from the snapshot at 0x10000000e$/;
    expect(await findings()).toMatchObject([{ rule: expect.stringMatching(rule) }]);
  });

  it("core.md 23: a snapshot beyond the journal is named", async () => {
    rmSync(join(directory, "journal"), { recursive: true });
    mkdirSync(join(directory, "journal"));
    await writeJournal([{ ...BATCH, firstZxid: 2 ** 32 + 1, lastZxid: 2 ** 32 + 2 }]);
    expect(await findings()).toMatchObject([
      { rule: "the journal, which ends at 0x100000002, reaches the snapshot at 0x10000000e (core.md 23)" },
    ]);
  });

  it("core.md 35: names what the journal says was installed and is missing; leftovers are a warning", async () => {
    writeFileSync(join(directory, "snapshot-0000000200000000.db"), "");
    writeFileSync(join(directory, "snapshot-0000000000000000.db.tmp"), "");
    expect(await findings()).toMatchObject([
      { severity: "warning", file: join(directory, "snapshot-0000000000000000.db.tmp") },
      { severity: "warning", file: join(directory, "snapshot-0000000200000000.db") },
    ]);
    const zxid = 3 * 2 ** 32;
    await writeJournal([{ type: recordType.SNAPSHOT, firstZxid: zxid, lastZxid: zxid, body: new Uint8Array(0) }]);
    expect(await findings()).toMatchObject([
      { severity: "error", rule: expect.stringContaining("installed at 0x300000000 as current, and it is missing") },
    ]);
  });

  it("reads a snapshot whose member was killed, and leaves its -wal alone", async () => {
    const reader = new Database(file, { readonly: true });
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM znode").get();
    const opened = await sqliteRig(directory).open();
    const later = { ...smallMeta, zxid: smallMeta.zxid + 1, nodeCount: 7, nextSerial: 11 };
    await opened.round({ znodes: [znode({ serial: 10, parentSerial: 1, name: "late" })] }, later);
    const wal = readFileSync(`${file}-wal`);
    const whole = readFileSync(file);
    reader.close();
    await opened.store.close();
    writeFileSync(file, whole);
    writeFileSync(`${file}-wal`, wal);
    const report = await verifyDataDir(directory, stateFake());
    expect(report.findings).toEqual([]);
    expect(report.snapshot?.meta).toEqual(later);
    expect(readFileSync(`${file}-wal`)).toEqual(wal);
    expect(readdirSync(directory)).not.toContain("snapshot-0000000000000000.db-shm");
  });
});
