import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createHttpDoor, type HttpDoor } from "../../../../src/api/http/http-door.ts";
import { createMetrics, type Metrics } from "../../../../src/api/http/metrics.ts";
import type { Status } from "../../../../src/coordination/port.ts";
import type { ListenAddress } from "../../../../src/core/base/listen-address.ts";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import { openGate } from "../open-gate.ts";

const serving: Status = {
  ensembleId: "e",
  memberId: 1,
  role: "leader",
  epoch: 2,
  leaderId: 1,
  configurationZxid: 0,
  zxid: makeZxid(2, 10),
  notReady: [],
  members: [],
  counts: { nodes: 5, sessions: 1, ephemerals: 0, watches: 2, connections: 3, outstandingBytes: 7, dataBytes: 11 },
};

const gate = { gatekeeper: openGate(), mayBeAnonymous: true };
let status: () => Status;
let logged: object[];
let metrics: Metrics;
let door: HttpDoor;
let address: ListenAddress;
let url: string;
beforeEach(async () => {
  status = () => serving;
  logged = [];
  metrics = createMetrics();
  door = createHttpDoor(
    { listen: { host: "127.0.0.1", port: 0 }, insecure: false },
    {
      coordination: { status: () => status() },
      metrics,
      log: { error: (fields: object) => void logged.push(fields) },
      gate,
    },
  );
  address = await door.start();
  url = `http://127.0.0.1:${address.port}`;
});
afterEach(async () => {
  await door.stop();
  metrics.stop();
});

async function get(path: string, method = "GET"): Promise<{ status: number; headers: Headers; body: unknown }> {
  const response = await fetch(url + path, { method });
  const body = await response.text();
  return { status: response.status, headers: response.headers, body: body === "" ? "" : JSON.parse(body) };
}

/** What a raw connection is answered; ends with the server's closing it. */
async function raw(request: string): Promise<string> {
  const socket = connect(address.port, "127.0.0.1");
  socket.write(request);
  return text(socket);
}

describe("what monitors ask", () => {
  test("/healthz is 200 while the process answers, ready or not", async () => {
    status = () => ({ ...serving, notReady: ["replaying the journal"] });
    expect(await get("/healthz")).toMatchObject({ status: 200, body: { status: "alive" } });
  });

  test("/readyz is 200 while the member serves", async () => {
    const body = { status: "ready", notReady: [], role: "leader", zxid: "0x20000000a" };
    expect(await get("/readyz")).toMatchObject({ status: 200, body });
  });

  test("/readyz is 503 and names what is not ready", async () => {
    status = () => ({ ...serving, role: "starting", notReady: ["replaying the journal"] });
    const body = { status: "not ready", notReady: ["replaying the journal"], role: "starting" };
    expect(await get("/readyz")).toMatchObject({ status: 503, body });
  });

  test("/metrics is in Prometheus's text format", async () => {
    metrics.connect({ status });
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await response.text()).toContain('muster_role{role="leader"} 1\n');
  });

  test("HEAD is answered without a body", async () => {
    expect(await get("/healthz", "HEAD")).toMatchObject({ status: 200, body: "" });
  });
});

describe("errors are JSON with a reason of the registry", () => {
  test("an address where nothing is", async () => {
    const { status: code, headers, body } = await get("/nope?x=1");
    expect(code).toBe(404);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    const metadata = { method: "GET", path: "/nope" };
    expect(body).toMatchObject({ error: { reason: "NO_ROUTE", domain: "muster.dev", status: 404, metadata } });
  });

  test.for(["POST", "DELETE", "PROPFIND"])("%s, which no address here takes", async (method) => {
    const answer = await get("/healthz", method);
    expect(answer).toMatchObject({ status: 405, body: { error: { reason: "METHOD_NOT_ALLOWED" } } });
  });

  test("a defect is logged, and its words do not leave", async () => {
    status = () => {
      throw new Error("secret detail");
    };
    const answer = await get("/readyz");
    expect(answer).toMatchObject({ status: 500, body: { error: { reason: "INTERNAL" } } });
    expect(JSON.stringify(answer.body)).not.toContain("secret");
    expect(logged).toMatchObject([{ err: { message: "secret detail" }, path: "/readyz" }]);
  });
});

describe("limits", () => {
  test("headers above 16 KiB are refused", async () => {
    const answer = await raw(`GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(17 * 1024)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  test("what is not HTTP is refused", async () => {
    expect(await raw("\0\0\0 nonsense\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("decision 15: no address beyond loopback without the loud flag", () => {
    const dependencies = { coordination: { status }, metrics, log: { error: () => undefined }, gate };
    const open = { host: "0.0.0.0", port: 0 };
    expect(() => createHttpDoor({ listen: open, insecure: false }, dependencies)).toThrow("without TLS or --insecure");
    expect(() => createHttpDoor({ listen: open, insecure: true }, dependencies)).not.toThrow();
  });
});

describe("lifecycle", () => {
  test("a taken port rejects the start with its code", async () => {
    const dependencies = { coordination: { status }, metrics, log: { error: () => undefined }, gate };
    const second = createHttpDoor({ listen: address, insecure: false }, dependencies);
    await expect(second.start()).rejects.toMatchObject({ code: "EADDRINUSE", port: address.port });
  });

  test("stop ends idle connections, refuses new ones, and may be called twice", async () => {
    expect((await get("/healthz")).status).toBe(200);
    await Promise.all([door.stop(), door.stop()]);
    await door.stop();
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });
});
