import { beforeEach, describe, expect, it } from "vitest";
import { makeZxid } from "../../../src/core/base/zxid.ts";
import { encodeEpoch, encodePromise } from "../../../src/core/zab/epoch-record.ts";
import { type RecordType, recordType } from "../../../src/core/zab/journal-record.ts";
import { ZabChecker } from "./zab-checker.ts";

const at = (counter: number, epoch = 1): number => makeZxid(epoch, counter);
const MEMBERS = [1, 2, 3];

let checker: ZabChecker;
let sequence: number;
let known: Set<number>;

beforeEach(() => {
  checker = new ZabChecker(
    (members) => members.size >= 2,
    (member) => checker.writtenZxid(member),
  );
  sequence = 0;
  known = new Set();
  for (const member of MEMBERS) checker.started(member);
});

function write(member: number, type: RecordType, zxid: number, body: Uint8Array, lastZxid = zxid): void {
  checker.appended(member, { type, firstZxid: zxid, lastZxid, body }, ++sequence);
}

/** The first to write a batch broadcasts it. */
function batch(member: number, zxid: number, content = 1): void {
  const body = Uint8Array.of(content);
  if (!known.has(zxid))
    checker.proposed(member, { firstZxid: zxid, lastZxid: zxid, body }, checker.writtenZxid(member));
  known.add(zxid);
  write(member, recordType.BATCH, zxid, Uint8Array.of(content));
}

function enter(member: number, epoch: number, leaderId: number): void {
  write(member, recordType.PROMISE, 0, encodePromise({ epoch, leaderId }));
  write(member, recordType.EPOCH, 0, encodeEpoch(epoch));
  sync(member);
}

function sync(member: number): void {
  checker.durable(member, sequence);
}

function elect(leader: number, epoch: number, ...followers: readonly number[]): void {
  for (const member of [leader, ...followers]) enter(member, epoch, leader);
  checker.established(leader, epoch);
}

describe("the checker of Zab", () => {
  it("is content with a run as it should be, a failover in it", () => {
    elect(1, 1, 2);
    for (const member of [1, 2]) batch(member, at(1));
    for (const member of [1, 2]) sync(member);
    for (const member of [1, 2]) checker.committed(member, at(1));
    batch(1, at(2));
    checker.ended(1);
    enter(3, 2, 2);
    enter(2, 2, 2);
    batch(3, at(1));
    sync(3);
    checker.established(2, 2);
    checker.committed(2, at(1));
    for (const member of [2, 3]) batch(member, at(1, 2));
    for (const member of [2, 3]) sync(member);
    checker.committed(3, at(1, 2));
    checker.started(1, sequence);
    write(1, recordType.TRUNCATE, at(1), new Uint8Array(0));
    expect(checker.history.map(({ lastZxid }) => lastZxid)).toEqual([at(1), at(1, 2)]);
  });

  it("Leadership: an epoch has one leader, by a quorum that has entered it on disk", () => {
    elect(1, 1, 2);
    enter(3, 1, 3);
    expect(() => checker.established(3, 1)).toThrow("Leadership1 and 2");
    enter(3, 2, 3);
    expect(() => checker.established(3, 2)).toThrow("established by a quorum's disks");
  });

  it("core.md 23: a commit needs a quorum's disks, and synced means synced", () => {
    elect(1, 1, 2);
    for (const member of [1, 2]) batch(member, at(1));
    sync(1);
    expect(() => checker.committed(1, at(1))).toThrow("committed is what a quorum has on disk");
  });

  it("Integrity: only the leader of an epoch broadcasts in it", () => {
    elect(1, 1, 2);
    expect(() => batch(2, at(1))).toThrow("Integrity");
    expect(() => batch(1, at(1, 2))).toThrow("Integrity");
  });

  it("a zxid means one batch, without a gap, and shared entries have shared pasts", () => {
    elect(1, 1, 2);
    batch(1, at(1));
    expect(() => batch(2, at(1), 2)).toThrow("a zxid means one batch");
    expect(() => batch(1, at(3))).toThrow("no gap");
    batch(1, at(2));
    expect(() => batch(2, at(2))).toThrow("no gap");
    elect(3, 2, 2);
    batch(3, at(1, 2));
    expect(() => batch(1, at(1, 2))).toThrow("logs that share an entry");
  });

  it("PrefixConsistency, LeaderLogCompleteness, PrimaryIntegrity and durability name what is wrong", () => {
    elect(1, 1, 2);
    for (const member of [1, 2]) batch(member, at(1));
    for (const member of [1, 2]) sync(member);
    checker.committed(1, at(1));
    expect(() => write(2, recordType.TRUNCATE, 0, new Uint8Array(0))).toThrow("CommittedLogDurability");
    for (const member of [2, 3]) enter(member, 2, 3);
    expect(() => checker.established(3, 2)).toThrow("LeaderLogCompleteness");
    expect(() => checker.committed(1, 0)).toThrow("CommittedLogMonotonicity");
    expect(() => checker.committed(3, at(1))).toThrow("a member commits what it has");
  });

  it("PrimaryIntegrity: a leader delivers its initial history before it broadcasts", () => {
    elect(1, 1, 2);
    for (const member of [1, 2]) batch(member, at(1));
    for (const member of [1, 2]) sync(member);
    elect(1, 2, 2);
    expect(() => batch(1, at(1, 2))).toThrow("PrimaryIntegrity");
  });

  it("core.md 19: one promise per epoch, none of an earlier one, and the epoch entered is the one promised", () => {
    enter(1, 3, 2);
    const promise = (epoch: number, leaderId: number) => (): void =>
      write(1, recordType.PROMISE, 0, encodePromise({ epoch, leaderId }));
    expect(promise(3, 3)).toThrow("promised to one leader");
    expect(promise(2, 2)).toThrow("promised to one leader");
    expect(() => write(1, recordType.EPOCH, 0, encodeEpoch(4))).toThrow("the epoch entered is the one promised");
  });

  it("ProcessConsistency: who enters an epoch has a prefix of its leader's log", () => {
    elect(1, 1, 2);
    for (const member of [1, 2]) batch(member, at(1));
    write(3, recordType.PROMISE, 0, encodePromise({ epoch: 2, leaderId: 3 }));
    write(2, recordType.PROMISE, 0, encodePromise({ epoch: 2, leaderId: 3 }));
    expect(() => write(2, recordType.EPOCH, 0, encodeEpoch(2))).toThrow("ProcessConsistency");
  });

  it("what survives a power loss counts where the member's word does not any more, too", () => {
    elect(1, 1, 2);
    for (const member of [1, 2]) batch(member, at(1));
    sync(1);
    const reign = { promise: encodePromise({ epoch: 1, leaderId: 1 }), epoch: encodeEpoch(1) };
    checker.cutShort(2, { lastZxid: at(1), ...reign });
    checker.committed(1, at(1));
    expect(checker.history).toHaveLength(1);
  });

  it("what survives a power loss counts, what does not does not", () => {
    elect(1, 1, 2);
    for (const member of [1, 2]) batch(member, at(1));
    sync(1);
    checker.ended(2);
    checker.started(2, 0);
    expect(() => checker.committed(1, at(1))).toThrow("committed is what a quorum has on disk");
    batch(2, at(1));
    sync(2);
    checker.committed(1, at(1));
  });
});
