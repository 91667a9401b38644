import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AskDesk } from "../../../src/coordination/ask-desk.ts";
import {
  ASK_DETAIL_LENGTH_MAX,
  ASK_MS,
  ASK_TOPIC_LENGTH_MAX,
  ASKS_OUTSTANDING_MAX,
  QUESTIONS_HELD_BYTES_MAX,
  QUESTIONS_HELD_MAX,
} from "../../../src/coordination/ask-limits.ts";
import { encodeAnswer, encodeQuestion } from "../../../src/coordination/ask-message.ts";
import type { AskOutcome, Question } from "../../../src/coordination/port.ts";
import { decodeUtf8, encodeUtf8 } from "../../../src/core/base/bytes.ts";
import { ASK_ANSWER_BYTES_MAX, ASK_BYTES_MAX } from "../../../src/core/base/limits.ts";
import { Asked, type AskMember, AskNet } from "./ask-net.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const text = (bytes: Uint8Array) => decodeUtf8(bytes, 0, bytes.length);

/** Members that answer "echo" with what they were asked, by whom. */
function echoing(count: number): AskNet {
  const net = new AskNet(count);
  for (const { desk, id } of net.members) {
    desk.answer("echo", (question) => question.answer(encodeUtf8(`${question.from}>${id}${text(question.bytes)}`)));
  }
  return net;
}

/** A member that keeps what it is asked about "later". */
function holding(member: AskMember): Question[] {
  const held: Question[] = [];
  member.desk.answer("later", (question) => held.push(question));
  return held;
}

describe("products.md 2: ask", () => {
  test("all: an answer of every member, this one's included, as soon as the last is there", () => {
    const net = echoing(3);
    const asked = net.member(2).ask("all");
    net.deliver(1);
    net.deliver(3);
    expect(asked.told).toBeUndefined();
    net.deliver(2);
    expect(asked.told).toBe("1: 2>1?, 2: 2>2?, 3: 2>3?");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("one: that member's answer, be it this one", () => {
    const net = echoing(3);
    const other = net.member(1).ask(3);
    net.deliver();
    expect(other.told).toBe("3: 1>3?");
    expect(net.member(1).ask(1).told).toBe("1: 1>1?");
  });

  test("a member that does not answer in time is missing, and named; what it says later is ignored", () => {
    const net = echoing(3);
    const asked = net.member(1).ask("all");
    net.deliver(2);
    vi.advanceTimersByTime(ASK_MS - 1);
    expect(asked.told).toBeUndefined();
    net.deliver(1);
    vi.advanceTimersByTime(1);
    expect(asked.told).toBe("1: 1>1?, 2: 1>2?, 3 missing: DEADLINE_EXCEEDED, partial");
    net.deliver();
    expect(asked.outcomes).toHaveLength(1);
  });

  test("a member without a link is missing at once, and so is one whose link is lost meanwhile", () => {
    const net = echoing(3);
    net.unlink(1, 2);
    const asked = net.member(1).ask("all");
    net.unlink(1, 3);
    expect(asked.told).toBe("1: 1>1?, 2 missing: MEMBER_NOT_CONNECTED, 3 missing: MEMBER_NOT_CONNECTED, partial");
    expect(net.member(1).ask(2).told).toBe("2 missing: MEMBER_NOT_CONNECTED, partial");
    expect(net.member(1).ask(9).told).toBe("9 missing: MEMBER_UNKNOWN, partial");
  });

  test("a member whose program cannot be asked is not: its link would be dropped for the question", () => {
    const net = echoing(2);
    net.member(1).linked(2, false);
    expect(net.member(1).ask("all").told).toBe("1: 1>1?, 2 missing: UNSUPPORTED, partial");
    expect(net.waiting).toEqual([]);
  });

  test("a member that joins can ask and be asked, and is not one of all", () => {
    const net = echoing(2);
    const joiner = new AskNet(9).member(9);
    net.member(1).peers.set(9, joiner.peers.get(1) as never);
    net.member(1).ask(9);
    expect(net.waiting.map(({ to }) => to)).toEqual([9]);
    net.waiting = [];
    net.member(1).ask("all");
    expect(net.waiting.map(({ to }) => to)).toEqual([2]);
  });

  test("a lone member asks itself", () => {
    const options = { memberId: 4, memberIds: () => [4], links: undefined, onNotice: () => expect.unreachable() };
    const desk = new AskDesk(options);
    desk.answer("echo", (question) => question.answer(question.bytes));
    const outcomes: AskOutcome[] = [];
    desk.ask("all", "echo", encodeUtf8("x"), (outcome) => outcomes.push(outcome));
    const answer = { memberId: 4, reason: undefined, detail: "", bytes: encodeUtf8("x") };
    expect(outcomes).toEqual([{ answers: [answer], missing: [], partial: false }]);
  });
});

describe("a question", () => {
  test("may be answered later, once", () => {
    const net = new AskNet(2);
    const held = holding(net.member(2));
    const asked = net.member(1).ask(2, "later");
    net.deliver();
    expect(asked.told).toBeUndefined();
    held[0]?.answer(encodeUtf8("at last"));
    held[0]?.refuse("INTERNAL", "not any more");
    net.deliver();
    expect(asked.told).toBe("2: at last");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("about a topic that nobody answers there is refused, which is an answer", () => {
    const net = new AskNet(2);
    const asked = net.member(1).ask(2, "nothing");
    net.deliver();
    expect(asked.told).toBe("2: UNSUPPORTED");
    expect(asked.outcomes[0]?.answers[0]?.detail).toBe('this member answers nothing about "nothing"');
    const stop = net.member(2).desk.answer("echo", () => expect.unreachable());
    stop();
    stop();
    const again = net.member(1).ask(2);
    net.deliver();
    expect(again.told).toBe("2: UNSUPPORTED");
  });

  test("whose answerer throws is a defect, in the log, and an answer that says so", () => {
    const net = new AskNet(2);
    net.member(2).desk.answer("bad", () => {
      throw new Error("broken");
    });
    const asked = net.member(1).ask(2, "bad");
    net.deliver();
    expect(asked.told).toBe("2: INTERNAL");
    expect(net.member(2).notices).toEqual(['error: what answers "bad" threw an error; this is a defect']);
    const own = net.member(2).ask(2, "bad");
    expect(own.told).toBe("2: INTERNAL");
  });

  test("may be refused with a reason; its text is cut", () => {
    const net = new AskNet(2);
    net.member(2).desk.answer("no", (question) => question.refuse("NO_PERMISSION", "x".repeat(10_000)));
    const asked = net.member(1).ask(2, "no");
    net.deliver();
    expect(asked.told).toBe("2: NO_PERMISSION");
    expect(asked.outcomes[0]?.answers[0]?.detail).toBe("x".repeat(ASK_DETAIL_LENGTH_MAX));
  });

  test("of an earlier link is answered to nobody: its number may be another question's by now", () => {
    const net = new AskNet(2);
    const held = holding(net.member(2));
    net.member(1).ask(2, "later");
    net.deliver();
    net.unlink(1, 2);
    net.link(1, 2);
    held[0]?.answer(encodeUtf8("stale"));
    expect(net.waiting).toEqual([]);
  });

  test("is not answered by a member that was not asked", () => {
    const net = echoing(3);
    const asked = net.member(1).ask(2);
    net.member(1).listener.aside(3, encodeAnswer(1, { reason: undefined, detail: "", bytes: encodeUtf8("forged") }));
    expect(asked.told).toBeUndefined();
    net.deliver();
    expect(asked.told).toBe("2: 1>2?");
  });

  test("that cannot be read is passed over and told; the link is worth more", () => {
    const net = echoing(2);
    for (const bytes of [
      new Uint8Array(0),
      Uint8Array.of(9),
      encodeQuestion(1, "x".repeat(1_000), new Uint8Array(0)),
    ]) {
      net.member(1).listener.aside(2, bytes);
    }
    const warning = "warn: a message beside the log from member 2 was passed over: ";
    expect(net.member(1).notices).toEqual([
      `${warning}ends too early`,
      `${warning}type 9 is not known to this program`,
      `${warning}a text of 1000 where ${ASK_TOPIC_LENGTH_MAX} are allowed`,
    ]);
  });
});

describe("bounds", () => {
  test("what is asked, and what is answered", () => {
    const net = new AskNet(2);
    net.member(2).desk.answer("big", (question) => {
      question.answer(new Uint8Array(ASK_ANSWER_BYTES_MAX + (question.bytes[0] as number)));
    });
    const outcomes: AskOutcome[] = [];
    const ask = (bytes: Uint8Array) => net.member(1).desk.ask(2, "big", bytes, (outcome) => outcomes.push(outcome));
    ask(new Uint8Array(ASK_BYTES_MAX + 1));
    ask(new Uint8Array(ASK_BYTES_MAX));
    ask(Uint8Array.of(1));
    net.deliver();
    const told = outcomes.map(({ answers: [answer], missing: [missing] }) => [
      answer?.reason ?? missing?.reason,
      answer?.bytes.length,
    ]);
    expect(told).toEqual([
      ["TOO_LARGE", undefined],
      [undefined, ASK_ANSWER_BYTES_MAX],
      ["TOO_LARGE", 0],
    ]);
  });

  test("questions outstanding", () => {
    const net = echoing(2);
    const asked = Array.from({ length: ASKS_OUTSTANDING_MAX + 1 }, () => net.member(1).ask(2));
    expect(asked.at(-1)?.told).toBe("2 missing: OVERLOADED, partial");
    net.deliver();
    expect(asked.slice(0, -1).map(({ told }) => told)).toEqual(Array(ASKS_OUTSTANDING_MAX).fill("2: 1>2?"));
    net.member(1).ask(2);
    expect(net.waiting).toHaveLength(1);
  });

  test("questions held here, by number and by bytes, whoever asks; each is forgotten when its time is over", () => {
    const net = new AskNet(3);
    const held = holding(net.member(1));
    const question = (number: number, bytes: number, from = 2 + (number % 2)) => {
      net.member(1).listener.aside(from, encodeQuestion(number, "later", new Uint8Array(bytes)));
    };
    const refused = () => net.waiting.splice(0).length;
    for (let number = 0; number <= QUESTIONS_HELD_MAX; number++) question(number, 0);
    expect([held.length, refused()]).toEqual([QUESTIONS_HELD_MAX, 1]);
    vi.advanceTimersByTime(ASK_MS);
    const fitting = QUESTIONS_HELD_BYTES_MAX / ASK_BYTES_MAX;
    for (let number = 0; number <= fitting; number++) question(number, ASK_BYTES_MAX);
    expect([held.length, refused()]).toEqual([QUESTIONS_HELD_MAX + fitting, 1]);
    net.unlink(1, 2);
    net.unlink(1, 3);
    net.link(1, 2);
    question(1, ASK_BYTES_MAX, 2);
    for (const each of held) each.answer(new Uint8Array(0));
    expect(refused()).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("what the links have no room for is missing at once when it is asked, and in time when it is answered", () => {
    const net = echoing(2);
    net.member(1).hasRoom = false;
    expect(net.member(1).ask("all").told).toBe("1: 1>1?, 2 missing: OVERLOADED, partial");
    const asked = net.member(2).ask(1);
    net.deliver();
    vi.advanceTimersByTime(ASK_MS);
    expect(asked.told).toBe("1 missing: DEADLINE_EXCEEDED, partial");
  });

  test("a topic's name, and one answerer of each, are the caller's to keep to", () => {
    const { desk } = new AskNet(1).member(1);
    const ask = (topic: string) => () => desk.ask("all", topic, new Uint8Array(0), () => expect.unreachable());
    for (const topic of ["", "x".repeat(ASK_TOPIC_LENGTH_MAX + 1)]) {
      expect(ask(topic)).toThrow("a topic is");
      expect(() => desk.answer(topic, () => undefined)).toThrow("a topic is");
    }
    desk.answer("x", () => undefined);
    expect(() => desk.answer("x", () => undefined)).toThrow("a topic is answered already");
  });
});

test("whoever throws when told an outcome is a defect, and told in the log; nobody else is hit", () => {
  const net = echoing(2);
  const { desk, notices } = net.member(1);
  desk.ask(2, "echo", encodeUtf8("!"), () => {
    throw new Error("broken");
  });
  const asked = new Asked();
  desk.ask(2, "echo", encodeUtf8("?"), (outcome) => asked.outcomes.push(outcome));
  net.deliver();
  expect(asked.told).toBe("2: 1>2?");
  expect(notices).toEqual(['error: who asked about "echo" threw an error; this is a defect']);
});
