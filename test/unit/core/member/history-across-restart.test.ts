import { expect, test } from "vitest";
import { epochOf } from "../../../../src/core/base/zxid.ts";
import { EventFanout } from "../../../../src/core/member/event-fanout.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { type MemorySnapshot, MemorySnapshotStore } from "../../../../src/storage/snapshot/memory-snapshot-store.ts";
import { SoloMember } from "../../../support/solo-member.ts";

const HISTORY_BYTES = 64 * 1024;
const ADA = { scheme: "digest", id: "ada:hash" };

/** The member's state in a snapshot, as of now. */
function takeSnapshot({ member }: SoloMember): MemorySnapshot {
  const work: (() => void)[] = [];
  const store = new MemorySnapshotStore(
    { onCommitted: () => undefined, onFatal: (error) => expect.unreachable(error.message) },
    { schedule: (step) => work.push(step) },
  );
  const { capture } = member.tree.state;
  const meta = member.snapshotMeta(HISTORY_BYTES);
  capture.freeze();
  while (!capture.capture(100));
  for (const run of capture.takeRuns()) store.write(run);
  store.commit(meta);
  for (const step of work) step();
  return store.medium;
}

/** The same member in a new process: the snapshot, then the journal behind it. */
function restart(old: SoloMember, snapshot: MemorySnapshot): SoloMember {
  const fanout = new EventFanout();
  const tree = Tree.load(2, fanout, (rows) => snapshot.load(rows));
  const epoch = epochOf(old.records.at(-1)?.lastZxid ?? 0);
  const recovered = { acceptedEpoch: epoch, currentEpoch: epoch, configuration: old.member.configuration };
  const from = tree.zxid;
  const solo = new SoloMember({}, recovered, { tree, fanout, history: snapshot.meta?.history }, (state) => {
    for (const { type, firstZxid, body } of old.records) {
      if (type === recordType.BATCH && firstZxid > from) state.replay(body);
    }
  });
  solo.member.start();
  solo.settle();
  return solo;
}

test("core.md 17: a member restarted right after a snapshot serves a resume from before it", () => {
  const old = SoloMember.leading();
  const writer = old.session();
  writer.create("/a");
  old.settle();
  const seen = old.member.tree.zxid;
  writer.set("/a", "missed");
  old.settle();
  const snapshot = takeSnapshot(old);
  writer.create("/after");
  old.settle();

  const solo = restart(old, snapshot);
  const client = solo.session();
  client.take();
  client.watch("/", "persistent-recursive", seen);
  expect(client.take()).toEqual(["events 1:3:/a", "events 1:1:/after", "1 none"]);
});

test("core.md 18: events from before a snapshot are checked with the ACL they had", () => {
  const old = SoloMember.leading();
  const writer = old.session(10_000, [ADA]);
  writer.create("/open");
  old.settle();
  const seen = old.member.tree.zxid;
  const acl = [{ ...ADA, permissions: 31 }];
  writer.connection.submit(100, 0, { kind: "create", path: "/own", data: new Uint8Array(0), mode: 0, acl });
  writer.set("/open", "x", 101);
  old.settle();
  const solo = restart(old, takeSnapshot(old));
  const stranger = solo.session();
  const ada = solo.session(10_000, [ADA]);
  for (const client of [stranger, ada]) {
    client.take();
    client.watch("/", "persistent-recursive", seen);
  }
  expect(stranger.take()).toEqual(["events 1:3:/open", "1 none"]);
  expect(ada.take()).toEqual(["events 1:1:/own", "events 1:3:/open", "1 none"]);
});

test("core.md 17: what the snapshot no longer had is compacted", () => {
  const old = SoloMember.leading();
  const writer = old.session();
  writer.create("/a");
  old.settle();
  const seen = old.member.tree.zxid;
  for (let i = 0; i < 3_000; i++) writer.set("/a", `${i}`);
  old.settle();
  const snapshot = takeSnapshot(old);
  const solo = restart(old, snapshot);
  const { floorZxid } = solo.state.history;
  expect(floorZxid).toBeGreaterThan(seen);
  expect(floorZxid).toBeLessThan(snapshot.meta?.zxid as number);
  const client = solo.session();
  client.take();
  client.watch("/a", "persistent", floorZxid - 1);
  client.watch("/a", "persistent", floorZxid);
  const [compacted, ...events] = client.take();
  expect(compacted).toBe("1 COMPACTED");
  expect(events).toHaveLength(old.member.tree.zxid - floorZxid + 1);
  expect(events.at(-1)).toBe("2 none");
});

test("core.md 34: a round is refused in the middle of a batch", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  for (let i = 0; i < 600; i++) client.create(`/n${i}`);
  solo.sync();
  expect(solo.member.isAtRest).toBe(false);
  expect(() => solo.member.snapshotMeta(HISTORY_BYTES)).toThrow("a round begins between batches");
});
