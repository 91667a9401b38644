import type { Member } from "../../src/core/member/member.ts";
import { SessionTracker } from "../../src/core/member/session-tracker.ts";
import type { Quorum } from "../../src/core/zab/quorum.ts";
import type { Zab } from "../../src/core/zab/zab.ts";

/** Defects that can be put into a simulated world, each of which the checkers have to notice. */
export const faults = [
  /** A record is called durable before it is written. */
  "acknowledge-before-sync",
  /** The promise of an epoch and the epoch itself are not written down. */
  "forget-epochs",
  /** One event in twenty is not told. */
  "lose-events",
  /** A repeated request is applied afresh. */
  "forget-requests",
  /** A round's newest znode is missing from the snapshot. */
  "lose-snapshot-rows",
  /** The disk says that it has synced, and has not. */
  "lying-disk",
  /** A session ends when it has been silent for a third of its time. */
  "impatient-leader",
  /** An answer overtakes the one before it. */
  "overtaking-answers",
  /** Segments go before the snapshot that replaces them is committed. */
  "prune-too-early",
  /** A member says that it has entered an epoch before that, and the data before it, are on disk. */
  "enter-epoch-unsynced",
  /** A member takes part in an epoch it has promised to nobody. */
  "skip-promise",
  /** A leader commits what it alone has on disk. */
  "commit-alone",
  /** A barrier asks no quorum. */
  "instant-barrier",
  /** A follower keeps what its leader does not have. */
  "keep-tail",
  /** A truncation is not written down. */
  "swallow-truncation",
  /** A member whose disk was lost counts as if it was not. */
  "keep-incarnation",
  /** A member whose journal has a hole cuts it off there, and counts. */
  "cut-at-hole",
] as const;
export type Fault = (typeof faults)[number];

/** Of these a world needs several members. */
export const ensembleFaults: readonly Fault[] = [
  "enter-epoch-unsynced",
  "skip-promise",
  "commit-alone",
  "instant-barrier",
  "keep-tail",
  "swallow-truncation",
  "keep-incarnation",
  "cut-at-hole",
];

/** Puts those in that are in the core: reaches into it, since no setting of it is this wrong. */
export function plant(fault: Fault | undefined, member: Member, zab: Zab): void {
  if (fault === "impatient-leader") {
    const sessions = findTracker(member, 4) as SessionTracker;
    const add = sessions.add.bind(sessions);
    sessions.add = (id, timeoutMs) => add(id, timeoutMs / 3);
  } else if (fault === "enter-epoch-unsynced") {
    const { replica } = zab;
    const enter = replica.enterEpoch.bind(replica);
    replica.enterEpoch = (epoch, done) => {
      enter(epoch, () => undefined);
      replica.currentEpoch = epoch;
      done();
    };
  } else if (fault === "skip-promise") {
    const { replica } = zab;
    replica.promise = (epoch, leaderId, done) => {
      replica.acceptedEpoch = epoch;
      replica.promisedTo = leaderId;
      done();
    };
  } else if (fault === "keep-tail") {
    zab.replica.truncate = () => undefined;
  } else if (fault === "commit-alone") commitAlone(zab);
  else if (fault === "instant-barrier") {
    const { clientDesk } = member as unknown as { clientDesk: { barrier(): { zxid: number } } };
    clientDesk.barrier = () => ({ zxid: 0 });
  }
}

/** Wherever a member keeps it. */
function findTracker(value: unknown, depth: number): SessionTracker | undefined {
  if (value instanceof SessionTracker) return value;
  if (depth === 0 || typeof value !== "object" || value === null) return undefined;
  for (const part of Object.values(value)) {
    const found = findTracker(part, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function commitAlone({ replica }: Zab): void {
  const quorumOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(replica), "quorum")?.get as () => Quorum;
  const wrong = new WeakMap<Quorum, Quorum>();
  Object.defineProperty(replica, "quorum", {
    get: () => {
      const right = quorumOf.call(replica);
      let made = wrong.get(right);
      if (made === undefined) {
        made = Object.assign(Object.create(right), {
          highestReached: (reached: ReadonlyMap<number, number>) => Math.max(0, ...reached.values()),
        }) as Quorum;
        wrong.set(right, made);
      }
      return made;
    },
  });
}
