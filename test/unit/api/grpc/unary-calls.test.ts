import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  CreateZnodeRequest,
  type CreateZnodeResponse,
  type DeleteZnodeResponse,
  type GetStatusResponse,
  type GetZnodeResponse,
  type ListZnodesResponse,
  type SetZnodeResponse,
} from "../../../../src/api/grpc/gen/muster/coordination/v1/coordination_service.ts";
import { CreateMode } from "../../../../src/api/grpc/gen/muster/coordination/v1/znode.ts";
import { ENSEMBLE_ID, FIRST_ZXID } from "../scripted-coordination.ts";
import { type Ending, endingOf, outcome, startDoor } from "./door-fixture.ts";

const create = (path: string, data = new Uint8Array(0)) => ({
  create: { path, data, mode: CreateMode.UNSPECIFIED, ttlMs: 0, ifAbsent: false },
});

/** Sends bytes as a unary request. */
function sendRaw(address: string, method: string, bytes: Buffer): Promise<Ending> {
  const client = new Client(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  const same = (value: Buffer) => value;
  const path = `/muster.coordination.v1.CoordinationService/${method}`;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, bytes, (error) => {
      if (error === null) reject(new Error("accepted"));
      else resolve(endingOf(error));
    });
  });
}

describe("unary calls", () => {
  test("create, get, set: each on a connection of its own that is let go", async () => {
    const { client, port } = await startDoor();
    const data = new Uint8Array([1, 2, 3]);
    const created = await outcome<CreateZnodeResponse>((done) => client.createZnode(create("/a", data), done));
    expect(created.response).toMatchObject({ path: "/a", header: { ensembleId: ENSEMBLE_ID, memberId: 1 } });
    const got = await outcome<GetZnodeResponse>((done) => client.getZnode({ path: "/a" }, done));
    expect(got.response?.data).toEqual(Buffer.from(data));
    expect(got.response?.stat).toMatchObject({ dataBytes: 3 });
    expect(got.response?.header?.zxid).toBe(FIRST_ZXID + 1);
    const set = { set: { path: "/a", data, version: 4 } };
    const changed = await outcome<SetZnodeResponse>((done) => client.setZnode(set, done));
    expect(changed.response?.header?.zxid).toBe(FIRST_ZXID + 2);
    expect(port.last.of("submit")[0]?.operation).toMatchObject({ kind: "set", version: 4 });
    expect(port.connections).toHaveLength(3);
    for (const connection of port.connections) {
      expect(connection.detached).toBe(true);
      expect(connection.sessionId).toBe(0);
      expect(connection.identities).toEqual([{ scheme: "ip", id: "127.0.0.1" }]);
    }
  });

  test("delete is of one znode, or of a subtree", async () => {
    const { client, port } = await startDoor();
    const one = await outcome<DeleteZnodeResponse>((done) =>
      client.deleteZnode({ path: "/a", version: 2, recursive: false }, done),
    );
    expect(one.response?.deletedCount).toBe(1);
    expect(port.last.of("submit")[0]?.operation).toEqual({ kind: "delete", path: "/a", version: 2 });
    await outcome<DeleteZnodeResponse>((done) => client.deleteZnode({ path: "/a", recursive: true }, done));
    expect(port.last.of("submit")[0]?.operation).toEqual({ kind: "delete-tree", path: "/a" });
    const both = { path: "/a", recursive: true, version: 1 };
    const refused = await outcome<DeleteZnodeResponse>((done) => client.deleteZnode(both, done));
    expect(refused.ending).toMatchObject({ reason: "INVALID_ARGUMENT" });
  });

  test("list passes page and token on, and how fresh the answer must be", async () => {
    const { client, port } = await startDoor();
    port.autoAnswer = false;
    const readConcern = { minZxid: FIRST_ZXID, ensembleId: ENSEMBLE_ID, linearizable: true };
    const request = { path: "/", pageSize: 20_000, pageToken: new Uint8Array([9]), readConcern };
    const pending = outcome<ListZnodesResponse>((done) => client.listZnodes(request, done));
    await expect.poll(() => port.connections.length).toBe(1);
    const [asked] = port.last.of("read");
    expect(asked?.operation).toMatchObject({ kind: "list", path: "/", limit: 10_000 });
    expect(asked?.options).toEqual({ minZxid: FIRST_ZXID, linearizable: true });
    port.last.answer({ number: asked?.number ?? 0, kind: "list", names: ["a", "b"], cursor: new Uint8Array([1]) });
    const { response } = await pending;
    expect(response).toMatchObject({ names: ["a", "b"], nextPageToken: Buffer.from([1]) });
  });

  test("status says who the member is, what keeps it from serving, and its counts, ready or not", async () => {
    const { client, port } = await startDoor();
    port.role = "starting";
    port.notReady = ["replaying the journal"];
    const { response } = await outcome<GetStatusResponse>((done) => client.getStatus({}, done));
    expect(response).toMatchObject({ epoch: 3, version: "0.0.1", notReady: ["replaying the journal"] });
    expect(response?.members).toMatchObject([{ id: 1, role: "starting", grpcAddress: "127.0.0.1:7400" }]);
    expect(response?.counts.get("nodes")).toBe(5);
  });
});

describe("failures", () => {
  test("every error has a status and an ErrorInfo whose reason is the core's", async () => {
    const { client } = await startDoor();
    const { ending } = await outcome<GetZnodeResponse>((done) => client.getZnode({ path: "/none" }, done));
    expect(ending).toMatchObject({ code: 5, reason: "NODE_NOT_FOUND", domain: "muster.dev" });
    expect(ending?.metadata.get("zxid")).toBe(`${FIRST_ZXID}`);
  });

  test.for([
    { concern: { ensembleId: "e".repeat(32), minZxid: 0 } },
    { concern: { ensembleId: "", minZxid: 2 ** 50 } },
  ])("core.md 15: a min_zxid of another history is WRONG_ENSEMBLE, not a wait: $concern", async ({ concern }) => {
    const { client, port } = await startDoor();
    const readConcern = { ...concern, linearizable: false };
    const { ending } = await outcome<GetZnodeResponse>((done) => client.getZnode({ path: "/", readConcern }, done));
    expect(ending).toMatchObject({ code: 9, reason: "WRONG_ENSEMBLE" });
    expect(port.connections).toEqual([]);
  });

  test("a read that waits too long is DEADLINE_EXCEEDED; a write says its outcome is unknown", async () => {
    const { client, port } = await startDoor({ unaryTimeoutMs: 1 });
    port.autoAnswer = false;
    const read = await outcome<GetZnodeResponse>((done) => client.getZnode({ path: "/" }, done));
    expect(read.ending).toMatchObject({ code: 4, reason: "DEADLINE_EXCEEDED" });
    expect(read.ending?.metadata.has("outcome")).toBe(false);
    expect(port.last.detached).toBe(true);
    const write = await outcome<CreateZnodeResponse>((done) => client.createZnode(create("/a"), done));
    expect(write.ending).toMatchObject({ code: 4, reason: "DEADLINE_EXCEEDED" });
    expect(write.ending?.metadata.get("outcome")).toBe("unknown");
  });

  test("the call's own deadline bounds the wait", async () => {
    const { client, port } = await startDoor();
    port.autoAnswer = false;
    const error = await new Promise<ServiceError | null>((resolve) => {
      client.getZnode({ path: "/" }, new Metadata(), { deadline: Date.now() + 100 }, resolve);
    });
    expect(error?.code).toBe(4);
    await expect.poll(() => port.last.detached).toBe(true);
  });

  test("a call its client gave up lets go of its connection", async () => {
    const { client, port } = await startDoor();
    port.autoAnswer = false;
    const call = client.getZnode({ path: "/" }, () => {});
    await expect.poll(() => port.connections.length).toBe(1);
    call.cancel();
    await expect.poll(() => port.last.detached).toBe(true);
  });

  test("a defect is INTERNAL with an id and without its text", async () => {
    const { client, port, logged, door } = await startDoor();
    port.connect = () => {
      throw new Error("secret detail");
    };
    const { ending } = await outcome<GetZnodeResponse>((done) => client.getZnode({ path: "/" }, done));
    expect(ending).toMatchObject({ code: 13, reason: "INTERNAL" });
    expect(logged.find(({ level }) => level === "error")?.fields).toMatchObject({
      errorId: ending?.metadata.get("error_id"),
    });
    expect(door.stats()).toMatchObject({ unaryCalls: 1, unaryFailures: 1, defects: 1 });
  });

  test.for(["GetZnode", "ListZnodes", "CreateZnode", "SetZnode", "DeleteZnode", "GetStatus"])(
    "%s refuses what is not protobuf as MALFORMED",
    async (method) => {
      const { address } = await startDoor();
      const ending = await sendRaw(address, method, Buffer.from([0x0a, 0x7f]));
      expect(ending).toMatchObject({ code: 3, reason: "MALFORMED" });
    },
  );

  test.for([
    { method: "CreateZnode", reason: "INVALID_ARGUMENT", bytes: [] },
    { method: "SetZnode", reason: "INVALID_ARGUMENT", bytes: [] },
    { method: "CreateZnode", reason: "INVALID_ARGUMENT", bytes: [0x0a, 2, 0x18, 50] },
    { method: "GetZnode", reason: "MESSAGE_TOO_LARGE", bytes: new Array<number>(70_000).fill(0) },
  ])("$method refuses $reason", async ({ method, reason, bytes }) => {
    const { address } = await startDoor();
    expect(await sendRaw(address, method, Buffer.from(bytes))).toMatchObject({ reason });
  });

  test("data above the message limit is MESSAGE_TOO_LARGE", async () => {
    const { address } = await startDoor({ messageBytesMax: 1_000 });
    const request = CreateZnodeRequest.encode(create("/a", new Uint8Array(1_000))).finish();
    expect(await sendRaw(address, "CreateZnode", Buffer.from(request))).toMatchObject({ reason: "MESSAGE_TOO_LARGE" });
  });
});
