import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SnapshotError } from "../../../../src/storage/snapshot/snapshot-error.ts";
import { currentSnapshot, type SnapshotFile } from "../../../../src/storage/snapshot/snapshot-files.ts";
import { SNAPSHOT_PAGE_BYTES } from "../../../../src/storage/snapshot/snapshot-schema.ts";
import { sqliteRig } from "./snapshot-rig.ts";
import { drain, expected, largeRound, received } from "./transfer-fixtures.ts";

/** Resolves when the store has handled everything asked of it before. */
async function commitAgain(opened: Awaited<ReturnType<ReturnType<typeof sqliteRig>["open"]>>, zxid: number) {
  const { meta, znodes } = largeRound(zxid);
  await opened.round({ znodes }, meta);
}

describe("transfers out of a database", () => {
  it("core.md 36: rounds are committed while a transfer reads; the -wal moves when it has ended", async () => {
    const rig = sqliteRig();
    const opened = await rig.open();
    const first = largeRound(1);
    await opened.round(first, first.meta);
    const transfer = await opened.store.openTransfer();
    await commitAgain(opened, 2);
    expect(opened.store.stats().walBytes).toBeGreaterThan(1024 * 1024);
    expect(received(rig).meta?.zxid).toBe(2);
    await drain(transfer);
    await expect.poll(() => opened.store.stats().walBytes, { timeout: 60_000 }).toBe(0);
    await opened.store.close();
    expect(received(rig)).toEqual(expected({ ...largeRound(2), sessions: first.sessions }));
  });

  it("core.md 36: beyond the cap on the -wal the transfers fail by name, the rounds do not", async () => {
    const rig = sqliteRig();
    const opened = await rig.open({ transferWalBytesMax: 1024 * 1024 });
    const { meta, ...rows } = largeRound(1);
    await opened.round(rows, meta);
    const transfers = [await opened.store.openTransfer(), await opened.store.openTransfer()];
    await transfers[0]?.next();
    await commitAgain(opened, 2);
    for (const transfer of transfers) {
      await expect(transfer.next()).rejects.toThrow(/^WAL_TOO_LARGE: the -wal has \d+ bytes, and 1048576 is the most/);
    }
    // Both can begin again, at the newer round.
    const again = await opened.store.openTransfer();
    expect(again.zxid).toBe(2);
    expect((await drain(again)).length).toBeGreaterThan(3);
    await opened.store.close();
  });

  it("core.md 36: beyond the cap on its time a transfer fails by name", async () => {
    const opened = await sqliteRig().open({ transferMsMax: 1 });
    const { meta, ...rows } = largeRound(1);
    await opened.round(rows, meta);
    const late = async () => {
      const transfer = await opened.store.openTransfer();
      for (;;) await transfer.next();
    };
    await expect(late()).rejects.toThrow(/^TRANSFER_TOO_LONG: it took longer than 1 ms$/);
    await opened.store.close();
  });

  it("names a damaged file, and the store goes on", async () => {
    const rig = sqliteRig();
    const opened = await rig.open();
    const { meta, ...rows } = largeRound(1);
    await opened.round(rows, meta);
    const { file } = currentSnapshot(rig.directory) as SnapshotFile;
    const descriptor = openSync(file, "r+");
    for (let at = statSync(file).size / 2; at < statSync(file).size; at += SNAPSHOT_PAGE_BYTES) {
      writeSync(descriptor, new Uint8Array(64), 0, 64, at - (at % SNAPSHOT_PAGE_BYTES));
    }
    closeSync(descriptor);
    const transfer = await opened.store.openTransfer();
    await expect(drain(transfer)).rejects.toThrow(SnapshotError);
    await expect(transfer.next()).rejects.toThrow(SnapshotError);
    expect(opened.store.lastZxid).toBe(1);
    await opened.store.close();
  });

  it("a store that is closed meanwhile refuses the transfer that was being opened", async () => {
    const opened = await sqliteRig().open();
    const { meta, ...rows } = largeRound(1, 100);
    await opened.round(rows, meta);
    const [refused] = await Promise.allSettled([opened.store.openTransfer(), opened.store.close()]);
    expect(refused).toMatchObject({ status: "rejected", reason: { reason: "CLOSED" } });
  });

  it("a store that has failed fails its transfers", async () => {
    const opened = await sqliteRig().open();
    const { meta, ...rows } = largeRound(1);
    await opened.round(rows, meta);
    const transfer = await opened.store.openTransfer();
    opened.store.write(Uint8Array.of(9));
    await opened.failure();
    await expect(drain(transfer)).rejects.toThrow(/^CLOSED/);
    await opened.store.close();
  });
});
