import { expect, test } from "vitest";
import type { JournalRecord } from "../../../src/core/zab/journal-record.ts";
import type { HistoryBatch } from "../../../src/core/zab/zab-contract.ts";
import { LearnerFeeds } from "../../../src/runtime/learner-feeds.ts";

const PEER = 2;

function batch(zxid: number): JournalRecord {
  return { type: 1, firstZxid: zxid, lastZxid: zxid, body: new Uint8Array(1) };
}

/** A journal of batches 1 to `count`, each read alone, and what the member is told. */
class Rig {
  /** Last zxids told, a list for each answer. */
  readonly told: number[][] = [];
  /** Where histories were opened, and what of them was read so far. */
  readonly opened: number[] = [];
  readonly read: number[] = [];
  readonly disconnected: string[] = [];
  open = 0;
  failsAt = 0;
  readonly feeds: LearnerFeeds;

  constructor(count: number) {
    const unused = (): never => expect.unreachable("only history is read");
    this.feeds = new LearnerFeeds({
      journal: {
        ...({} as ConstructorParameters<typeof LearnerFeeds>[0]["journal"]),
        baseZxid: 0,
        history: (after) => this.history(after, count),
      },
      store: unused,
      roundAt: unused,
      send: unused,
      openBulk: unused,
      historyRead: (_peer: number, batches: readonly HistoryBatch[]) => {
        this.told.push(batches.map(({ lastZxid }) => lastZxid));
      },
      historyGone: unused,
      disconnect: (_peer, why) => this.disconnected.push(why),
      onNotice: () => undefined,
    });
  }

  private history(after: number, count: number) {
    this.opened.push(after);
    this.open++;
    let at = after;
    return {
      next: async () => {
        at++;
        if (at === this.failsAt) throw new Error("the disk says no");
        if (at > count) return undefined;
        this.read.push(at);
        return [batch(at)];
      },
      close: () => void this.open--,
    };
  }

  /** The next answer after a request. */
  async ask(after: number): Promise<number[] | undefined> {
    const before = this.told.length;
    this.feeds.readHistory(PEER, after);
    await expect.poll(() => this.told.length + this.disconnected.length).toBeGreaterThan(before);
    return this.told.at(-1);
  }
}

test("what comes next is read before it is asked for, and told once", async () => {
  const rig = new Rig(3);
  expect(await rig.ask(0)).toEqual([1]);
  expect(rig.read).toEqual([1, 2]);
  expect(await rig.ask(1)).toEqual([2]);
  expect(await rig.ask(2)).toEqual([3]);
  expect(rig.opened).toEqual([0]);
  // The end: the next request opens another history.
  expect(await rig.ask(3)).toEqual([]);
  expect(rig.open).toBe(0);
});

test("what was read ahead of another place is dropped", async () => {
  const rig = new Rig(9);
  expect(await rig.ask(0)).toEqual([1]);
  expect(await rig.ask(5)).toEqual([6]);
  expect(rig.opened).toEqual([0, 5]);
  expect(rig.open).toBe(1);
});

test("a failure ahead is told when its place is asked for", async () => {
  const rig = new Rig(3);
  rig.failsAt = 2;
  expect(await rig.ask(0)).toEqual([1]);
  expect(rig.disconnected).toEqual([]);
  await rig.ask(1);
  expect(rig.disconnected).toEqual([expect.stringContaining("the disk says no")]);
  expect(rig.open).toBe(0);
});
