import { describe, expect, it } from "vitest";
import { MEND_ANSWER_BYTES_MAX } from "../../../../src/core/base/limits.ts";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import {
  MEND_AGAIN_MS,
  MEND_NOTICE_MS,
  MEND_PATIENCE_MS,
  MEND_TIMEOUT_MS,
} from "../../../../src/core/member/hole-mender.ts";
import { encodeMendTell } from "../../../../src/core/member/mend-message.ts";
import type { HistoryBatch } from "../../../../src/core/zab/zab-contract.ts";
import { batchAt, batches, MendNet, MendNode, startsOf, WholeNode } from "./mend-rig.ts";

/** Of epoch 1, in which nearly everything here happens. */
const one = (counter: number): number => makeZxid(1, counter);
const two = (counter: number): number => makeZxid(2, counter);
const epochOne = (...counters: readonly number[]): HistoryBatch[] => batches(...counters.map(one));
const EIGHT = epochOne(1, 2, 3, 4, 5, 6, 7, 8);
const FIRST = startsOf(EIGHT);

function without(log: readonly HistoryBatch[], ...counters: readonly number[]): HistoryBatch[] {
  return log.filter(({ firstZxid }) => !counters.includes(firstZxid - one(0)));
}

describe("a member whose journal has holes (core.md 28)", () => {
  it("gets what they held, and begins at a batch that both sides hold", () => {
    const net = new MendNet();
    const member = new MendNode(net, 1, without(EIGHT, 3, 4, 7), { starts: FIRST });
    const source = new WholeNode(net, 2, EIGHT);
    net.link(1, 2);
    net.settle();
    expect(member.outcome).toBe("mended");
    expect(member.log).toEqual(EIGHT);
    expect(source.asked.map(({ afterZxid, throughZxid }) => [afterZxid, throughZxid])).toEqual([
      [one(1), one(5)],
      [one(5), one(8)],
    ]);
    expect(member.notices).toEqual(["info: member 2 had 3 batches that the damaged journal lacked"]);
  });

  it("has nothing to ask for when its holes held no batch", () => {
    const net = new MendNet();
    const log = [...epochOne(1, 2), ...batches(two(1))];
    // Behind damage, nothing tells where epoch 1 ended.
    const member = new MendNode(net, 1, log, { starts: startsOf(epochOne(1)) });
    const source = new WholeNode(net, 2, log);
    expect(member.outcome).toBeUndefined();
    net.link(1, 2);
    net.settle();
    expect([member.outcome, member.log]).toEqual(["mended", log]);
    expect(source.asked).toMatchObject([{ wantsBatches: false }]);
  });

  it("learns from where an epoch begins that a lost truncation voided what stands before the hole", () => {
    const net = new MendNet();
    const truth = [...epochOne(1, 2), ...batches(two(1), two(2), two(3))];
    const left = [...epochOne(1, 2, 3, 4), ...batches(two(2), two(3))];
    const member = new MendNode(net, 1, left, { starts: FIRST });
    new WholeNode(net, 2, truth);
    net.link(1, 2);
    net.settle();
    expect([member.outcome, member.log]).toEqual(["mended", truth]);
  });

  it("takes from one whose log went another way only what is of its own", () => {
    const net = new MendNet();
    const truth = [...epochOne(1, 2, 3), ...batches(two(1), two(2))];
    const left = [...epochOne(1), ...batches(two(2))];
    const member = new MendNode(net, 1, left, { starts: FIRST });
    // An old leader that was alone with its last batches has never heard of epoch 2.
    new WholeNode(net, 2, epochOne(1, 2, 3, 4, 5));
    net.link(1, 2);
    net.settle();
    expect(member.outcome).toBeUndefined();
    new WholeNode(net, 3, truth);
    net.link(1, 3);
    net.settle();
    expect([member.outcome, member.log]).toEqual(["mended", truth]);
  });

  it("fills one hole from several members, each of which has a part of it", () => {
    const net = new MendNet();
    const member = new MendNode(net, 1, without(EIGHT, 3, 4, 5, 6), { starts: FIRST });
    new WholeNode(net, 2, without(EIGHT, 5, 6));
    new WholeNode(net, 3, without(EIGHT, 3, 4));
    net.link(1, 2);
    net.link(1, 3);
    net.settle();
    expect([member.outcome, member.log]).toEqual(["mended", EIGHT]);
    expect(member.notices).toEqual([
      "info: member 2 had 2 batches that the damaged journal lacked",
      "info: member 3 had 2 batches that the damaged journal lacked",
    ]);
  });

  it("gives another one that mends what is good, and gets from it what it lacks itself", () => {
    const net = new MendNet();
    const first = new MendNode(net, 1, without(EIGHT, 2, 3), { starts: FIRST });
    const second = new MendNode(net, 2, without(EIGHT, 6), { starts: FIRST });
    net.link(1, 2);
    net.settle();
    expect([first.outcome, second.outcome]).toEqual(["mended", "mended"]);
    expect([first.log, second.log]).toEqual([EIGHT, EIGHT]);
  });

  it("begins above its snapshot, also where that falls into a batch", () => {
    const net = new MendNet();
    const log = [batchAt(one(1), 2), batchAt(one(3), 3), batchAt(one(6), 1)];
    const member = new MendNode(net, 1, log.slice(2), { fromZxid: one(4), starts: [] });
    new WholeNode(net, 2, log);
    net.link(1, 2);
    net.settle();
    expect([member.outcome, member.log]).toEqual(["mended", log.slice(1)]);
  });

  it("asks for more where an answer is full", () => {
    const net = new MendNet();
    const size = MEND_ANSWER_BYTES_MAX / 3;
    const large = Array.from({ length: 10 }, (_, at) => batchAt(one(1 + at), 1, size));
    // A batch larger than an answer comes alone.
    large[4] = batchAt(one(5), 1, 2 * MEND_ANSWER_BYTES_MAX);
    const member = new MendNode(net, 1, [large[0], large[9]] as HistoryBatch[], { starts: FIRST });
    const source = new WholeNode(net, 2, large);
    net.link(1, 2);
    net.settle();
    expect([member.outcome, member.log.length]).toEqual(["mended", 10]);
    expect(source.asked.length).toBeGreaterThan(4);
    expect(source.asked.slice(1).map(({ afterZxid }) => afterZxid)).not.toContain(0);
  });
});

describe("members that do not help", () => {
  it("one that does not answer is passed over after a while, and its late answer does not count", () => {
    const net = new MendNet();
    const member = new MendNode(net, 1, without(EIGHT, 3), { starts: FIRST });
    const mute = new WholeNode(net, 2, EIGHT);
    mute.isMute = true;
    const source = new WholeNode(net, 3, EIGHT);
    net.link(1, 2);
    net.link(1, 3);
    net.pass(MEND_TIMEOUT_MS - 200);
    expect([member.outcome, source.asked.length]).toEqual([undefined, 0]);
    net.pass(400);
    expect([member.outcome, source.asked.length]).toEqual(["mended", 1]);
    const [ask] = mute.asked;
    if (ask !== undefined) net.send(2, 1, mute.answer(ask));
    net.settle();
    expect([member.log, member.drops]).toEqual([EIGHT, []]);
  });

  it("one that goes away in the middle leaves the rest to the next", () => {
    const net = new MendNet();
    const member = new MendNode(net, 1, without(EIGHT, 3), { starts: FIRST });
    const mute = new WholeNode(net, 2, EIGHT);
    mute.isMute = true;
    new WholeNode(net, 3, EIGHT);
    net.link(1, 2);
    net.link(1, 3);
    net.settle();
    net.unlink(1, 2);
    net.settle();
    expect([member.outcome, member.log]).toEqual(["mended", EIGHT]);
  });

  it("one of an older program is not asked", () => {
    const net = new MendNet();
    const member = new MendNode(net, 1, without(EIGHT, 3), { starts: FIRST, old: [2] });
    const old = new WholeNode(net, 2, EIGHT);
    net.link(1, 2);
    net.pass(2 * MEND_NOTICE_MS);
    expect([old.asked, member.outcome]).toEqual([[], undefined]);
    expect(member.notices[0]).toMatch(/member 2 cannot be asked; member 3 is not reachable/);
    // It says that it leads all the same, and has all that is committed.
    old.lead(1);
    net.pass(MEND_PATIENCE_MS);
    expect(member.outcome).toBe("given up");
  });

  const other = (batch: HistoryBatch, byte = 0xff): Uint8Array => {
    const body = batch.body.slice();
    body[body.length - 1] = byte;
    return body;
  };
  const at = (counter: number): HistoryBatch => EIGHT[counter - 1] as HistoryBatch;
  it.each<[string, readonly Uint8Array[], RegExp]>([
    ["another batch where both have one", [other(at(2)), at(3).body], /its batch at 0x100000002 is not the one/],
    [
      "another batch behind the hole",
      [at(2).body, at(3).body, other(at(4))],
      /its batch at 0x100000004 is not the one/,
    ],
    ["batches out of order", [at(3).body, at(2).body], /batches that were not asked for/],
    ["a batch beyond what was asked for", [at(3).body, at(8).body], /batches that were not asked for/],
    ["one before it", [at(1).body], /batches that were not asked for/],
    ["a batch cut short", [at(3).body.subarray(0, 60)], /message of type 43/],
    ["bytes that are no batch", [new Uint8Array(70).fill(0x55)], /message of type 43/],
    ["a batch with more behind it", [new Uint8Array([...at(3).body, 0])], /bytes behind the last command/],
  ])("one that gives %s is let go, not believed and not asked again", (_, bodies, why) => {
    const net = new MendNet();
    const member = new MendNode(net, 1, without(EIGHT, 3), { starts: FIRST });
    const liar = new WholeNode(net, 2, EIGHT);
    liar.isMute = true;
    net.link(1, 2);
    net.settle();
    const number = liar.asked[0]?.number ?? 0;
    net.send(2, 1, encodeMendTell({ number, isAll: true, starts: [], batches: bodies }));
    net.settle();
    expect(member.drops).toEqual([expect.stringMatching(why)]);
    liar.isMute = false;
    net.link(1, 2);
    net.pass(2 * MEND_AGAIN_MS);
    expect([liar.asked.length, member.outcome]).toEqual([1, undefined]);
    new WholeNode(net, 3, EIGHT);
    net.link(1, 3);
    net.settle();
    expect([member.outcome, member.log]).toEqual(["mended", EIGHT]);
  });

  it("what a liar gave before it was found out does not count either", () => {
    const net = new MendNet();
    const member = new MendNode(net, 1, without(EIGHT, 3, 6), { starts: FIRST });
    const liar = new WholeNode(net, 2, EIGHT);
    liar.log[2] = { ...at(3), body: other(at(3)) };
    liar.log[6] = { ...at(7), body: other(at(7)) };
    net.link(1, 2);
    net.settle();
    expect(member.drops).toHaveLength(1);
    new WholeNode(net, 3, EIGHT);
    net.link(1, 3);
    net.settle();
    expect([member.outcome, member.log]).toEqual(["mended", EIGHT]);
  });

  it("one that has an epoch begin elsewhere than this member knows, or before its snapshot, is let go", () => {
    for (const afterZxid of [one(2), one(3)]) {
      const net = new MendNet();
      const log = [...epochOne(4), ...batches(two(2))];
      const member = new MendNode(net, 1, log, { fromZxid: one(3), starts: [{ epoch: 3, afterZxid: two(9) }] });
      const liar = new WholeNode(net, 2, EIGHT);
      liar.isMute = true;
      net.link(1, 2);
      net.settle();
      const starts = afterZxid === one(2) ? [{ epoch: 2, afterZxid }] : [{ epoch: 3, afterZxid: two(8) }];
      net.send(2, 1, encodeMendTell({ number: liar.asked[0]?.number ?? 0, isAll: true, starts, batches: [] }));
      net.settle();
      expect(member.drops).toEqual([expect.stringMatching(/epoch 2 begins before|epoch 3 begins after/)]);
    }
  });
});

describe("what nobody has", () => {
  it("is waited for, loudly: what is missing, who was asked, who is away, what to do; until somebody comes", () => {
    const net = new MendNet();
    const member = new MendNode(net, 1, without(EIGHT, 3, 4, 7), { starts: FIRST });
    new WholeNode(net, 2, without(EIGHT, 3));
    net.link(1, 2);
    net.pass(3 * MEND_NOTICE_MS);
    expect([member.outcome, member.notices.length]).toEqual([undefined, 3]);
    expect(member.notices[0]).toBe(
      "error: this member waits: its damaged journal lacks zxid 0x100000003 to 0x100000004, 0x100000007; member 2 " +
        "was asked and does not have it; member 3 is not reachable; start the members that are away, restore this " +
        "one from a backup, or see `muster ensemble recover`",
    );
    new WholeNode(net, 3, EIGHT);
    net.link(1, 3);
    net.settle();
    expect([member.outcome, member.log]).toEqual(["mended", EIGHT]);
    expect(member.notices.filter((text) => text.startsWith("info"))).toHaveLength(1);
  });

  it("is asked for again: somebody may have been mended meanwhile", () => {
    const net = new MendNet();
    const member = new MendNode(net, 1, without(EIGHT, 3), { starts: FIRST });
    const source = new WholeNode(net, 2, without(EIGHT, 3));
    net.link(1, 2);
    net.settle();
    source.log.splice(2, 0, EIGHT[2] as HistoryBatch);
    net.pass(MEND_AGAIN_MS + 200);
    expect([member.outcome, member.log]).toEqual(["mended", EIGHT]);
  });

  it("is given up when there is a leader, which has all that is committed, and it does not have it either", () => {
    const net = new MendNet();
    const member = new MendNode(net, 1, without(EIGHT, 3), { starts: FIRST });
    // Its journal begins behind what is missing.
    const leader = new WholeNode(net, 2, EIGHT, one(6));
    new WholeNode(net, 3, EIGHT, one(4));
    net.link(1, 2);
    net.link(1, 3);
    net.pass(2 * MEND_PATIENCE_MS);
    expect(member.outcome).toBeUndefined();
    leader.lead(1);
    net.pass(2 * MEND_AGAIN_MS);
    expect(member.outcome).toBe("given up");
    expect(member.notices.at(-1)).toMatch(/^warn: .*0x100000003.* the leader, member 2, has all that is committed$/);
  });

  it("is not given up at once: one that has just started looks through its older segments first", () => {
    const net = new MendNet();
    const member = new MendNode(net, 1, without(EIGHT, 3), { starts: FIRST });
    const leader = new WholeNode(net, 2, EIGHT, one(6));
    net.link(1, 2);
    leader.lead(1);
    net.pass(MEND_PATIENCE_MS - 1_000);
    expect(member.outcome).toBeUndefined();
    leader.log.unshift(...EIGHT.slice(0, 6));
    net.pass(2 * MEND_AGAIN_MS);
    expect([member.outcome, member.log]).toEqual(["mended", EIGHT]);
  });

  it("cannot be told where a whole file is lost: that needs a leader", () => {
    const net = new MendNet();
    const member = new MendNode(net, 1, EIGHT.slice(0, 4), { starts: FIRST, isOpen: true });
    const source = new WholeNode(net, 2, EIGHT);
    net.link(1, 2);
    net.pass(2 * MEND_NOTICE_MS);
    expect(member.outcome).toBeUndefined();
    expect(member.notices[0]).toMatch(/lacks a whole file, nobody knows up to where; member 2 was asked/);
    source.lead(1);
    net.pass(2 * MEND_AGAIN_MS);
    expect(member.outcome).toBe("given up");
  });
});
