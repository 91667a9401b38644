import { describe, expect, it } from "vitest";
import { MemorySnapshotDirectory } from "../../../../src/storage/snapshot/memory-install.ts";
import { MemorySnapshotStore } from "../../../../src/storage/snapshot/memory-snapshot-store.ts";
import { encode } from "./snapshot-fixtures.ts";
import { expected, largeRound, ROUND_ZXID, received, smallRound } from "./transfer-fixtures.ts";

function hold(directory: MemorySnapshotDirectory, round: typeof smallRound): void {
  const medium = directory.current();
  const events = { onCommitted() {}, onFatal: (error: Error) => expect.unreachable(error.message) };
  const store = new MemorySnapshotStore(events, { medium, schedule: (work) => work() });
  store.write(encode(round));
  store.commit(round.meta);
}

describe("snapshots in memory, without promises", () => {
  it("are exported in small chunks and received, with the export pinned", () => {
    const source = new MemorySnapshotDirectory();
    expect(source.current().export()).toBeUndefined();
    hold(source, smallRound);
    const chunks = source.current().export(100);
    expect(chunks?.zxid).toBe(ROUND_ZXID);
    const learner = new MemorySnapshotDirectory();
    const receiver = learner.receive();
    let count = 0;
    for (let chunk = chunks?.next(); chunk !== undefined; chunk = chunks?.next(), count++) {
      receiver.write(chunk);
      hold(source, { ...largeRound(ROUND_ZXID + 1, 20), sessions: [] });
    }
    expect(count).toBeGreaterThan(5);
    expect(receiver.finish().zxid).toBe(ROUND_ZXID);
    expect(received(learner.current(ROUND_ZXID))).toEqual(expected(smallRound));
  });

  it("core.md 35: a receiver forgotten half-way leaves nothing; one that is not named is removed at start", () => {
    const source = new MemorySnapshotDirectory();
    hold(source, smallRound);
    const learner = new MemorySnapshotDirectory();
    hold(learner, largeRound(3, 20));
    const receive = (chunkCount: number) => {
      const chunks = source.current().export(100);
      const receiver = learner.receive();
      for (let i = 0; i < chunkCount; i++) {
        const chunk = chunks?.next();
        if (chunk !== undefined) receiver.write(chunk);
      }
      return receiver;
    };
    expect(() => receive(4).finish()).toThrow(/ends before its last chunk/);
    expect([...learner.files.keys()]).toEqual([0]);
    receive(100).finish();
    expect([...learner.files.keys()]).toEqual([0, ROUND_ZXID]);
    expect(received(learner.current())).toEqual(expected(largeRound(3, 20)));
    learner.removeLeftovers();
    expect([...learner.files.keys()]).toEqual([0]);
    receive(100).finish();
    learner.removeLeftovers(ROUND_ZXID);
    expect([...learner.files.keys()]).toEqual([ROUND_ZXID]);
  });

  it("core.md 35: a named snapshot that is missing is an error", () => {
    expect(() => new MemorySnapshotDirectory().current(7)).toThrow(/0x7 as current, and it is missing/);
  });
});
