import { expect, test } from "vitest";
import { Violation } from "../simulation/violation.ts";
import { EnsembleRig, KEEP_ALL } from "./ensemble-rig.ts";
import { checkHistory, type Seen } from "./history-check.ts";
import { commonLog } from "./members-log.ts";
import type { Recorded } from "./recorder.ts";
import { Workload } from "./workload.ts";

/** Of each kind of operation that is lied about, by the client that is lied about. */
const ENOUGH = 12;

/** Lies about what clients saw, each with the rule that is expected to catch it. */
const LIES: readonly (readonly [string, (seen: Seen) => void])[] = [
  ["no acknowledged write is lost", (seen) => invent(seen)],
  ["nothing is applied twice, or unasked", ({ operations }) => drop(operations, isWrite)],
  ["nothing is applied twice, or unasked", (seen) => deny(last(seen, isWrite))],
  ["an answer is the model's", (seen) => swap(seen, isSet, "answer")],
  ["the log holds what was asked", (seen) => swap(seen, isSet, "write")],
  ["a read is the state at its zxid", (seen) => swap(seen, isGet, "answer")],
  ["a client never goes back", (seen) => swap(seen, isGet, "zxid")],
  ["zxids follow real time", (seen) => stale(seen)],
  ["an event comes before the answer that reveals it", (seen) => swap(seen, isSet, "toldZxid")],
  ["every event once, in order", ({ watches }) => void watches[0]?.events.splice(10, 1)],
  ["every event once, in order", ({ watches }) => repeat(watches[0]?.events ?? [], 10)],
  ["every event once, in order", ({ watches }) => void watches[0]?.events.reverse()],
  ["every event is told", ({ watches }) => void watches[0]?.events.pop()],
];

test("the checker accepts what was seen, and none of the lies about it", async () => {
  const rig = await EnsembleRig.start({ options: KEEP_ALL });
  const load = await Workload.start(rig);
  const kinds = [isSet, isGet, isLinearizable];
  while (!kinds.every((kind) => chosen(load.recorder, kind).length >= ENOUGH)) await load.progress();
  await load.finish();
  await load.close();
  const endZxid = await rig.converged();
  await rig.stopAll();
  const history = commonLog(rig.members, endZxid);
  const check = (seen: Seen) => checkHistory(history, seen, { endZxid: load.endZxid }).checked;
  expect(check(load.recorder).writes).toBeGreaterThan(50);
  for (const [rule, lie] of LIES) {
    const copy = copyOf(load.recorder);
    lie(copy);
    const caught = () => check(copy);
    expect(caught, rule).toThrow(Violation);
    expect(caught, rule).toThrow(rule);
  }
});

function copyOf({ operations, watches, sessions }: Seen): Seen {
  return {
    operations: operations.map((each) => ({ ...each })),
    watches: watches.map((each) => ({ ...each, events: [...each.events] })),
    sessions,
  };
}

type Choice = (each: Recorded) => boolean;
const isWrite: Choice = ({ kind, outcome, zxid }) => kind === "write" && outcome === "ok" && zxid !== 0;
const isSet: Choice = (each) => isWrite(each) && each.write?.kind === "set";
const isGet: Choice = ({ kind, read, outcome }) => kind === "read" && read?.kind === "get" && outcome === "ok";
const isLinearizable: Choice = ({ kind, outcome }) => kind === "linearizable" && outcome === "ok";

/** Those of one client, without the first, which made its znodes. */
function chosen({ operations }: Seen, choice: Choice): Recorded[] {
  return operations.filter((each) => each.client === 1 && choice(each)).slice(4);
}

function first(seen: Seen, choice: Choice): Recorded {
  return chosen(seen, choice)[0] as Recorded;
}

function last(seen: Seen, choice: Choice): Recorded {
  return chosen(seen, choice).at(-1) as Recorded;
}

/** One more write was acknowledged, last of all, at a zxid that no log has. */
function invent(seen: Seen): void {
  const write = last(seen, isWrite);
  const at = Number.MAX_SAFE_INTEGER;
  seen.operations.push({ ...write, client: -1, zxid: write.zxid + 1_000_000, invokedAt: at, returnedAt: at });
}

/** The last one is told what the first one was. */
function swap(seen: Seen, choice: Choice, what: "answer" | "write" | "zxid" | "toldZxid"): void {
  Object.assign(last(seen, choice), { [what]: first(seen, choice)[what] });
}

/** A command in the log that nobody asked for: its call is taken away. */
function drop(operations: Recorded[], choice: Choice): void {
  operations.splice(operations.findLastIndex(choice), 1);
}

/** A write that is in the log was told to have failed for certain. */
function deny(write: Recorded): void {
  Object.assign(write, { outcome: "failed", reason: "NOT_READY", zxid: 0 });
}

/** A linearizable read of a client that does nothing else, older than what had returned before it was called. */
function stale(seen: Seen): void {
  Object.assign(last(seen, isLinearizable), { client: -1, zxid: first(seen, isWrite).zxid - 1 });
}

function repeat<T>(list: T[], at: number): void {
  list.splice(at, 0, list[at] as T);
}
