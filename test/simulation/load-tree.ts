import type { Prng } from "../../src/core/base/prng.ts";
import { EventFanout } from "../../src/core/member/event-fanout.ts";
import type { LoadedState } from "../../src/core/member/local-state.ts";
import { Tree } from "../../src/core/tree/tree.ts";
import type { MemorySnapshot } from "../../src/storage/snapshot/memory-snapshot-store.ts";
import type { Fault } from "./faults.ts";

/** The tree as a snapshot has it; a fresh one where there is none. */
export function loadTree(snapshot: MemorySnapshot, random: Prng, fault: Fault | undefined): LoadedState {
  let history: Uint8Array | undefined;
  const fanout = makeFanout(random, fault);
  const tree = Tree.load(random.uint32(), fanout, (rows) => {
    const meta = snapshot.load(rows);
    history = meta?.history;
    return meta;
  });
  return { tree, fanout, history };
}

export function makeFanout(random: Prng, fault: Fault | undefined): EventFanout {
  const fanout = new EventFanout();
  if (fault !== "lose-events") return fanout;
  const record = fanout.record.bind(fanout);
  fanout.record = (...event) => {
    if (!random.chance(0.05)) record(...event);
  };
  return fanout;
}
