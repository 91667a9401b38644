import { beforeEach, describe, expect, it } from "vitest";
import { PinnedRounds } from "../../../../src/storage/snapshot/pinned-rounds.ts";
import { createSnapshot } from "../../../../src/storage/snapshot/snapshot-files.ts";
import { SnapshotWriter } from "../../../../src/storage/snapshot/snapshot-writer.ts";
import { encode, temporaryDirectory } from "./snapshot-fixtures.ts";
import { largeRound } from "./transfer-fixtures.ts";

let writer: SnapshotWriter;
let rounds: PinnedRounds;

beforeEach(() => {
  const { file } = createSnapshot(temporaryDirectory(), 0);
  writer = new SnapshotWriter(file, { waitForSpace: () => true, isPinned: () => true });
  rounds = new PinnedRounds(file);
  return () => {
    rounds.closeAll();
    writer.close();
  };
});

function commit(zxid: number): void {
  const { meta, ...rows } = largeRound(zxid, 100);
  writer.write(encode(rows));
  writer.commit(meta);
}

describe("rounds pinned for transfers", () => {
  it("core.md 36: transfers that begin at the same zxid share one read transaction", () => {
    commit(1);
    expect(rounds.open(1).zxid).toBe(1);
    expect(rounds.open(2).zxid).toBe(1);
    expect(rounds.pinned).toBe(1);
    commit(2);
    expect(rounds.open(3).zxid).toBe(2);
    expect(rounds.pinned).toBe(2);
    rounds.close(1);
    expect(rounds.pinned).toBe(2);
    // The one that shared it goes on: its meta, then rows.
    expect(rounds.next(2)?.length).toBeGreaterThan(0);
    expect(rounds.next(2)?.length).toBeGreaterThan(10_000);
    rounds.close(2);
    expect(rounds.pinned).toBe(1);
    rounds.close(2);
    rounds.closeAll();
    expect(rounds.pinned).toBe(0);
    expect(rounds.next(3)).toBeUndefined();
  });

  it("holds checkpoints up, and not the writer; the last to end lets them through", () => {
    commit(1);
    expect(writer.sizes.walBytes).toBeGreaterThan(0);
    writer.unpinned();
    rounds.open(1);
    const { databaseBytes } = writer.sizes;
    for (let zxid = 2; zxid < 6; zxid++) commit(zxid);
    expect(writer.sizes).toMatchObject({ lastZxid: 5, rounds: 5, databaseBytes });
    const { walBytes } = writer.sizes;
    expect(walBytes).toBeGreaterThan(0);
    rounds.close(1);
    writer.write(encode({ deleted: [3] }));
    // A round is open: its commit will move what was held up.
    writer.unpinned();
    expect(writer.sizes.walBytes).toBe(walBytes);
    writer.commit({ ...largeRound(6, 100).meta, nodeCount: 99 });
    expect(writer.sizes.lastZxid).toBe(6);
  });
});
