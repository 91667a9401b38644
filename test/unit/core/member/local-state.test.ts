import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../../src/core/base/assert.ts";
import { FormatError } from "../../../../src/core/base/bytes.ts";
import { EventFanout } from "../../../../src/core/member/event-fanout.ts";
import { LocalState } from "../../../../src/core/member/local-state.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";
import { SoloMember } from "../../../support/solo-member.ts";

function fresh(): LocalState {
  const fanout = new EventFanout();
  return new LocalState({ tree: Tree.fresh(3, fanout), fanout }, 64 * 1024);
}

/** Batches of a leader: 1, 1, 3 and 2 commands behind the raise of the feature level and the session's opening. */
function history(): { solo: SoloMember; bodies: Uint8Array[] } {
  const solo = SoloMember.leading();
  const client = solo.session();
  for (const count of [1, 1, 3, 2]) {
    for (let i = 0; i < count; i++) client.create("/n-", "", 2);
    solo.settle();
  }
  return { solo, bodies: solo.batches.map(({ body }) => body) };
}

describe("LocalState", () => {
  it("replays batches to the tree, the digest and the history its leader had", () => {
    const { solo, bodies } = history();
    const state = fresh();
    for (const body of bodies) state.replay(body);
    const { tree } = solo.member;
    expect([state.tree.zxid, state.batchEndZxid, state.digests.zxid]).toEqual([tree.zxid, tree.zxid, tree.zxid]);
    expect(state.tree.state.digest.lanes()).toEqual(tree.state.digest.lanes());
    expect(state.snapshotMeta(64 * 1024)).toEqual(solo.member.snapshotMeta(64 * 1024));
  });

  it("core.md 34: knows when a batch is half applied; then there is no next one, and no snapshot", () => {
    const { bodies } = history();
    const state = fresh();
    for (const body of bodies.slice(0, 4)) state.replay(body);
    const end = state.batchEndZxid;
    state.beginBatch(bodies[4] as Uint8Array);
    state.applyNext();
    expect([state.isBetweenBatches, state.batchEndZxid, state.tree.zxid]).toEqual([false, end, end + 1]);
    expect(state.commandBytes).toBeGreaterThan(0);
    expect(() => state.beginBatch(bodies[5] as Uint8Array)).toThrow(InvariantError);
    expect(() => state.endBatch()).toThrow(InvariantError);
    expect(() => state.snapshotMeta(0)).toThrow("a round begins between batches");
    state.applyNext();
    state.applyNext();
    state.endBatch();
    expect([state.isBetweenBatches, state.batchEndZxid]).toEqual([true, end + 3]);
  });

  it("core.md 29: tells the zxid at which a batch's leader had another digest, and does not replay over it", () => {
    const { bodies } = history();
    const state = fresh();
    for (const body of bodies.slice(0, 4)) state.replay(body);
    expect(state.disagreement(bodies[4] as Uint8Array)).toBe(0);
    state.tree.state.digest.lane1 ^= 4;
    const last = bodies.at(-1) as Uint8Array;
    // Nothing is known here of the zxid that the last one names.
    expect(state.disagreement(last)).toBe(0);
    const other = fresh();
    for (const body of bodies.slice(0, 3)) other.replay(body);
    other.tree.state.digest.lane1 ^= 4;
    other.replay(bodies[3] as Uint8Array);
    expect(other.disagreement(bodies[4] as Uint8Array)).toBe(other.batchEndZxid);
    expect(() => other.replay(bodies[4] as Uint8Array)).toThrow("digest differs");
  });

  it("core.md 4: refuses bytes that are no batch", () => {
    const state = fresh();
    expect(() => state.replay(new Uint8Array(10))).toThrow(FormatError);
    expect(state.tree.zxid).toBe(0);
  });
});
