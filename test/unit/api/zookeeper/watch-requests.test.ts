import { describe, expect, test } from "vitest";
import { errors } from "../../../../src/core/base/errors.ts";
import type { Answer } from "../../../../src/core/tree/answer.ts";
import { emptyStat } from "../../../../src/core/tree/stat.ts";
import type { Request } from "../../../conformance/differential/request.ts";
import { FIRST_ZXID, type ScriptedCoordination } from "../scripted-coordination.ts";
import { type Fixture, startDoor } from "./door-fixture.ts";

const SEEN = 100;
const MISSING = { code: errors.NODE_NOT_FOUND.code };
const REFUSED = { code: errors.NO_PERMISSION.code };

/** A znode last changed, and its children last changed, so many transactions after the port's first. */
function changed(mzxid: number, pzxid: number): Partial<Answer> {
  return { kind: "stat", stat: { ...emptyStat(), mzxid: FIRST_ZXID + mzxid, pzxid: FIRST_ZXID + pzxid } };
}

/** Answers all the port is asked, in order, until what waits is answered: reads by path, and all else well. */
function serve(port: ScriptedCoordination, state: Readonly<Record<string, Partial<Answer>>>, from: number): number {
  let at = from;
  for (; at < port.last.asked.length; at++) {
    const asked = port.last.asked[at];
    const path = asked?.kind === "read" && "path" in asked.operation ? asked.operation.path : "";
    const number = asked !== undefined && "number" in asked ? asked.number : 0;
    port.last.answer({ number, ...state[path] });
  }
  port.last.turnEnd();
  return at;
}

async function rewatched(fixture: Fixture, request: Request, state: Readonly<Record<string, Partial<Answer>>>) {
  const { session, port, until } = fixture;
  port.autoAnswer = false;
  const one = (await session()).ask(request);
  await until(() => port.last.asked.length > 1);
  serve(port, state, 1);
  return one;
}

const lists = (...paths: readonly string[][]): Request => {
  return { op: paths.length > 3 ? "setWatches2" : "setWatches", relative: { recent: SEEN }, lists: paths };
};

describe("reference 1.5: setWatches tells what was missed, and goes on with the rest", () => {
  const cases: [string, Request, Partial<Answer>, number | undefined][] = [
    ["a data watch of what is gone: deleted", lists(["/p"], [], []), MISSING, 2],
    ["a data watch of what was changed since: changed", lists(["/p"], [], []), changed(SEEN + 1, 0), 3],
    ["a data watch of what was not: goes on", lists(["/p"], [], []), changed(SEEN, SEEN + 9), undefined],
    ["an exist watch of what is there now: created", lists([], ["/p"], []), changed(1, 1), 1],
    ["an exist watch of what is still missing: goes on", lists([], ["/p"], []), MISSING, undefined],
    ["a child watch of what is gone: deleted", lists([], [], ["/p"]), MISSING, 2],
    ["a child watch whose children changed since: they changed", lists([], [], ["/p"]), changed(0, SEEN + 1), 4],
    ["a child watch whose children did not: goes on", lists([], [], ["/p"]), changed(SEEN + 9, SEEN), undefined],
  ];

  test.each(cases)("%s", async (_, request, answer, event) => {
    const fixture = await startDoor();
    const one = await rewatched(fixture, request, { "/p": answer });
    if (event !== undefined) expect(await one.told()).toEqual({ zxid: -1, type: event, state: 3, path: "/p" });
    expect(await one.reply()).toMatchObject({ xid: -8, error: 0 });
    // What was told is over, at the port too; what was not is there, and fires.
    const kind = request.op === "setWatches" && request.lists[2]?.length === 1 ? 1 : 2;
    expect(fixture.port.last.of("removeWatch")).toHaveLength(event === undefined ? 0 : 1);
    const check = await one.ask({ op: "checkWatches", path: "/p", kind }).reply();
    expect(check.error).toBe(event === undefined ? 0 : -121);
  });

  test("what the client may not read is neither told nor watched", async () => {
    const fixture = await startDoor();
    const one = await rewatched(fixture, lists(["/p"], ["/p"], ["/p"]), { "/p": REFUSED });
    expect(await one.reply()).toMatchObject({ xid: -8, error: 0 });
    expect((await one.ask({ op: "checkWatches", path: "/p", kind: 3 }).reply()).error).toBe(-121);
  });

  test("each is read and watched at one point of the tree, with the mode of its kind", async () => {
    const fixture = await startDoor();
    await rewatched(fixture, lists(["/d"], ["/e"], ["/c"]), { "/e": MISSING });
    const reads = fixture.port.last.of("read").map(({ operation, options }) => [operation, options.watch?.mode]);
    expect(reads).toEqual([
      [{ kind: "exists", path: "/d" }, "exists"],
      [{ kind: "exists", path: "/e" }, "exists"],
      [{ kind: "exists", path: "/c" }, "children"],
    ]);
  });

  test("persistent watches go on, whatever happened meanwhile", async () => {
    const fixture = await startDoor();
    const one = await rewatched(fixture, lists([], [], [], ["/p"], ["/r"]), {});
    expect(await one.reply()).toMatchObject({ xid: -8, error: 0 });
    const asked = fixture.port.last
      .of("addWatch")
      .map(({ request: { path, mode, afterZxid } }) => [path, mode, afterZxid]);
    expect(asked).toEqual([
      ["/p", "persistent", 0],
      ["/r", "persistent-recursive", 0],
    ]);
    one.ask({ op: "checkWatches", path: "/p", kind: 4 }, { op: "checkWatches", path: "/r", kind: 5 });
    expect(await one.outcomes(2)).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  test("nothing to watch is answered at once", async () => {
    const { session } = await startDoor();
    const one = (await session()).ask(lists([], [], []), lists([], [], [], [], []));
    expect(await one.outcomes(2)).toEqual([
      [-8, 0],
      [-8, 0],
    ]);
  });
});

test("what comes behind a setWatches waits for it", async () => {
  const { session, port, until } = await startDoor();
  port.autoAnswer = false;
  const one = (await session()).ask(lists(["/p"], [], []), { op: "delete", path: "/x", version: 1 });
  await until(() => port.last.of("read").length === 1);
  expect(port.last.of("submit")).toEqual([]);
  const at = serve(port, { "/p": MISSING }, 1);
  await until(() => port.last.of("submit").length === 1);
  serve(port, {}, at);
  expect(await one.told()).toMatchObject({ type: 2 });
  expect(await one.outcomes(2)).toEqual([
    [-8, 0],
    [1, 0],
  ]);
});

test("however many watches a client has, at most 1000 of them wait at the port at once", async () => {
  const { session, port, until } = await startDoor();
  port.autoAnswer = false;
  const paths = (name: string, count: number) => Array.from({ length: count }, (_, index) => `/${name}${index}`);
  const one = await session();
  one.ask(lists(paths("d", 1_500), paths("e", 700), paths("c", 300), paths("p", 1_200), []));
  const total = 1_500 + 700 + 300 + 1_200;
  await until(() => port.last.asked.length > 1);
  let [at, most] = [1, 0];
  while (at < port.last.asked.length) {
    most = Math.max(most, port.last.asked.length - at);
    port.last.answer({});
    at++;
  }
  port.last.turnEnd();
  // Those of /e are there, which is told, and the watches taken back.
  const removed = port.last.of("removeWatch").length;
  expect([at - 1, removed]).toEqual([total + 700, 700]);
  expect(most).toBeLessThanOrEqual(1_000 + 700);
  for (let i = 0; i < 700; i++) expect(await one.told()).toMatchObject({ type: 1, path: `/e${i}` });
  expect(await one.reply()).toMatchObject({ xid: -8, error: 0 });
});

describe("addWatch, checkWatches and removeWatches", () => {
  test.each([
    [0, "persistent", 4],
    [1, "persistent-recursive", 5],
  ])("reference 1.1: mode %i is a watch of its own, %s", async (mode, asked, type) => {
    const { session, port } = await startDoor();
    const one = (await session()).ask({ op: "addWatch", path: "/a", kind: mode });
    const { error, body } = await one.reply();
    expect([error, body.int(), body.left]).toEqual([0, 0, 0]);
    expect(port.last.of("addWatch")[0]?.request).toMatchObject({ path: "/a", mode: asked, afterZxid: 0 });
    const types = [1, 2, 3, 4, 5];
    one.ask(...types.map((kind): Request => ({ op: "checkWatches", path: "/a", kind })));
    const found = (await one.outcomes(5)).map(([, error]) => error === 0);
    expect(found).toEqual(types.map((each) => each === 3 || each === type));
  });

  test("a watch the port refuses is none", async () => {
    const { session, port, until } = await startDoor();
    port.autoAnswer = false;
    const one = (await session()).ask({ op: "addWatch", path: "bad", kind: 0 });
    await until(() => port.last.of("addWatch").length === 1);
    port.last.answer({ code: errors.INVALID_PATH.code });
    port.last.turnEnd();
    expect((await one.reply()).error).toBe(-8);
    expect((await one.ask({ op: "checkWatches", path: "bad", kind: 3 }).reply()).error).toBe(-121);
  });

  test("each type removes its own, Any all of them, and the port forgets them", async () => {
    const { session, port } = await startDoor();
    port.data.set("/a", Buffer.from("x"));
    const one = await session();
    const all: Request[] = [
      { op: "getData", path: "/a", watch: true },
      { op: "getChildren", path: "/a", watch: true },
      { op: "addWatch", path: "/a", kind: 0 },
      { op: "addWatch", path: "/a", kind: 1 },
    ];
    await one.ask(...all).outcomes(4);
    const remove = async (kind: number) => (await one.ask({ op: "removeWatches", path: "/a", kind }).reply()).error;
    expect([
      await remove(2),
      await remove(2),
      await remove(1),
      await remove(4),
      await remove(5),
      await remove(3),
    ]).toEqual([0, -121, 0, 0, 0, -121]);
    expect(port.last.of("removeWatch")).toHaveLength(4);
    await one.ask(...all).outcomes(4);
    expect([await remove(3), await remove(3)]).toEqual([0, -121]);
    expect(new Set(port.last.of("removeWatch").map(({ watchId }) => watchId)).size).toBe(8);
  });
});

test("a watch that is let go while the session's close is under way takes no reply's place", async () => {
  const { session, port, until } = await startDoor();
  port.autoAnswer = false;
  const one = await session();
  one.ask({ op: "addWatch", path: "/p", kind: 0 });
  await until(() => port.last.of("addWatch").length === 1);
  serve(port, {}, 1);
  await one.reply();
  one.ask(
    { op: "delete", path: "/x", version: 1 },
    { op: "removeWatches", path: "/p", kind: 3 },
    { op: "closeSession" },
  );
  await until(() => port.last.of("close").length === 1);
  // The port answers the write, and what was asked for the door's own sake, before the close is through the log.
  port.last.answer({ number: port.last.of("submit")[0]?.number ?? 0 });
  port.last.answer({ number: port.last.of("removeWatch")[0]?.number ?? 0 });
  port.last.closed(undefined);
  port.last.turnEnd();
  expect((await one.outcomes(3)).map(([, error]) => error)).toEqual([0, 0, 0]);
  await one.ended;
});
