import { decodeSync, readerOf, type Sync } from "../../../src/core/zab/peer-message.ts";
import type { MessageName, RigMember } from "../../unit/core/zab/zab-rig.ts";
import { ZabRig } from "../../unit/core/zab/zab-rig.ts";

/** From its loss to the next leader that takes proposals, ms, at most: silence is noticed, and a quorum agrees. */
export const ELECTION_MS = 3_000;

/** The others cannot reach this member, nor it them. */
export function isolate(rig: ZabRig, id: number): void {
  rig.partition(
    [id],
    [...rig.members.keys()].filter((other) => other !== id),
  );
}

/** One of three has a batch on its disk, the last of its log, that nobody else has ever seen; nobody runs any more. */
export function oneHasMore(id: number): { readonly rig: ZabRig; readonly zxid: number } {
  const rig = ZabRig.settled(3);
  rig.commit();
  if (rig.leader.id !== id) rig.leader.zab.handOver(id);
  rig.settle();
  isolate(rig, id);
  rig.at(id).propose();
  rig.at(id).sync();
  const zxid = rig.at(id).zab.lastZxid;
  for (const each of [1, 2, 3]) rig.kill(each);
  rig.heal();
  return { rig, zxid };
}

/** What of a member's log is in force, by last zxids. */
export function logOf(member: RigMember): number[] {
  return member.batchesAfter(0).map(({ lastZxid }) => lastZxid);
}

/** Every member that runs has applied the same, all of its log. */
export function haveConverged(rig: ZabRig): boolean {
  const states = rig.running.map(({ state, zab }) => `${state.zxid} ${state.checksum} ${zab.lastZxid}`);
  return new Set(states).size === 1 && rig.running.every(({ zab, state }) => state.zxid === zab.lastZxid);
}

/** How a learner was told to begin, since `from`. */
export function syncsTo(rig: ZabRig, id: number, from: number): Sync[] {
  const sent = rig.sent.slice(from).filter(({ to, name }) => to === id && name === "SYNC");
  return sent.map(({ frame }) => decodeSync(readerOf(frame)));
}

/** What a member has sent since `from`, by these names. */
export function sentBy(rig: ZabRig, id: number, from: number, ...names: MessageName[]): string[] {
  return rig.since(from, ...names).filter((each) => each.startsWith(`${id}>`));
}

/** Lets time pass until a leader takes proposals; how long that took, ms. */
export function timeToLeader(rig: ZabRig, patienceMs = 10_000): number {
  const since = rig.time;
  while (!rig.running.some(({ zab }) => zab.isEstablished)) {
    if (rig.time - since > patienceMs) throw new Error(`no leader within ${patienceMs} ms`);
    rig.pass(50);
  }
  return rig.time - since;
}

/** One message of each way, and what members do by themselves, so many times, or until it is so. */
export function takeTurns(rig: ZabRig, count: number, isOver: () => boolean = () => false): void {
  let left = count;
  rig.until(() => isOver() || left-- === 0);
}
