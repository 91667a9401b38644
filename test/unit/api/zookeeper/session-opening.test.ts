import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { helloFrame, requestFrame } from "../../../support/zookeeper-frames.ts";
import { FIRST_ZXID } from "../scripted-coordination.ts";
import { startDoor } from "./door-fixture.ts";

const PASSWORD = Uint8Array.from({ length: 16 }, (_, index) => index + 1);
const ZEROS = { timeoutMs: 0, sessionId: 0n, password: new Uint8Array(16) };

function hashOf(secret: Uint8Array): string {
  return createHash("sha256").update(secret).digest("hex");
}

test("reference 1.4: a new session has a password of random bytes, of which the port has the hash alone", async () => {
  const { client, port } = await startDoor();
  const [one, two] = [await client(), await client()];
  const [first, second] = [await one.hello({ timeoutMs: 9_000 }), await two.hello({ timeoutMs: 9_000 })];
  expect(first).toMatchObject({ timeoutMs: 9_000, sessionId: BigInt(FIRST_ZXID), readOnly: undefined });
  expect(first.password).toHaveLength(16);
  expect(first.password).not.toEqual(second.password);
  const asked = port.connections.map((connection) => connection.of("open")[0]);
  expect(asked).toMatchObject([first, second].map(({ password }) => ({ secretHash: hashOf(password) })));
  expect(port.last.identities).toEqual([{ scheme: "ip", id: "127.0.0.1" }]);
});

test.each([
  [1, 4_000],
  [-5, 4_000],
  [4_001, 4_001],
  [2 ** 31 - 1, 40_000],
])("reference 1.4: a time-out of %i ms is granted as %i ms", async (timeoutMs, granted) => {
  const { client, port } = await startDoor();
  expect((await (await client()).hello({ timeoutMs })).timeoutMs).toBe(granted);
  expect(port.last.of("open")[0]?.timeoutMs).toBe(granted);
});

test("the time-out told is the one the ensemble granted", async () => {
  const { client, port } = await startDoor();
  port.autoOpen = false;
  const one = await client();
  const welcome = one.hello();
  await expect.poll(() => port.connections.length).toBe(1);
  port.last.opened({ sessionId: 77, timeoutMs: 6_543, zxid: port.zxid, resumed: false, generation: 1 });
  port.last.turnEnd();
  expect(await welcome).toMatchObject({ timeoutMs: 6_543, sessionId: 77n });
});

test("reference 2.3: the read-only byte is sent back to those who sent it", async () => {
  const { client } = await startDoor();
  expect((await (await client()).hello({ readOnly: false })).readOnly).toBe(false);
  expect((await (await client()).hello({ readOnly: true })).readOnly).toBe(false);
});

test("a session goes on with its id and password", async () => {
  const { client, port } = await startDoor();
  const welcome = await (await client()).hello({ sessionId: 1234n, password: PASSWORD });
  expect(welcome).toMatchObject({ sessionId: 1234n, password: PASSWORD, timeoutMs: 9_000 });
  expect(port.last.of("resume")).toEqual([{ kind: "resume", sessionId: 1234, secretHash: hashOf(PASSWORD) }]);
});

test.each(["WRONG_SECRET", "SESSION_EXPIRED"] as const)(
  "reference 1.4: %s is told by a response of zeros, and then the end",
  async (reason) => {
    const { client, port } = await startDoor();
    port.autoOpen = false;
    const one = await client();
    const welcome = one.hello({ sessionId: 1234n, password: PASSWORD, readOnly: false });
    await expect.poll(() => port.connections.length).toBe(1);
    port.last.closed(reason);
    expect(await welcome).toEqual({ ...ZEROS, readOnly: false });
    await one.ended;
  },
);

test.each([2n ** 60n, -1n, -(2n ** 63n)])("a session id no member ever gives, %i, is over", async (sessionId) => {
  const { client, port } = await startDoor();
  const one = await client();
  expect(await one.hello({ sessionId })).toMatchObject(ZEROS);
  await one.ended;
  expect(port.connections).toEqual([]);
});

test("core.md 12: a session that has moved so often that its writes have no numbers left is over", async () => {
  const { client, port } = await startDoor();
  port.autoOpen = false;
  const one = await client();
  const welcome = one.hello({ sessionId: 1234n, password: PASSWORD });
  await expect.poll(() => port.connections.length).toBe(1);
  port.last.opened({ sessionId: 1234, timeoutMs: 5_000, zxid: port.zxid, resumed: true, generation: 2 ** 20 });
  expect(await welcome).toMatchObject(ZEROS);
  await one.ended;
});

test.each(["NOT_READY", "NO_QUORUM", "SESSION_LIMIT", "SESSION_MOVED"] as const)(
  "%s ends the connection without a word: the client tries another member",
  async (reason) => {
    const { client, port } = await startDoor();
    port.autoOpen = false;
    const one = (await client()).write(helloFrame());
    await expect.poll(() => port.connections.length).toBe(1);
    port.last.closed(reason);
    expect(await one.rest()).toHaveLength(0);
  },
);

test("reference 1.4: a client that has seen more than this member is sent away, its session untouched", async () => {
  const { client, port } = await startDoor();
  const ahead = (await client()).write(helloFrame({ lastZxidSeen: BigInt(port.zxid + 1) }));
  expect(await ahead.rest()).toHaveLength(0);
  expect(port.connections).toEqual([]);
  const level = await client();
  expect((await level.hello({ lastZxidSeen: BigInt(port.zxid) })).sessionId).toBe(BigInt(FIRST_ZXID));
});

test("a connection that asks for no session in time is cut", async () => {
  const { client, door, until } = await startDoor({ limits: { handshakeTimeoutMs: 20 } });
  const silent = await client();
  const halting = (await client()).write(helloFrame().subarray(0, 10));
  await Promise.all([silent.ended, halting.ended]);
  await until(() => door.stats().connections === 0);
});

test("the time for the handshake is over with it", async () => {
  const { session, port } = await startDoor({ limits: { handshakeTimeoutMs: 20 } });
  port.data.set("/a", Buffer.from("x"));
  const one = await session();
  const two = await startDoor({ limits: { handshakeTimeoutMs: 20 } });
  // By the end of another silent connection, made later, this one's time would have passed as well.
  await (await two.client()).ended;
  expect(await one.ask({ op: "getData", path: "/a", watch: false }).outcomes(1)).toEqual([[1, 0]]);
});

test("what a client sends behind its connect request waits for the session", async () => {
  const { client, port } = await startDoor();
  port.autoOpen = false;
  port.data.set("/a", Buffer.from("x"));
  const one = await client();
  const request = requestFrame({ op: "getData", path: "/a", watch: false }, 1);
  one.write(Buffer.concat([helloFrame(), request]));
  await expect.poll(() => port.connections.length).toBe(1);
  expect(port.last.of("read")).toEqual([]);
  port.last.opened({ sessionId: 5, timeoutMs: 5_000, zxid: port.zxid, resumed: false, generation: 1 });
  port.last.turnEnd();
  await one.frame();
  expect(await one.outcomes(1)).toEqual([[1, 0]]);
});

test("a first frame that is no connect request cuts the connection; no session is asked for", async () => {
  const { client, port, logged } = await startDoor();
  const frames = [
    requestFrame({ op: "ping" }, -2),
    helloFrame({ protocolVersion: 9 }),
    Buffer.from([0xff, 0xff, 0xff, 0xff]),
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.alloc(4),
  ];
  for (const frame of frames) expect(await (await client()).write(frame).rest()).toHaveLength(0);
  expect(port.connections).toEqual([]);
  expect(logged.filter(({ level }) => level === "error")).toEqual([]);
});
