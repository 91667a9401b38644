import { expect, test } from "vitest";
import type { Request } from "../../../conformance/differential/request.ts";
import { startDoor } from "./door-fixture.ts";

const get: Request = { op: "getData", path: "/a", watch: false };
const KIB = 1024;

function many(count: number, request: Request): Request[] {
  return Array<Request>(count).fill(request);
}

test("above outstandingRequestsMax nothing more is read, and reading goes on with the answers", async () => {
  const { session, port, until } = await startDoor({ limits: { outstandingRequestsMax: 3 } });
  port.autoAnswer = false;
  const one = (await session()).ask(...many(20, get));
  let answered = 0;
  while (answered < 20) {
    const asked = Math.min(20, answered + 3);
    await until(() => port.last.of("read").length >= asked);
    expect(port.last.of("read")).toHaveLength(asked);
    const batch = Math.min(2, 20 - answered);
    for (let i = 0; i < batch; i++) port.last.answer({});
    port.last.turnEnd();
    answered += batch;
  }
  expect((await one.outcomes(20)).map(([xid]) => xid)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
});

test("above outstandingBytesMax nothing more is read, and reading goes on with the answers", async () => {
  const { session, port, until } = await startDoor({ limits: { outstandingBytesMax: 10 * KIB } });
  port.autoAnswer = false;
  const one = await session();
  one.ask(...many(8, { op: "setData", path: "/a", data: "x".repeat(6 * KIB), version: -1 }));
  for (let answered = 0; answered < 8; answered++) {
    const asked = Math.min(8, answered + 2);
    await until(() => port.last.of("submit").length >= asked);
    expect(port.last.of("submit")).toHaveLength(asked);
    port.last.answerSubmit(port.last.of("submit")[answered]?.number ?? 0);
    port.last.turnEnd();
  }
  expect(await one.outcomes(8)).toHaveLength(8);
});

test("above unsentBytesPause nothing more is read until the client reads, and then all is answered", async () => {
  const { session, port, until } = await startDoor({ limits: { unsentBytesPause: 256 * KIB } });
  port.data.set("/a", Buffer.alloc(512 * KIB));
  const one = await session();
  one.socket.pause();
  // All of them come in one piece: whoever does not pause hands them on at once.
  one.ask(...many(60, get));
  await until(() => port.last.of("read").length > 0);
  expect(port.last.of("read").length).toBeLessThan(60);
  one.socket.resume();
  expect(await one.outcomes(60)).toHaveLength(60);
  expect(port.last.of("read")).toHaveLength(60);
});

test("core.md 3: a client that does not read its events is cut at unsentBytesMax; its session lives on", async () => {
  const { session, port, logged } = await startDoor({ limits: { unsentBytesMax: 256 * KIB } });
  const path = `/${"x".repeat(64 * KIB)}`;
  const one = (await session()).ask({ op: "addWatch", path, kind: 0 });
  await one.reply();
  one.socket.pause();
  const { connections } = port;
  const connection = port.last;
  const watchId = connection.of("addWatch")[0]?.request.watchId ?? 0;
  for (let zxid = port.zxid; !connection.detached; zxid++) {
    connection.events([{ watchId, event: { type: 3, path, zxid, encoded: undefined } }], zxid);
    connection.turnEnd();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(logged).toContainEqual(
    expect.objectContaining({ fields: expect.objectContaining({ why: "the client does not read" }) }),
  );
  expect([connections.length, connection.of("close")]).toEqual([1, []]);
});

test("a client that reads is never cut, however many events there are", async () => {
  const { session, port } = await startDoor({ limits: { unsentBytesMax: 64 * KIB } });
  const one = (await session()).ask({ op: "addWatch", path: "/a", kind: 0 });
  await one.reply();
  const watchId = port.last.of("addWatch")[0]?.request.watchId ?? 0;
  const first = port.zxid + 1;
  for (let zxid = first; zxid < first + 5_000; zxid++) {
    port.last.events([{ watchId, event: { type: 3, path: "/a", zxid, encoded: undefined } }], zxid);
    port.last.turnEnd();
    if (zxid % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (let zxid = first; zxid < first + 5_000; zxid++) expect((await one.told()).zxid).toBe(zxid);
});

test("a client that sends without end and one that asks in peace are both served", async () => {
  const { session, port } = await startDoor();
  port.data.set("/a", Buffer.alloc(10));
  const [loud, quiet] = [await session(), await session()];
  loud.ask(...many(20_000, get));
  expect(await quiet.ask(get).outcomes(1)).toEqual([[1, 0]]);
  const outcomes = await loud.outcomes(20_000);
  expect(outcomes.at(-1)).toEqual([20_000, 0]);
});
