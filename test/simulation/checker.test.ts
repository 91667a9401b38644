import { expect, it } from "vitest";
import { makeZxid } from "../../src/core/base/zxid.ts";
import { emptyAnswer } from "../../src/core/tree/answer-codec.ts";
import { BatchWriter } from "../../src/core/tree/batch.ts";
import type { WriteOperation } from "../../src/core/tree/operation.ts";
import { encodeCommand } from "../model/real-tree.ts";
import { ClientBook } from "./client-book.ts";
import { JournalHistory, type LoggedBatch } from "./journal-history.ts";
import { MemberChecker } from "./member-checker.ts";
import { Timeline } from "./timeline.ts";

const at = (counter: number, epoch = 1): number => makeZxid(epoch, counter);

/** A batch of creations, told apart by `name`. */
function batch(firstZxid: number, count: number, name = "a"): LoggedBatch {
  const writer = new BatchWriter();
  for (let index = 0; index < count; index++) {
    const path = `/${name}${firstZxid + index}`;
    const operation: WriteOperation = { kind: "create", path, data: new Uint8Array(0), mode: 0 };
    const issuer = { sessionId: 0, generation: 1, identities: [], number: 1, answeredBelow: 0 };
    encodeCommand(writer.begin(), { kind: "request", issuer, operation });
    writer.end();
  }
  const none = { digestZxid: 0, digest0: 0, digest1: 0 };
  const body = writer.close({ firstZxid, count, time: 1, featureLevel: 1, ...none }).slice();
  return { firstZxid, lastZxid: firstZxid + count - 1, body };
}

function history(...batches: readonly LoggedBatch[]): JournalHistory {
  const made = new JournalHistory(true);
  for (const each of batches) made.proposed(each);
  return made;
}

it("a zxid means one command, also one that was lost before anybody saw it", () => {
  const made = history(batch(at(1), 2), batch(at(3), 1));
  expect(made.recovered({ baseZxid: 0, lastZxid: at(2), batches: [batch(at(1), 2)] })).toBe(1);
  expect(() => made.proposed(batch(at(3), 1, "b"))).toThrow("a zxid means one command");
  made.proposed(batch(at(1, 2), 1));
  expect(made.lastZxid).toBe(at(1, 2));
});

it("what was seen is not missing, what is missing does not come back, and nothing comes from nowhere", () => {
  const whole = [batch(at(1), 1), batch(at(2), 1)];
  const seen = history(...whole);
  seen.reveal(at(2));
  expect(() => seen.recovered({ baseZxid: 0, lastZxid: at(1), batches: whole.slice(0, 1) })).toThrow(
    "nothing acknowledged is lost",
  );
  const unseen = history(...whole);
  unseen.recovered({ baseZxid: 0, lastZxid: at(1), batches: whole.slice(0, 1) });
  expect(() => unseen.recovered({ baseZxid: 0, lastZxid: at(2), batches: whole })).toThrow("nothing lost comes back");
  const other = history(...whole);
  expect(() => other.recovered({ baseZxid: 0, lastZxid: at(1), batches: [batch(at(1), 1, "b")] })).toThrow(
    "a zxid means one command",
  );
});

it("a gap is noticed, in proposals and in a journal that says it reaches further than its batches", () => {
  expect(() => history(batch(at(1), 1)).proposed(batch(at(3), 1))).toThrow("no gap");
  const made = history(batch(at(1), 1), batch(at(2), 1));
  expect(() => made.recovered({ baseZxid: 0, lastZxid: at(2), batches: [batch(at(1), 1)] })).toThrow("no gap");
});

it("a pruned journal is compared as far as it reaches back, and the history stays whole", () => {
  const made = history(batch(at(1), 1), batch(at(2), 1), batch(at(3), 1));
  made.recovered({ baseZxid: at(2), lastZxid: at(3), batches: [batch(at(3), 1)] });
  expect(made.batches.map(({ firstZxid }) => firstZxid)).toEqual([at(1), at(2), at(3)]);
});

it("without an observer of proposals, what a journal holds behind the known end is believed, and replayed", () => {
  const made = new JournalHistory(false);
  made.recovered({ baseZxid: 0, lastZxid: at(3), batches: [batch(at(1), 2), batch(at(3), 1)] });
  const checker = new MemberChecker(new ClientBook(), made);
  checker.advance(at(3));
  expect(checker.replay.model.nodes.size).toBe(4 + 3);
  checker.compareAll(checker.book.replay.tree);
  expect(() => checker.advance(at(4))).toThrow("nothing from nowhere");
});

it("a second answer that differs from the first tells that the request was applied twice", () => {
  const book = new ClientBook();
  book.answeredWrite(7, 1, { ...emptyAnswer(), zxid: at(5) });
  book.answeredWrite(7, 1, { ...emptyAnswer(), zxid: at(5) });
  expect(() => book.answeredWrite(7, 1, { ...emptyAnswer(), zxid: at(6) })).toThrow("nothing is applied twice");
});

it("a write that was asked for after something was seen comes after it", () => {
  const book = new ClientBook();
  book.askedWrite(7, {
    kind: "write",
    number: 1,
    answeredBelow: 0,
    operation: { kind: "delete", path: "/a", version: 0 },
  });
  book.reveal(at(5));
  book.askedWrite(7, {
    kind: "write",
    number: 2,
    answeredBelow: 0,
    operation: { kind: "delete", path: "/a", version: 0 },
  });
  book.answeredWrite(7, 1, { ...emptyAnswer(), zxid: at(5) });
  expect(() => book.answeredWrite(7, 2, { ...emptyAnswer(), zxid: at(5) })).toThrow("writes are linearizable");
});

it("a session lives for a whole time-out from its last acknowledged keep-alive, and the leader's beginning", () => {
  const book = new ClientBook();
  book.lives(7, 100);
  book.expires(7, 1_000, 50, 1_100);
  expect(() => book.expires(7, 1_000, 50, 1_099)).toThrow("no session expires before its time");
  expect(() => book.expires(7, 1_000, 200, 1_100)).toThrow("no session expires before its time");
});

it("a state that is not the history's is noticed by its digest", () => {
  const one = new JournalHistory(false);
  one.recovered({ baseZxid: 0, lastZxid: at(1), batches: [batch(at(1), 1)] });
  const two = new JournalHistory(false);
  two.recovered({ baseZxid: 0, lastZxid: at(1), batches: [batch(at(1), 1, "b")] });
  const [checker, other] = [new MemberChecker(new ClientBook(), one), new MemberChecker(new ClientBook(), two)];
  other.advance(at(1));
  expect(() => checker.settled(other.book.replay.tree)).toThrow("the digest is that of the whole history");
});

it("virtual time passes from event to event, and equal times keep their order", () => {
  const timeline = new Timeline();
  const seen: string[] = [];
  for (const [delay, name] of [
    [5, "c"],
    [1, "a"],
    [5, "d"],
    [2, "b"],
  ] as const) {
    timeline.after(delay, () => seen.push(`${name}${timeline.now}`));
  }
  while (timeline.step());
  expect(seen).toEqual(["a1", "b2", "c5", "d5"]);
});
