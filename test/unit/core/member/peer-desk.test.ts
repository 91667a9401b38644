import { describe, expect, it } from "vitest";
import { ByteWriter, encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { batchRange } from "../../../../src/core/member/batch-range.ts";
import { encodeChange, encodeForward, memberMessage } from "../../../../src/core/member/member-message.ts";
import { decodeMendTell, encodeMendAsk, encodeMendTell } from "../../../../src/core/member/mend-message.ts";
import {
  type Issuer,
  writeExpireSession,
  writeOperation,
  writeRaiseFeatureLevel,
  writeReap,
  writeReconfigure,
} from "../../../../src/core/tree/command.ts";
import { encodeConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { readerOf } from "../../../../src/core/zab/peer-message.ts";
import { ensemble } from "../zab/rig-batches.ts";
import { MemberRig } from "./member-rig.ts";

describe("what a leader takes from a follower", () => {
  const duty = (generation: number): Issuer => ({ sessionId: 0, generation, identities: new Uint8Array([0]) });

  function chunk(write: (writer: ByteWriter) => void): Uint8Array {
    const writer = new ByteWriter();
    writer.u32(0);
    write(writer);
    writer.putU32(0, writer.length - 4);
    return encodeForward({ commands: writer.copy(), count: 1 });
  }

  const set = (writer: ByteWriter, issuer: Issuer): void =>
    writeOperation(writer, issuer, 1, 0, { kind: "set", path: "/", data: encodeUtf8("x"), version: -1 });

  it.each([
    ["an expiry", (writer: ByteWriter) => writeExpireSession(writer, duty(1), 5, 1)],
    ["a reap", (writer: ByteWriter) => writeReap(writer, duty(1), encodeUtf8("/a"), 1, 1)],
    ["a raise", (writer: ByteWriter) => writeRaiseFeatureLevel(writer, duty(1), 2)],
    ["a change", (writer: ByteWriter) => writeReconfigure(writer, duty(1), 1, 0, encodeConfiguration(ensemble(1)))],
    ["another member's", (writer: ByteWriter) => set(writer, duty(2))],
    ["what is no command", (writer: ByteWriter) => writer.raw(new Uint8Array(40).fill(255))],
    [
      "bytes behind a command",
      (writer: ByteWriter) => {
        set(writer, duty(1));
        writer.u8(0);
      },
    ],
  ])("core.md 2: %s is refused, before anything of it is journalled, and the link dropped", (_, write) => {
    const rig = MemberRig.of(3);
    const { leader } = rig;
    const before = leader.records.length;
    leader.member.receive(1, chunk(write));
    leader.member.endTurn();
    expect(leader.drops).toHaveLength(1);
    expect(leader.drops[0]).toMatch(/^1: message of type 32: /);
    expect(leader.records).toHaveLength(before);
    rig.pass(1_000);
    expect(rig.at(1).member.role).toBe("follower");
  });

  it.each([
    "",
    "null",
    "7",
    "[]",
    "{}",
    '{"kind":"reconfigure"}',
    '{"kind":"reconfigure","change":7}',
    '{"kind":"transfer"}',
  ])("core.md 25: a change of the ensemble that reads %j drops the link, and the leader goes on", (text) => {
    const rig = MemberRig.of(3);
    const { leader } = rig;
    leader.member.receive(1, encodeChange(memberMessage.CHANGE, { number: 1, text }));
    expect(leader.drops).toHaveLength(1);
    expect(leader.drops[0]).toMatch(/^1: message of type \d+: /);
    rig.pass(1_000);
    expect(rig.at(1).member.role).toBe("follower");
  });

  it("core.md 2: one bad command in a chunk refuses the whole chunk", () => {
    const rig = MemberRig.of(3);
    const { leader } = rig;
    const [good, bad] = [chunk((writer) => set(writer, duty(1))), chunk((writer) => set(writer, duty(2)))];
    const both = new Uint8Array([...good.subarray(5), ...bad.subarray(5)]);
    const before = leader.records.length;
    leader.member.receive(1, encodeForward({ commands: both, count: 2 }));
    leader.member.endTurn();
    expect([leader.drops.length, leader.records.length]).toEqual([1, before]);
    leader.member.receive(2, encodeForward({ commands: both.slice(good.length - 5), count: 1 }));
    leader.member.endTurn();
    expect([leader.drops.length, leader.records.length]).toEqual([1, before + 1]);
  });

  it("core.md 9: what comes while this member does not lead, or from one that is not in sync, is left aside", () => {
    const rig = MemberRig.of(3);
    const frame = chunk((writer) => set(writer, duty(1)));
    const before = rig.at(2).records.length;
    rig.at(2).member.receive(1, frame);
    rig.at(2).member.endTurn();
    expect([rig.at(2).records.length, rig.at(2).drops]).toEqual([before, []]);
    const { leader } = rig;
    leader.member.receive(9, frame);
    leader.member.endTurn();
    expect(leader.drops).toEqual([]);
  });
});

describe("what a member that mends its journal asks of one that runs (core.md 28)", () => {
  it("is answered from the journal, by whoever is asked, and hears where epochs begin", () => {
    const rig = MemberRig.of(3);
    rig.pass(1_000);
    const asker = 9;
    const { lastZxid } = rig.at(1).member.ensemble;
    for (const id of [1, rig.leader.id]) {
      const sent: Uint8Array[] = [];
      rig.at(id).send = (peer, frame) => {
        if (peer === asker) sent.push(frame);
      };
      rig
        .at(id)
        .member.receive(asker, encodeMendAsk({ number: 7, afterZxid: 0, throughZxid: lastZxid, wantsBatches: true }));
      const tell = decodeMendTell(readerOf(sent[0] as Uint8Array));
      expect(tell).toMatchObject({ number: 7, isAll: true, starts: [{ epoch: 1, afterZxid: 0 }] });
      expect(batchRange(tell.batches.at(-1) as Uint8Array).lastZxid).toBe(lastZxid);
    }
  });

  it("is let go when it reads like nothing a member says; an answer from an earlier run goes unheard", () => {
    const rig = MemberRig.of(3);
    rig.at(2).member.receive(1, new Uint8Array([memberMessage.MEND_ASK, 1, 2]));
    rig.at(2).member.receive(3, encodeMendTell({ number: 1, isAll: true, starts: [], batches: [] }));
    expect(rig.at(2).drops).toEqual([expect.stringMatching(/^1: message of type 42: /)]);
  });
});
