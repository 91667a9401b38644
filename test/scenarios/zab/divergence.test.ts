import { describe, expect, it } from "vitest";
import { decodeSync, readerOf } from "../../../src/core/zab/peer-message.ts";
import { secretHash } from "../../support/solo-member.ts";
import { ensemble } from "../../unit/core/zab/rig-batches.ts";
import { MemberWorld } from "./member-world.ts";

/** Three members at one zxid; a client at member 3, which leads, has written something. */
function began(count = 3) {
  const world = MemberWorld.of(count);
  const client = world.at(count).client();
  client.connection.open(secretHash(1), 60_000);
  world.settle();
  client.create("/a", "1");
  world.settle();
  world.pass(500);
  expect([world.haveConverged, client.take()]).toEqual([true, ["opened", "1 create /a"]]);
  return { world, client };
}

function condemned(world: MemberWorld): number[] {
  const { nodes } = world.rig;
  return [...nodes.values()]
    .filter(({ transitions }) => transitions.some(({ kind }) => kind === "condemned"))
    .map(({ id }) => id);
}

describe("core.md 29: trees that differ at one zxid", () => {
  it("a follower's is the wrong one: it serves no more, gets a snapshot, and serves again; nobody else notices", () => {
    const { world, client } = began();
    const own = world.at(1);
    const reader = own.client();
    world.spoil(1, 7);
    client.create("/b", "2");
    world.settle();
    expect(world.haveConverged).toBe(false);
    const from = world.rig.sent.length;
    const acknowledged = own.member.ensemble.lastZxid;
    world.pass(2_000);
    expect([condemned(world), world.installed, world.haveConverged]).toEqual([[1], [1], true]);
    // The wrong tree's clients look for another member; those of the others see nothing of it.
    expect([reader.closed?.reason, client.take()]).toEqual(["NOT_READY", ["2 create /b"]]);
    expect(
      world.rig.sent
        .slice(from)
        .filter(({ name, to }) => name === "SYNC" && to === 1)
        .map(({ frame }) => decodeSync(readerOf(frame)).bySnapshot),
    ).toEqual([false, true]);
    expect(own.member.tree.zxid).toBeGreaterThanOrEqual(acknowledged);
    expect([own.member.role, world.at(3).member.role]).toEqual(["follower", "leader"]);
    client.create("/c");
    world.settle();
    expect([client.take(), world.haveConverged]).toEqual([["3 create /c"], true]);
  });

  it("the leader's is the wrong one: nobody applies it; it steps down, and is repaired before it leads", () => {
    const { world, client } = began();
    world.spoil(3, 7);
    client.create("/b", "2");
    world.settle();
    // What goes wrong at /b is told with the next batch, before any heartbeat: that is not applied on another tree.
    const from = world.rig.sent.length;
    client.create("/c", "3");
    world.settle();
    expect(world.rig.since(from, "PING")).toEqual([]);
    expect(
      [1, 2].map((id) =>
        world
          .at(id)
          .transitions.map(({ kind }) => kind)
          .includes("diverged"),
      ),
    ).toEqual([true, true]);
    world.pass(3_000);
    expect([condemned(world), world.installed, world.haveConverged]).toEqual([[3], [3], true]);
    const roles = world.at(3).roles;
    expect([world.at(3).member.role, roles.filter((role) => role === "leader")]).toEqual(["follower", ["leader"]]);
    expect([world.at(2).member.role, client.closed?.reason]).toEqual(["leader", "NOT_READY"]);
    const other = world.at(1).client();
    for (const path of ["/b", "/c"]) other.get(path);
    world.settle();
    expect(other.take()).toEqual([expect.stringMatching(/get 2$/), expect.stringMatching(/get 3$/)]);
  });

  it("two of five are wrong, in two ways: what three have is right, and both are repaired", () => {
    const { world, client } = began(5);
    world.spoil(1, 7);
    world.spoil(5, 8);
    client.create("/b");
    world.settle();
    world.pass(4_000);
    expect([condemned(world), [...new Set(world.installed)].sort(), world.haveConverged]).toEqual([
      [1, 5],
      [1, 5],
      true,
    ]);
  });

  it("no value has a quorum: all stop, loudly, and nobody serves what may be wrong", () => {
    const { world, client } = began();
    world.spoil(1, 7);
    world.spoil(2, 8);
    client.create("/b");
    world.settle();
    world.pass(2_000);
    expect(world.rig.running).toEqual([]);
    expect([...world.ended.values()]).toEqual(
      Array(3).fill(expect.stringMatching(/^the members' trees differ at 0x[0-9a-f]+, and no quorum has one of them$/)),
    );
    expect(condemned(world)).toEqual([]);
  });

  it("is decided by a quorum only: while one is away, two that differ wait; back again, it says who is right", () => {
    for (const wrong of [2, 3]) {
      const { world, client } = began();
      world.cutOff(1);
      world.spoil(wrong, 7);
      client.create("/b", "2");
      world.settle();
      world.pass(3_000);
      expect([wrong, condemned(world), world.ended.size, world.haveConverged]).toEqual([wrong, [], 0, false]);
      // The next batch says what its leader had: who has another tree applies it not, and shows nobody its own.
      client.create("/c", "3");
      world.settle();
      const reader = world.at(2).client();
      reader.get("/b");
      expect([wrong, reader.take()]).toEqual([wrong, ["1 NOT_READY"]]);
      world.rig.heal();
      world.pass(4_000);
      expect([wrong, condemned(world), world.installed, world.haveConverged]).toEqual([wrong, [wrong], [wrong], true]);
    }
  });

  it("one that has said what it has need not stay to be counted: nobody stops because its link has gone since", () => {
    const { world, client } = began();
    world.cutOff(1);
    world.spoil(3, 7);
    client.create("/b", "2");
    world.settle();
    world.pass(300);
    world.rig.part(2, 3);
    world.rig.join(1, 3);
    world.pass(600);
    expect([condemned(world), world.ended.size]).toEqual([[3], 0]);
    world.rig.heal();
    world.pass(4_000);
    expect([world.installed, world.haveConverged]).toEqual([[3], true]);
  });

  /** Member 3 led with a wrong tree; 1 is held up where 2 remembers nothing, 2 further on; then 3 is gone. */
  function heldUpApart() {
    const { world, client } = began();
    const reader = world.at(1).client();
    world.cutOff(1);
    world.spoil(3, 7);
    client.create("/b", "2");
    world.settle();
    world.forget(2);
    for (const path of ["/c", "/d", "/f", "/g"]) {
      client.create(path, "3");
      world.settle();
    }
    return { world, reader };
  }

  const heldUp = (world: MemberWorld, id: number): number =>
    world.at(id).transitions.filter(({ kind }) => kind === "diverged").length;

  const onProbation = (world: MemberWorld, id: number): number =>
    world.at(id).transitions.filter(({ kind }) => kind === "on-probation").length;

  it("where nobody remembers, nobody is condemned: two right ones come to lead and serve, the wrong one gone", () => {
    const { world, reader } = heldUpApart();
    world.cutOff(3);
    world.rig.join(1, 2);
    world.pass(5_000);
    expect([condemned(world), world.installed, world.ended.size]).toEqual([[], [], 0]);
    expect([onProbation(world, 1), onProbation(world, 2), reader.closed?.reason]).toEqual([1, 0, "NOT_READY"]);
    // Every batch of the wrong leader's differs from what it has; it is held up by the first of them only.
    expect(heldUp(world, 1)).toBe(1);
    expect([1, 2].map((id) => world.at(id).member.role).sort()).toEqual(["follower", "leader"]);
    expect([1, 2].map((id) => world.at(id).member.isServing)).toEqual([true, true]);
    expect(world.states().get(1)).toBe(world.states().get(2));
    const other = world.at(1).client();
    other.create("/e", "5");
    other.get("/e");
    world.settle();
    expect(other.take()).toEqual(["1 create /e", expect.stringMatching(/get 5$/)]);
    // The third is wrong, by a quorum, once it is back.
    world.rig.heal();
    world.pass(5_000);
    expect([condemned(world), world.installed, world.haveConverged]).toEqual([[3], [3], true]);
  });

  it("one on probation serves nobody and keeps no snapshot, while no quorum has what it has", () => {
    const { world } = heldUpApart();
    world.cutOff(3);
    world.spoil(1, 9);
    world.rig.join(1, 2);
    world.pass(5_000);
    const own = world.at(1);
    expect([condemned(world), onProbation(world, 1), own.member.isServing, own.member.isAtRest]).toEqual([
      [],
      1,
      false,
      false,
    ]);
    const reader = own.client();
    reader.get("/a");
    world.settle();
    expect(reader.take()).toEqual(["1 NOT_READY"]);
  });

  it("an observer's word decides nothing, and it is repaired like any other", () => {
    const observers = [4, 5, 6].map((id) => ({ id, role: "observer" }) as const);
    const world = new MemberWorld(ensemble(1, 2, 3, ...observers));
    const client = world.at(3).client();
    for (const { id } of observers) world.spoil(id, 7);
    client.create("/a");
    world.settle();
    world.pass(3_000);
    expect([condemned(world), [...new Set(world.installed)].sort(), world.haveConverged]).toEqual([
      [4, 5, 6],
      [4, 5, 6],
      true,
    ]);
    expect(world.at(4).member.role).toBe("observer");
  });
});
