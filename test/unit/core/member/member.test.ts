import { expect, test } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import { BatchReader } from "../../../../src/core/tree/batch.ts";
import { FEATURE_LEVEL } from "../../../../src/core/tree/feature-level.ts";
import { decodeConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import { recordType } from "../../../../src/core/zab/journal-record.ts";
import { SoloMember } from "../../../support/solo-member.ts";

test("ARCHITECTURE 3: what arrives in one turn is one proposal, answered once it is durable", () => {
  const solo = SoloMember.leading();
  const clients = [solo.session(), solo.session(), solo.session()];
  const before = solo.batches.length;
  for (const client of clients) for (let i = 0; i < 5; i++) client.create(`/${client.connection.sessionId}-${i}`);
  solo.member.endTurn();
  expect(solo.batches.length).toBe(before + 1);
  expect(clients.map((client) => client.told.length)).toEqual([1, 1, 1]);
  solo.sync();
  expect(clients.map((client) => client.told.length)).toEqual([6, 6, 6]);
});

test("core.md 1: a batch carries epoch, first zxid, rising time and the feature level", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  const times: number[] = [];
  const reader = new BatchReader();
  for (const step of [5, -60_000, 10]) {
    solo.wall += step;
    solo.time += 1;
    client.create(`/t${step}`);
    solo.settle();
    const header = reader.open(solo.batches.at(-1)?.body ?? new Uint8Array(0));
    expect(header.firstZxid).toBe(makeZxid(1, solo.batches.length));
    expect(header.featureLevel).toBe(FEATURE_LEVEL);
    times.push(header.time);
  }
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(new Set(times).size).toBe(3);
});

test("zab: promise, then epoch record, each durable, before the first proposal; the configuration first of all", () => {
  const solo = new SoloMember();
  solo.member.start();
  expect(solo.records.map(({ type }) => type)).toEqual([recordType.CONFIGURATION, recordType.PROMISE]);
  expect(decodeConfiguration(solo.records[0]?.body ?? new Uint8Array(0)).members).toHaveLength(1);
  const client = solo.client();
  client.create("/early");
  expect(client.take()).toEqual(["1 NOT_READY"]);
  solo.sync();
  expect(solo.records.at(-1)?.type).toBe(recordType.EPOCH);
  expect(solo.member.isServing).toBe(false);
  solo.sync();
  expect(solo.member.isServing).toBe(true);
  expect(solo.member.epoch).toBe(1);
});

test("zab: when the counter is used up, a new epoch begins under the same leader, without an election", () => {
  const solo = SoloMember.leading({ counterMax: 5 });
  const client = solo.session();
  for (let i = 0; i < 12; i++) {
    client.create(`/n${i}`);
    solo.settle();
  }
  expect(client.take()).toHaveLength(13);
  expect(solo.member.epoch).toBe(3);
  // The leader raised the feature level first.
  expect(solo.member.tree.zxid).toBe(makeZxid(3, 4));
  const roles = solo.transitions.flatMap((event) => (event.kind === "role" ? [event.role] : []));
  expect(roles).toEqual(["looking", "leader", "leader", "leader"]);
});

test("nothing is lost while the journal has no room: batches wait, then OVERLOADED", () => {
  const solo = SoloMember.leading({ outstandingBytesMax: 3 * 1024 * 1024 });
  const client = solo.session();
  client.take();
  solo.room = false;
  const data = "x".repeat(500_000);
  for (let i = 0; i < 10; i++) client.create(`/big${i}`, data);
  solo.settle();
  expect(client.take()).toEqual([]);
  solo.room = true;
  solo.member.roomMade();
  solo.settle();
  const told = client.take();
  expect(told.slice(0, 7)).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `${i + 1} create /big${i}`));
  expect(told.slice(7)).toEqual(["8 OVERLOADED", "9 OVERLOADED", "10 OVERLOADED"]);
});

test("core.md 32, 39: without room on disk or in memory only what makes room is taken", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  client.create("/a");
  solo.settle();
  client.take();
  solo.member.pressure.disk = true;
  client.create("/b");
  solo.member.pressure.disk = false;
  solo.member.pressure.memory = true;
  client.set("/a", "1");
  client.connection.submit(9, 0, { kind: "delete", path: "/a", version: -1 });
  client.connection.close();
  solo.settle();
  expect(client.take()).toEqual(["2 NO_SPACE", "3 NO_MEMORY", "9 none", "closed as asked"]);
});

test("core.md 29: replay compares the digest of each batch's header at equal zxid", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  for (let i = 0; i < 5; i++) {
    client.create(`/n${i}`);
    solo.settle();
  }
  const replay = (spoil: boolean): SoloMember => {
    return new SoloMember({}, { acceptedEpoch: 1, currentEpoch: 1 }, undefined, (state) => {
      for (const [at, { body }] of solo.batches.entries()) {
        if (spoil && at === 3) state.tree.state.digest.lane0 ^= 1;
        state.replay(body);
      }
    });
  };
  expect(replay(false).member.tree.state.digest.lanes()).toEqual(solo.member.tree.state.digest.lanes());
  expect(() => replay(true)).toThrow(InvariantError);
});

test("applying is sliced: other work gets its turn between 512 commands", () => {
  const solo = SoloMember.leading({ outstandingBytesMax: 1e9 });
  const client = solo.session();
  for (let i = 0; i < 1300; i++) client.create(`/n${i}`);
  solo.sync();
  expect(client.told.length).toBe(1 + 512);
  expect(solo.member.isAtRest).toBe(false);
  solo.settle();
  expect(solo.member.isAtRest).toBe(true);
  expect(client.told.length).toBe(1 + 1300);
});

test("a stopping member answers what is in flight and takes nothing new", () => {
  const solo = SoloMember.leading();
  const client = solo.session();
  client.create("/a");
  solo.member.stop();
  client.create("/b");
  solo.settle();
  expect(client.take()).toEqual(["opened", "1 create /a", "2 STOPPING"]);
  expect(solo.member.isIdle).toBe(true);
  solo.member.shutDown();
  expect(client.take()).toEqual(["closed STOPPING"]);
  expect(solo.member.role).toBe("stopped");
});

test("core.md 7: containers and TTL znodes go when childless and due, by the leader's own time", () => {
  const solo = SoloMember.leading();
  const client = solo.session(3_600_000);
  client.connection.submit(1, 0, { kind: "create", path: "/c", data: new Uint8Array(0), mode: 4 });
  client.connection.submit(2, 0, { kind: "create", path: "/t", data: new Uint8Array(0), mode: 5, ttlMs: 5_000 });
  client.connection.submit(3, 0, { kind: "create", path: "/c/x", data: new Uint8Array(0), mode: 0 });
  solo.settle();
  solo.wall += 3_600_000;
  solo.pass(4_000);
  client.connection.submit(4, 0, { kind: "set", path: "/t", data: new Uint8Array(0), version: -1 });
  solo.pass(4_500);
  const has = (path: string): boolean => {
    client.take();
    client.get(path);
    return !client.take()[0]?.endsWith("NODE_NOT_FOUND");
  };
  expect([has("/c"), has("/t")]).toEqual([true, true]);
  solo.pass(2_000);
  expect([has("/c"), has("/t")]).toEqual([true, false]);
  client.connection.submit(5, 0, { kind: "delete", path: "/c/x", version: -1 });
  solo.pass(120_000);
  expect(has("/c")).toBe(false);
});
