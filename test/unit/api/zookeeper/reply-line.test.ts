import { beforeEach, describe, expect, test } from "vitest";
import { BufferPool } from "../../../../src/api/zookeeper/buffer-pool.ts";
import { notification } from "../../../../src/api/zookeeper/event-frames.ts";
import {
  ConnectionStatistics,
  DoorStatistics,
} from "../../../../src/api/zookeeper/four-letter-words/request-statistics.ts";
import { opCode } from "../../../../src/api/zookeeper/op-code.ts";
import { ReplyLine } from "../../../../src/api/zookeeper/reply-line.ts";
import { errors } from "../../../../src/core/base/errors.ts";
import type { Answer } from "../../../../src/core/tree/answer.ts";
import { JuteReader } from "../../../conformance/differential/jute.ts";
import { blankAnswer } from "../scripted-coordination.ts";

let statistics: ConnectionStatistics;
let line: ReplyLine;

beforeEach(() => {
  statistics = new ConnectionStatistics(0, new DoorStatistics());
  line = new ReplyLine(new BufferPool(), statistics, () => 25);
});

/** A request came, as the connection says when it has read one. */
function expectReply(xid: number, operation: number, detail?: Parameters<ReplyLine["expect"]>[3]): void {
  statistics.requested(20);
  line.expect(xid, operation, 10, detail);
}

function local(xid: number, error: number): void {
  statistics.requested(20);
  line.local(xid, opCode.CHECK_WATCHES, 10, () => line.complete(error, 5));
}

function answer(fields: Partial<Answer> = {}): void {
  line.answer({ ...blankAnswer(0), zxid: 9, ...fields });
}

/** xid, error and body of all frames collected. */
function taken(): [number, number, JuteReader][] {
  const output = line.take();
  const frames = new JuteReader(output?.bytes ?? new Uint8Array(0));
  const replies: [number, number, JuteReader][] = [];
  while (frames.left > 0) {
    const body = new JuteReader(frames.buffer() ?? new Uint8Array(0));
    const xid = body.int();
    body.long();
    replies.push([xid, body.int(), body]);
  }
  return replies;
}

function outcomes(): [number, number][] {
  return taken().map(([xid, error]) => [xid, error]);
}

describe("the order of replies", () => {
  test("reference 2.2: is that of the requests, also where the door answers some itself", () => {
    local(1, 0);
    expectReply(2, opCode.DELETE);
    local(3, -121);
    local(4, 0);
    expectReply(5, opCode.DELETE);
    local(6, -6);
    expect(line.outstanding).toBe(5);
    expect(outcomes()).toEqual([[1, 0]]);
    answer();
    expect(outcomes()).toEqual([
      [2, 0],
      [3, -121],
      [4, 0],
    ]);
    answer({ code: errors.NODE_NOT_FOUND.code });
    expect(outcomes()).toEqual([
      [5, -101],
      [6, -6],
    ]);
    expect(line.outstanding).toBe(0);
  });

  test("what takes the door a while holds up those behind it, and is begun after those before it", () => {
    const begun: number[] = [];
    const deferred = (xid: number): void => {
      statistics.requested(20);
      line.deferred(xid, opCode.RECONFIG, 10, () => begun.push(xid));
    };
    expectReply(1, opCode.DELETE);
    deferred(2);
    expect(begun).toEqual([]);
    answer();
    expect(begun).toEqual([2]);
    expect(outcomes()).toEqual([[1, 0]]);
    line.complete(-13, 5);
    expect(outcomes()).toEqual([[2, -13]]);
    expect(line.outstanding).toBe(0);
  });

  test("a request may give its place to a call of the port", () => {
    statistics.requested(20);
    line.deferred(1, opCode.RECONFIG, 10, () => undefined);
    const answered: string[] = [];
    line.replace({ onAnswer: ({ path }) => answered.push(path) });
    expect([line.outstanding, line.operation]).toEqual([1, opCode.RECONFIG]);
    answer({ path: "/x" });
    expect([answered, line.outstanding]).toEqual([["/x"], 0]);
  });

  test("a request that an answer's taker makes comes behind all others, and its answer is found again", () => {
    const order: string[] = [];
    const more = (): void => {
      order.push("first");
      line.expect(0, opCode.REMOVE_WATCHES, 10, { onAnswer: () => order.push("third") });
    };
    line.expect(0, opCode.SET_WATCHES, 10, { onAnswer: more });
    line.expect(0, opCode.SET_WATCHES, 10, { onAnswer: () => order.push("second") });
    for (let i = 0; i < 3; i++) answer();
    expect(order).toEqual(["first", "second", "third"]);
  });

  test("what belongs to no request goes out where it comes", () => {
    expectReply(1, opCode.DELETE);
    statistics.requested(20);
    line.outOfLine(-2, 5, 0);
    answer();
    expect(outcomes()).toEqual([
      [-2, 0],
      [1, 0],
    ]);
  });
});

describe("notifications", () => {
  const frame = notification(3, "/a", 9);

  test("core.md 14: go out before the reply that reveals what they tell", () => {
    expectReply(1, opCode.DELETE);
    line.notify(frame);
    line.notify(frame);
    answer();
    line.notify(frame);
    expect(outcomes()).toEqual([
      [-1, 0],
      [-1, 0],
      [1, 0],
      [-1, 0],
    ]);
  });

  test("a lone one is sent as it is, since thousands of connections may share it", () => {
    line.notify(frame);
    expect(line.bytes).toBe(frame.length);
    expect(line.take()).toEqual({ bytes: frame, own: undefined });
    expect([line.bytes, line.take()]).toEqual([0, undefined]);
  });

  test("the shared frame is never written to", () => {
    const before = Buffer.from(frame);
    line.notify(frame);
    expectReply(1, opCode.DELETE);
    answer();
    line.notify(frame);
    const output = line.take();
    output?.bytes.fill(0);
    expect(frame).toEqual(before);
  });

  test("also before a frame without a header and a reply out of line", () => {
    line.notify(frame);
    line.bare((writer) => writer.i32(0));
    expect(line.take()?.bytes.subarray(0, frame.length)).toEqual(frame);
    line.notify(frame);
    line.outOfLine(-2, 5, 0);
    expect(outcomes()).toEqual([
      [-1, 0],
      [-2, 0],
    ]);
  });
});

describe("bodies", () => {
  test("a failed request has none, and ZooKeeper's code; one nobody knows is a system error", () => {
    for (const [code, expected] of [
      [errors.NODE_NOT_FOUND.code, -101],
      [errors.VERSION_MISMATCH.code, -103],
      [9_999, -1],
    ]) {
      expectReply(1, opCode.GET_DATA);
      answer({ kind: "none", code: code as number });
      const [reply] = taken();
      expect([reply?.[1], reply?.[2].left]).toEqual([expected, 0]);
    }
  });

  test("sync sends its path back", () => {
    expectReply(1, opCode.SYNC, { path: "/p" });
    answer();
    expect(taken()[0]?.[2].string()).toBe("/p");
  });

  test("reference 2.5: a multi that went well has a header and a body for each part, and its end", () => {
    expectReply(1, opCode.MULTI, { types: [opCode.CREATE, opCode.CHECK] });
    answer({ kind: "multi", parts: [{ ...blankAnswer(0), kind: "create", path: "/a" }, blankAnswer(0)] });
    const [reply] = taken();
    const body = reply?.[2] as JuteReader;
    const header = () => [body.int(), body.boolean(), body.int()];
    expect([reply?.[1], header(), body.string()]).toEqual([0, [1, false, 0], "/a"]);
    expect([header(), header(), body.left]).toEqual([[13, false, 0], [-1, true, -1], 0]);
  });

  test("reference 2.5: of one that failed every part is an error, and the reply as such is none", () => {
    expectReply(1, opCode.MULTI, { types: [opCode.DELETE, opCode.CREATE, opCode.DELETE] });
    const codes = [0, errors.NODE_EXISTS.code, errors.ROLLED_BACK.code];
    const parts = codes.map((code) => ({ ...blankAnswer(0), code }));
    answer({ kind: "multi", code: errors.NODE_EXISTS.code, parts });
    const [reply] = taken();
    const body = reply?.[2] as JuteReader;
    const part = () => [body.int(), body.boolean(), body.int(), body.int()];
    expect(reply?.[1]).toBe(0);
    expect([part(), part(), part()]).toEqual([
      [-1, false, 0, 0],
      [-1, false, -110, -110],
      [-1, false, -2, -2],
    ]);
    expect([body.int(), body.boolean(), body.int(), body.left]).toEqual([-1, true, -1, 0]);
  });

  test("the parts of a multiRead fail for themselves", () => {
    expectReply(1, opCode.MULTI_READ, { types: [opCode.GET_DATA, opCode.GET_CHILDREN] });
    const parts = [
      { ...blankAnswer(0), code: errors.NODE_NOT_FOUND.code },
      { ...blankAnswer(0), kind: "list" as const, names: ["x"] },
    ];
    answer({ kind: "multi-read", parts });
    const body = taken()[0]?.[2] as JuteReader;
    expect([body.int(), body.boolean(), body.int(), body.int()]).toEqual([-1, false, -101, -101]);
    expect([body.int(), body.boolean(), body.int(), body.vector(() => body.string())]).toEqual([8, false, 0, ["x"]]);
  });
});

test("every reply is counted, with its latency, and nothing is left outstanding", () => {
  expectReply(7, opCode.SET_DATA);
  local(8, 0);
  answer();
  expect(statistics).toMatchObject({ received: 2, sent: 2, outstanding: 0, lastCxid: 8, lastLatencyMs: 15 });
});
