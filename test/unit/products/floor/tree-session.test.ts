import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LocalCoordination } from "../../../../src/coordination/local-coordination.ts";
import { errors, OK } from "../../../../src/core/base/errors.ts";
import type { Answer } from "../../../../src/core/tree/answer.ts";
import { emptyAnswer } from "../../../../src/core/tree/answer-codec.ts";
import { type CreateOperation, createMode, type WriteOperation } from "../../../../src/core/tree/operation.ts";
import { SessionLostError, TreeSession } from "../../../../src/products/floor/tree-session.ts";
import { SoloMember } from "../../../support/solo-member.ts";
import { BreakablePort } from "./breakable-port.ts";

const TIMEOUT_MS = 4_000;
const NOTHING = new Uint8Array(0);

let solo: SoloMember;
let port: BreakablePort;
let session: TreeSession;
let told: string[];

beforeEach(async () => {
  vi.useFakeTimers();
  solo = SoloMember.leading({ outstandingBytesMax: 64 * 1024 * 1024 });
  port = new BreakablePort(new LocalCoordination(solo.member, () => undefined));
  told = [];
  const say = (what: string) => () => told.push(what);
  session = new TreeSession(
    port,
    [],
    { opened: say("opened"), lost: say("lost"), changed: say("changed") },
    TIMEOUT_MS,
  );
  session.start();
  solo.settle();
});

afterEach(() => {
  vi.useRealTimers();
});

function create(path: string, mode: 0 | 1 | 2 = createMode.PERSISTENT): WriteOperation {
  return { kind: "create", path, data: NOTHING, mode };
}

const pathOf = ({ path }: Answer): string => path;

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    await vi.advanceTimersByTimeAsync(100);
    solo.pass(100);
  }
}

function children(path: string): readonly string[] {
  const answer = emptyAnswer();
  const list = { kind: "list", path, limit: 0, cursor: NOTHING, whole: true } as const;
  solo.member.tree.read({ sessionId: 0, identities: [] }, list, answer);
  return answer.names;
}

it("is kept alive for as long as it is held, and gives its ephemerals up when it is stopped", async () => {
  const made = session.write(create("/held", createMode.EPHEMERAL), pathOf);
  solo.settle();
  expect(await made).toBe("/held");
  await pass(5 * TIMEOUT_MS);
  expect([children("/"), told]).toEqual([["zookeeper", "held"], ["opened"]]);
  const stopped = session.stop();
  solo.settle();
  await stopped;
  expect(children("/")).toEqual(["zookeeper"]);
  await expect(session.read({ kind: "exists", path: "/" }, pathOf)).rejects.toThrow(SessionLostError);
});

it("moves to another connection, and gets each answer once, though it had to ask twice", async () => {
  // Applied, and the answer lost with the connection.
  const made = session.write(create("/x-", createMode.PERSISTENT_SEQUENTIAL), pathOf);
  port.cut("NOT_READY");
  const meanwhile = session.write(create("/x-", createMode.PERSISTENT_SEQUENTIAL), pathOf);
  await pass(400);
  expect(await Promise.all([made, meanwhile])).toEqual(["/x-0000000000", "/x-0000000001"]);
  expect(children("/")).toEqual(["zookeeper", "x-0000000000", "x-0000000001"]);
  // What was watched may have changed meanwhile.
  expect(told).toEqual(["opened", "changed"]);
});

it("is replaced when it has expired: what was under way has an unknown end", async () => {
  const lost = session.write(create("/held", createMode.EPHEMERAL), pathOf).catch((error: unknown) => error);
  solo.settle();
  port.cut("NOT_READY");
  const unsent = session.write(create("/never"), pathOf).catch((error: unknown) => error);
  // No tick of its timers: as a process that stands still.
  solo.pass(3 * TIMEOUT_MS);
  await pass(1_000);
  expect(await unsent).toBeInstanceOf(SessionLostError);
  expect(await lost).toBe("/held");
  expect(told).toEqual(["opened", "lost", "opened"]);
  expect(children("/")).toEqual(["zookeeper"]);
  const again = session.write(create("/again"), ({ code }) => code);
  solo.settle();
  expect(await again).toBe(OK);
});

it("tells when what a read has shown may be so no more", async () => {
  const seen = session.read({ kind: "exists", path: "/later" }, ({ code }) => code, "exists");
  solo.settle();
  expect(await seen).not.toBe(OK);
  const made = session.write(create("/later"), pathOf);
  solo.settle();
  await made;
  expect(told).toEqual(["opened", "changed"]);
});

it("passes on what a taker throws, and throws nothing into the port", async () => {
  const taken = session.read({ kind: "exists", path: "/" }, () => {
    throw new Error("no taste");
  });
  const failed = taken.catch((error: Error) => error.message);
  solo.settle();
  expect(await failed).toBe("no taste");
  const next = session.read({ kind: "exists", path: "/" }, ({ code }) => code);
  solo.settle();
  expect(await next).toBe(OK);
});

it("products.md 7: what is larger than a znode or a command may be is refused whole, never split", async () => {
  const data = new Uint8Array(1024 * 1024);
  const znode = (path: string, size: number): CreateOperation => ({
    kind: "create",
    path,
    data: data.subarray(0, size),
    mode: createMode.PERSISTENT,
  });
  const asked: WriteOperation[] = [
    { kind: "multi", operations: [1, 2, 3].map((n) => znode(`/fits-${n}`, data.length)) },
    { kind: "multi", operations: [1, 2, 3, 4, 5].map((n) => znode(`/large-${n}`, data.length)) },
    { ...znode("/large", 0), data: new Uint8Array(data.length + 1) },
  ];
  const codes = asked.map((operation) => session.write(operation, ({ code }) => code));
  solo.settle();
  const { MESSAGE_TOO_LARGE, TOO_LARGE } = errors;
  expect(await Promise.all(codes)).toEqual([OK, MESSAGE_TOO_LARGE.code, TOO_LARGE.code]);
  expect(children("/")).toEqual(["zookeeper", "fits-1", "fits-2", "fits-3"]);
});
