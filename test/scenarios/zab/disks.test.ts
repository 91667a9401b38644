import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/core/base/bytes.ts";
import type { Client } from "../../support/solo-member.ts";
import { MemberRig } from "../../unit/core/member/member-rig.ts";
import { DiskWorld } from "./disk-world.ts";

const EPHEMERAL = 1;
const ELECTION_MS = 3_000;

function fill(world: DiskWorld, client: Client, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    client.create(`/n${i}`, "x".repeat(100));
    world.pass(1);
  }
}

function lastAnswer(client: Client): string {
  return client.told.at(-1) ?? "";
}

function has(world: DiskWorld, id: number, path: string): boolean {
  return world.at(id).checker.replay.model.nodes.has(path);
}

describe("truncation on a disk", () => {
  it("Z-4837: with snapshots taken all the while leaves no ephemeral of the lost tail anywhere", () => {
    const world = new DiskWorld({ roundBytes: 500 });
    const { leader } = world;
    const client = world.session(leader.id);
    const other = world.session(leader.id === 1 ? 2 : 1);
    fill(world, client, 0, 20);
    client.create("/kept", "", EPHEMERAL);
    world.until(() => world.haveConverged);
    world.cutOff(leader.id);
    const before = leader.zab.lastZxid;
    for (let i = 0; i < 5; i++) client.create(`/lost${i}`, "", EPHEMERAL);
    world.pass(50);
    expect([leader.zab.lastZxid > before, leader.zxid]).toEqual([true, before]);
    const lost = leader.zab.lastZxid;
    // While it still believes to lead, nothing of that is in a snapshot (core.md 23).
    world.pass(ELECTION_MS);
    fill(world, other, 100, 120);
    world.powerLoss(leader.id);
    const meta = world.machine(leader.id).snapshot.meta;
    expect([meta !== undefined && meta.zxid <= before, world.leader.id === leader.id]).toEqual([true, false]);
    world.converge();
    world.restartAll();
    for (const id of [1, 2, 3]) {
      expect([has(world, id, "/kept"), has(world, id, "/lost0"), has(world, id, "/n119")]).toEqual([true, false, true]);
      expect(world.at(id).zab.lastZxid).toBeGreaterThan(lost);
    }
  });

  it("Z-5094, Z-1156: interrupted by a power loss at any call of the disk, is made good, in the journal as in memory", {
    timeout: 60_000,
  }, () => {
    let calls = 0;
    for (let isInterrupted = true; isInterrupted; calls++) {
      const world = new DiskWorld();
      const { leader } = world;
      const id = leader.id;
      const client = world.session(id);
      fill(world, client, 0, 5);
      world.cutOff(id);
      for (let i = 0; i < 5; i++) client.create(`/lost${i}`);
      const other = world.session(world.leaderBesides(id).id);
      fill(world, other, 100, 105);
      client.connection.detach();
      world.powerLossAtCall(id, calls + 1);
      world.heal();
      world.pass(ELECTION_MS);
      isInterrupted = !world.isUp(id);
      world.machine(id).disk.powerLossAt = Number.POSITIVE_INFINITY;
      world.converge();
      world.restartAll();
      expect([calls, has(world, id, "/n104")]).toEqual([calls, true]);
    }
    expect(calls).toBeGreaterThan(5);
  });

  it("Z-3701: on a full disk is done in what was claimed before; then no more is taken, and nobody is held up", () => {
    const world = new DiskWorld({ roundBytes: 2 ** 30 });
    const { id } = world.leader;
    const client = world.session(id);
    fill(world, client, 0, 5);
    world.cutOff(id);
    for (let i = 0; i < 5; i++) client.create(`/lost${i}`);
    const next = world.leaderBesides(id).id;
    const lost = world.at(id).zab.lastZxid;
    world.powerLoss(id);
    const { disk } = world.machine(id);
    world.start(id);
    disk.capacity = disk.used();
    world.heal();
    const other = world.session(next);
    fill(world, other, 100, 400);
    world.until(() => lastAnswer(other) === "300 create /n399");
    const full = world.at(id);
    expect([full.zab.durableZxid > lost, full.zab.durableZxid < world.leader.zab.commitZxid]).toEqual([true, true]);
    disk.capacity = Number.POSITIVE_INFINITY;
    world.converge();
    world.restartAll();
    expect([1, 2, 3].map((each) => [has(world, each, "/lost0"), has(world, each, "/n399")])).toEqual(
      Array(3).fill([false, true]),
    );
  });
});

describe("a snapshot for a learner", () => {
  /** Member 1 was away for longer than the journals of the others reach back. */
  function outdated(): DiskWorld {
    const world = new DiskWorld({ zab: { recentBytes: 0 } });
    if (world.leader.id === 1) world.powerLoss(1);
    world.until(() => world.leader.id !== 1 && world.leader.member.isLed);
    const client = world.session(world.leader.id);
    if (world.isUp(1)) world.powerLoss(1);
    for (let i = 0; i < 80; i++) {
      client.create(`/n${i}`, "x".repeat(900));
      world.pass(3);
    }
    world.until(() => lastAnswer(client) === "80 create /n79");
    return world;
  }

  it("Z-2872, Z-3642, Z-3104: interrupted by a power loss at any call of its disk, leaves the old tree or the new", {
    timeout: 60_000,
  }, () => {
    let calls = 0;
    let installs = 0;
    for (let isInterrupted = true; isInterrupted; calls++) {
      const world = outdated();
      world.start(1);
      world.powerLossAtCall(1, calls + 1);
      world.until(() => !world.isUp(1) || world.haveConverged);
      // It goes on writing for a while.
      world.pass(200);
      isInterrupted = !world.isUp(1);
      if (isInterrupted) world.start(1);
      world.until(() => world.haveConverged);
      if ((world.machine(1).snapshot.meta?.zxid ?? 0) > 0) installs++;
      world.converge();
      world.powerLoss(1);
      world.converge();
      expect([calls, has(world, 1, "/n79")]).toEqual([calls, true]);
    }
    expect([calls > 3, installs]).toEqual([true, calls]);
  });

  it("Z-3144, Z-3145, Z-3127, Z-3306, Z-3471, Z-4846: amid writes, is the tree of one zxid", () => {
    const world = new DiskWorld({ roundBytes: 300 });
    const client = world.session(world.leader.id);
    const acls = [1, 3, 7].map((permissions) => [{ scheme: "world", id: "anyone", permissions: permissions | 24 }]);
    client.create("/p");
    for (let i = 0; i < 60; i++) {
      const operations = [
        { kind: "create", path: `/p/m${i}-`, data: encodeUtf8("x".repeat(i)), mode: 2 },
        { kind: "create", path: `/p/e${i}`, data: encodeUtf8(""), mode: EPHEMERAL },
        { kind: "set", path: "/p", data: encodeUtf8(String(i)), version: -1 },
      ] as const;
      client.connection.submit(1_000 + 2 * i, 0, { kind: "multi", operations });
      client.connection.submit(1_001 + 2 * i, 0, {
        kind: "set-acl",
        path: `/p/e${i}`,
        acl: acls[i % 3] ?? [],
        version: -1,
      });
      if (i % 3 === 0) {
        const brief = world.session(world.leader.id);
        brief.create(`/p/brief${i}`, "", EPHEMERAL);
        brief.connection.close();
      }
      world.pass(2);
      // Each of the three in turn loses its power with a round half taken.
      if (i % 10 === 9) {
        const victim = [1, 2, 3].find((id) => world.at(id).zab.isFollowing) as number;
        world.powerLoss(victim);
        world.converge();
      }
    }
    world.restartAll();
    const { model } = world.at(1).checker.replay;
    expect([...model.nodes.keys()].filter((path) => path.startsWith("/p/brief"))).toEqual([]);
    expect([...model.nodes.keys()].filter((path) => path.startsWith("/p/e"))).toHaveLength(60);
  });
});

describe("core.md 23: what a follower has applied and not yet on its own disk", () => {
  it("is in no snapshot before it is there", () => {
    const rig = MemberRig.of(3);
    const client = rig.session(3);
    client.create("/a");
    rig.settle();
    const own = rig.at(1);
    expect(own.member.isAtRest).toBe(true);
    own.holdsDisk = true;
    client.create("/b");
    rig.settle();
    // The two others have it, so it is committed, and told.
    const { zxid } = rig.leader.member.tree;
    expect([own.member.tree.zxid, own.member.ensemble.durableZxid < zxid, own.member.isAtRest]).toEqual([
      zxid,
      true,
      false,
    ]);
    own.holdsDisk = false;
    rig.settle();
    expect([own.member.ensemble.durableZxid, own.member.isAtRest]).toEqual([zxid, true]);
  });
});
