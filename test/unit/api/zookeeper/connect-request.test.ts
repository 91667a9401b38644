import { expect, test } from "vitest";
import { BufferPool } from "../../../../src/api/zookeeper/buffer-pool.ts";
import {
  CONNECT_BYTES_MIN,
  decodeConnectRequest,
  SESSION_OVER,
  writeConnectResponse,
} from "../../../../src/api/zookeeper/connect-request.ts";
import { JuteError, JuteReader } from "../../../../src/api/zookeeper/jute-reader.ts";
import { ReplyWriter } from "../../../../src/api/zookeeper/reply-writer.ts";
import { type Hello, helloFrame } from "../../../support/zookeeper-frames.ts";

const PASSWORD = Uint8Array.from({ length: 16 }, (_, index) => index + 1);

function decoded(hello: Hello) {
  const frame = Buffer.from(helloFrame(hello));
  return { size: frame.length - 4, request: decodeConnectRequest(new JuteReader().reset(frame, 4, frame.length)) };
}

test("reference 2.3: without the read-only byte a request has 44 bytes, with it 45, and both are read", () => {
  const hello = { lastZxidSeen: 2n ** 34n, timeoutMs: 12_345, sessionId: 2n ** 40n + 7n, password: PASSWORD };
  const common = {
    lastZxidSeen: 2 ** 34,
    timeoutMs: 12_345,
    sessionId: 2 ** 40 + 7,
    sessionIdBytes: Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 7),
    password: PASSWORD,
  };
  expect(decoded(hello)).toEqual({ size: 44, request: { ...common, readOnly: false, knowsReadOnly: false } });
  for (const readOnly of [false, true]) {
    const request = { ...common, readOnly, knowsReadOnly: true };
    expect(decoded({ ...hello, readOnly })).toEqual({ size: 45, request });
  }
});

test("a session id of a foreign ensemble keeps its bytes, though it is no safe integer", () => {
  const { request } = decoded({ sessionId: 0x0100_0000_0000_0001n });
  expect(Number.isSafeInteger(request.sessionId)).toBe(false);
  expect([...request.sessionIdBytes]).toEqual([1, 0, 0, 0, 0, 0, 0, 1]);
});

test("what is kept of a request are copies: the frame's bytes are the socket's", () => {
  const frame = Buffer.from(helloFrame({ sessionId: 5n, password: PASSWORD }));
  const { password, sessionIdBytes } = decodeConnectRequest(new JuteReader().reset(frame, 4, frame.length));
  frame.fill(0xff);
  expect(password).toEqual(PASSWORD);
  expect([...sessionIdBytes]).toEqual([0, 0, 0, 0, 0, 0, 0, 5]);
});

test("a first frame that ends too early, and another protocol version, are refused", () => {
  const frame = Buffer.from(helloFrame());
  for (let end = 4; end < frame.length; end++) {
    expect(() => decodeConnectRequest(new JuteReader().reset(frame, 4, end)), `${end}`).toThrow(JuteError);
  }
  expect(() => decoded({ protocolVersion: 1 })).toThrow("protocol version 1; this server speaks 0");
  expect(decoded({ password: new Uint8Array(0) }).size).toBe(CONNECT_BYTES_MIN);
});

function response(knowsReadOnly: boolean, fields: Partial<typeof SESSION_OVER> = {}): Buffer {
  const writer = new ReplyWriter(new BufferPool());
  writeConnectResponse(writer, { ...SESSION_OVER, ...fields }, knowsReadOnly);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

test("reference 2.3: a response has 36 bytes, and 37 for a client that sent the byte (ZOOKEEPER-4814)", () => {
  const fields = { timeoutMs: 10_000, sessionId: 2 ** 40 + 7, password: PASSWORD, readOnly: true };
  const common = ["00000000", "00002710", "0000010000000007", "00000010", Buffer.from(PASSWORD).toString("hex")];
  expect(response(false, fields).toString("hex")).toBe(`00000024${common.join("")}`);
  expect(response(true, fields).toString("hex")).toBe(`00000025${common.join("")}01`);
});

test("a foreign session id goes back as it came", () => {
  const sessionId = Uint8Array.of(0xff, 1, 2, 3, 4, 5, 6, 7);
  expect(response(false, { sessionId }).subarray(12, 20).toString("hex")).toBe("ff01020304050607");
});

test("reference 1.4: a session that is over is told by zeros, sixteen of them as its password", () => {
  expect(response(true).toString("hex")).toBe(`00000025${"00".repeat(16)}00000010${"00".repeat(16)}00`);
});
