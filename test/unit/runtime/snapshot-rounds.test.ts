import { performance } from "node:perf_hooks";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SNAPSHOT_HISTORY_BYTES_MAX } from "../../../src/core/base/limits.ts";
import { TAIL_BYTES_MIN } from "../../../src/core/tree/history-tail.ts";
import { Tree } from "../../../src/core/tree/tree.ts";
import { ROUND_JOURNAL_BYTES, SnapshotRounds } from "../../../src/runtime/snapshot-rounds.ts";
import { MemorySnapshotStore } from "../../../src/storage/snapshot/memory-snapshot-store.ts";
import { type Client, SoloMember } from "../../support/solo-member.ts";

const ROUND_BYTES = 1024 * 1024;
/** As the rounds have them: a pause between two slices, rows of one look at the clock, bytes that make them wait. */
const PAUSE_MS = 4;
const ROWS_PER_LOOK = 64;
const PENDING_BYTES_MAX = 16 * 1024 * 1024;

let solo: SoloMember;
let client: Client;
let store: MemorySnapshotStore;
let work: (() => void)[];
let committed: number[];
let rounds: SnapshotRounds;
/** What the clock of slices moves by with every look at it, ms. */
let perLook = 0;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  let now = 0;
  perLook = 0;
  vi.spyOn(performance, "now").mockImplementation(() => {
    now += perLook;
    return now;
  });
  solo = SoloMember.leading();
  client = solo.session();
  work = [];
  committed = [];
  store = new MemorySnapshotStore(
    { onCommitted: (zxid) => committed.push(zxid), onFatal: (error) => expect.unreachable(error.message) },
    { schedule: (step) => work.push(step) },
  );
  rounds = new SnapshotRounds(solo.member, store, ROUND_BYTES);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function write(count: number): void {
  for (let i = 0; i < count; i++) client.create("/n-", "value", 2);
  solo.settle();
}

function begin(): void {
  rounds.journalled(ROUND_BYTES);
  rounds.beginIfDue();
}

/** Lets slices run and the store apply what it was given, until nothing is left to do; how many slices it took. */
function finish(): number {
  let slices = 0;
  for (; vi.getTimerCount() > 0; slices++) {
    vi.advanceTimersByTime(PAUSE_MS);
    for (const step of work.splice(0)) step();
  }
  return slices;
}

/** The tree a restart would load. */
function loaded(): Tree {
  return Tree.load(3, { record: () => undefined }, (rows) => store.medium.load(rows));
}

describe("when a round begins", () => {
  test("while the member catches up, after as much journal as for a large tree", () => {
    write(1);
    vi.spyOn(store, "lastZxid", "get").mockReturnValue(solo.member.tree.zxid);
    rounds.journalled(4 * ROUND_BYTES - 1);
    rounds.beginIfDue(true);
    expect(vi.getTimerCount()).toBe(0);
    rounds.journalled(1);
    rounds.beginIfDue(true);
    expect(vi.getTimerCount()).toBe(1);
  });

  test("while it catches up, no more commands than ever are left to be replayed", () => {
    write(1);
    vi.spyOn(store, "lastZxid", "get").mockReturnValue(solo.member.tree.zxid - 400_001);
    rounds.journalled(ROUND_BYTES);
    rounds.beginIfDue(true);
    expect(vi.getTimerCount()).toBe(1);
  });

  test("once it has caught up, as ever", () => {
    write(1);
    vi.spyOn(store, "lastZxid", "get").mockReturnValue(solo.member.tree.zxid);
    rounds.journalled(ROUND_BYTES);
    rounds.beginIfDue(true);
    expect(vi.getTimerCount()).toBe(0);
    rounds.beginIfDue(false);
    expect(vi.getTimerCount()).toBe(1);
  });

  test("core.md 34: per journal bytes, not before they are written", () => {
    write(1);
    rounds.journalled(ROUND_BYTES - 1);
    rounds.beginIfDue();
    expect(vi.getTimerCount()).toBe(0);
    rounds.journalled(1);
    rounds.beginIfDue();
    expect(vi.getTimerCount()).toBe(1);
  });

  test.each([
    ["of a small snapshot: at once", ROUND_BYTES / 4, 1],
    ["of a large one: with twice as much journal as it is long", ROUND_BYTES, 2],
    ["of a huge one: with four times the bytes a round is to have", ROUND_BYTES * 1000, 4],
  ])("%s", (_, databaseBytes, times) => {
    vi.spyOn(store, "stats").mockReturnValue({ ...store.stats(), databaseBytes });
    vi.spyOn(store, "lastZxid", "get").mockReturnValue(solo.member.tree.zxid);
    write(1);
    for (let time = 1; time <= times; time++) {
      expect(vi.getTimerCount()).toBe(0);
      begin();
    }
    expect(vi.getTimerCount()).toBe(1);
  });

  test("of a huge one too, once a start would have many commands to replay", () => {
    vi.spyOn(store, "stats").mockReturnValue({ ...store.stats(), databaseBytes: ROUND_BYTES * 1000 });
    write(1);
    vi.spyOn(store, "lastZxid", "get").mockReturnValue(solo.member.tree.zxid - 400_001);
    begin();
    expect(vi.getTimerCount()).toBe(1);
  });

  test("not while nothing has changed since the last", () => {
    write(1);
    begin();
    finish();
    rounds.committed(solo.member.tree.zxid);
    begin();
    expect(vi.getTimerCount()).toBe(0);
    write(1);
    rounds.beginIfDue();
    expect(vi.getTimerCount()).toBe(1);
  });

  test("one at a time: not while one is captured, and not before the store has committed it", () => {
    const freeze = vi.spyOn(solo.member.tree.state.capture, "freeze");
    write(1);
    begin();
    write(1);
    begin();
    expect(freeze).toHaveBeenCalledTimes(1);
    finish();
    rounds.beginIfDue();
    expect(freeze).toHaveBeenCalledTimes(1);
    rounds.committed(solo.member.tree.zxid);
    rounds.beginIfDue();
    expect(freeze).toHaveBeenCalledTimes(2);
  });

  test("its zxid is the freeze's, whatever is applied meanwhile", () => {
    write(300);
    const { zxid } = solo.member.tree;
    const digest = solo.member.tree.state.digest.lanes();
    perLook = 1;
    begin();
    write(300);
    finish();
    expect(committed).toEqual([zxid]);
    expect(loaded().zxid).toBe(zxid);
    expect(loaded().state.digest.lanes()).toEqual(digest);
  });
});

describe("slices", () => {
  test("core.md 34: a slice ends by time, and the next comes after a pause", () => {
    write(10 * ROWS_PER_LOOK);
    const capture = vi.spyOn(solo.member.tree.state.capture, "capture");
    perLook = 1;
    begin();
    expect(capture).not.toHaveBeenCalled();
    vi.advanceTimersByTime(PAUSE_MS);
    expect(capture.mock.calls).toEqual([[ROWS_PER_LOOK]]);
    vi.advanceTimersByTime(PAUSE_MS - 1);
    expect(capture).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    expect(capture).toHaveBeenCalledTimes(2);
    expect(finish()).toBeGreaterThan(6);
  });

  test("with time enough a round is one slice", () => {
    write(10 * ROWS_PER_LOOK);
    begin();
    expect(finish()).toBe(1);
    expect(committed).toEqual([solo.member.tree.zxid]);
  });

  test("wait while the store has more than it can apply", () => {
    write(100);
    const capture = vi.spyOn(solo.member.tree.state.capture, "capture");
    begin();
    store.pendingBytes = PENDING_BYTES_MAX;
    vi.advanceTimersByTime(20 * PAUSE_MS);
    expect(capture).not.toHaveBeenCalled();
    store.pendingBytes = 0;
    finish();
    expect(committed).toEqual([solo.member.tree.zxid]);
  });

  test("stop drops the open round: nothing of it is committed, and none begins", () => {
    write(100);
    begin();
    rounds.stop();
    expect(vi.getTimerCount()).toBe(0);
    begin();
    expect(vi.getTimerCount()).toBe(0);
    expect(work).toEqual([]);
    expect(store.medium.meta).toBeUndefined();
  });
});

describe("the event history in a round", () => {
  test.each([
    ["a sixteenth of the round's journal bytes", 16 * ROUND_BYTES, ROUND_BYTES],
    ["never too little for any event", 1, TAIL_BYTES_MIN],
    ["at most 4 MiB, which is what a round by default has", ROUND_JOURNAL_BYTES, SNAPSHOT_HISTORY_BYTES_MAX],
    ["at most 4 MiB, however long a round is", 100 * ROUND_JOURNAL_BYTES, SNAPSHOT_HISTORY_BYTES_MAX],
  ])("core.md 17: may take %s", (_, roundBytes, expected) => {
    const snapshotMeta = vi.spyOn(solo.member, "snapshotMeta");
    write(1);
    rounds = new SnapshotRounds(solo.member, store, roundBytes);
    rounds.journalled(roundBytes);
    rounds.beginIfDue();
    expect(snapshotMeta.mock.calls).toEqual([[expected]]);
    finish();
    expect(store.medium.meta?.history.length).toBeGreaterThan(0);
  });
});
