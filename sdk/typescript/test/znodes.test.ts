import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MusterClient } from "../src/client.ts";
import { connectWith } from "../src/connect.ts";
import type { MusterError } from "../src/errors.ts";
import type { Operation, Result } from "../src/gen/muster/coordination/v1/session.ts";
import { Stat } from "../src/gen/muster/coordination/v1/znode.ts";
import { permission } from "../src/stat.ts";
import { FakeEnvironment } from "./support/fake-environment.ts";
import { ScriptedServer, type ScriptedStream } from "./support/scripted-server.ts";

const stat = (fields: Partial<Stat> = {}): Stat => Stat.fromPartial(fields as Stat);
const open = [{ permissions: permission.ALL, scheme: "world", id: "anyone" }];
const notFound = { status: 5, reason: "NODE_NOT_FOUND", message: "" };

let server: ScriptedServer;
let client: MusterClient;
let stream: ScriptedStream;

beforeEach(async () => {
  server = await ScriptedServer.start();
  const connecting = connectWith({ endpoints: server.endpoint }, { environment: new FakeEnvironment() });
  stream = await server.stream();
  await stream.open();
  client = await connecting;
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await client.close();
});

/** Answers the next operation, and gives what it was. */
async function answer(result: Partial<Result>): Promise<Operation> {
  const operation = await stream.operation();
  stream.results({ number: operation.number, zxid: 2_000, ...result });
  return operation;
}

describe("create", () => {
  test.for([
    [{}, 1],
    [{ sequential: true }, 3],
    [{ mode: "ephemeral" }, 2],
    [{ mode: "ephemeral", sequential: true }, 4],
    [{ mode: "container" }, 5],
    [{ ttlMs: 60_000 }, 6],
    [{ ttlMs: 60_000, sequential: true }, 7],
  ] as const)("%j is mode %i", async ([options, mode]) => {
    const call = client.znodes.create("/a", "x", options);
    const { operation } = await answer({ path: "/a", stat: stat({ czxid: 2_000 }) });
    expect(operation).toMatchObject({ $case: "create", value: { path: "/a", mode, ifAbsent: false } });
    expect((await call).created).toBe(true);
  });

  test("sends ACL and if_absent; an existing znode is told apart", async () => {
    const call = client.znodes.create("/a", undefined, { acl: open, ifAbsent: true });
    const { operation } = await answer({ path: "/a", stat: stat({ czxid: 1_500 }) });
    expect(operation).toMatchObject({ value: { acl: { entries: open }, ifAbsent: true, data: new Uint8Array(0) } });
    expect(await call).toMatchObject({ created: false, path: "/a", zxid: 2_000 });
  });
});

describe("reads and writes", () => {
  test("set and delete carry the version, zero and negative ones too", async () => {
    for (const version of [undefined, 0, -5, 2 ** 31 - 1]) {
      const set = client.znodes.set("/a", "x", { version });
      expect((await answer({ stat: stat() })).operation).toMatchObject({ $case: "set", value: { version } });
      await set;
      const deleted = client.znodes.delete("/a", { version });
      expect((await answer({})).operation).toMatchObject({ $case: "delete", value: { version } });
      expect(await deleted).toEqual({ zxid: 2_000 });
    }
  });

  test("data may be reused as soon as the call has returned, and what is read is the caller's", async () => {
    const data = Uint8Array.of(1, 2, 3);
    const set = client.znodes.set("/a", data);
    data.fill(9);
    const { operation } = await answer({ stat: stat() });
    expect(operation).toMatchObject({ value: { data: Buffer.of(1, 2, 3) } });
    await set;
    const get = client.znodes.get("/a");
    await answer({ data: Uint8Array.of(4, 5), stat: stat() });
    const read = await get;
    expect(read.data).toEqual(Uint8Array.of(4, 5));
    expect(read.data.buffer.byteLength).toBe(2);
  });

  test("a read carries how fresh it must be", async () => {
    const read = client.znodes.exists("/a", { linearizable: true, minZxid: 4_000 });
    expect(await answer({ stat: stat() })).toMatchObject({ linearizable: true, minZxid: 4_000 });
    await read;
  });

  test("all eleven fields of a stat, as plain numbers", async () => {
    const get = client.znodes.exists("/a");
    const wire = stat({
      czxid: 2 ** 52,
      mzxid: 2,
      createTimeMs: 1_700_000_000_000,
      modifyTimeMs: -1,
      version: -2,
      childVersion: 6,
      aclVersion: 7,
      ephemeralOwner: 2 ** 40,
      dataBytes: 9,
      childCount: 10,
      pzxid: 11,
    });
    await answer({ stat: wire });
    expect(await get).toEqual({
      czxid: 2 ** 52,
      mzxid: 2,
      ctime: 1_700_000_000_000,
      mtime: -1,
      version: -2,
      cversion: 6,
      aversion: 7,
      ephemeralOwner: 2 ** 40,
      dataLength: 9,
      numChildren: 10,
      pzxid: 11,
    });
  });

  test("deleteTree, count, ephemerals, ACLs and sync", async () => {
    const tree = client.znodes.deleteTree("/a");
    expect((await answer({ count: 12 })).operation?.$case).toBe("deleteTree");
    expect(await tree).toEqual({ count: 12, zxid: 2_000 });
    const count = client.znodes.count("/a");
    expect((await answer({ count: 0 })).operation?.$case).toBe("count");
    expect(await count).toBe(0);
    const ephemerals = client.znodes.ephemerals();
    const listed = await answer({ names: ["/x", "/y"] });
    expect(listed.operation).toMatchObject({ $case: "ephemerals", value: { path: "/" } });
    expect(await ephemerals).toEqual(["/x", "/y"]);
    const getAcl = client.znodes.getAcl("/a");
    await answer({ acl: { entries: open }, stat: stat({ aclVersion: 3 }) });
    expect(await getAcl).toMatchObject({ acl: open, stat: { aversion: 3 } });
    const setAcl = client.znodes.setAcl("/a", open, { version: 3 });
    const set = await answer({ stat: stat({ aclVersion: 4 }) });
    expect(set.operation).toMatchObject({ $case: "setAcl", value: { acl: { entries: open }, version: 3 } });
    expect((await setAcl).stat.aversion).toBe(4);
    const sync = client.znodes.sync();
    expect((await answer({})).operation?.$case).toBe("sync");
    expect(await sync).toEqual({ zxid: 2_000 });
  });

  test.for([
    [{}, { mode: "persistent", ttlMs: undefined }],
    [{ mode: 1 }, { mode: "persistent", ttlMs: undefined }],
    [{ mode: 2 }, { mode: "ephemeral", ttlMs: undefined }],
    [{ mode: 5 }, { mode: "container", ttlMs: undefined }],
    [
      { mode: 6, ttlMs: 60_000 },
      { mode: "persistent", ttlMs: 60_000 },
    ],
  ] as const)("an ACL answered with %j is of a znode made by %j", async ([wire, made]) => {
    const getAcl = client.znodes.getAcl("/a");
    await answer({ acl: { entries: open }, stat: stat(), ...wire });
    expect(await getAcl).toMatchObject({ acl: open, ...made });
  });

  test("an answer without the stat it must have is MALFORMED, not undefined", async () => {
    const get = client.znodes.get("/a");
    await answer({});
    await expect(get).rejects.toMatchObject({ reason: "MALFORMED" });
  });
});

describe("list", () => {
  test("reads page by page until there is no more", async () => {
    const names = client.znodes.list("/a", { pageSize: 2 });
    const first = await answer({ names: ["c", "a"], nextPageToken: Uint8Array.of(7), stat: stat() });
    expect(first.operation).toMatchObject({ $case: "list", value: { pageSize: 2, pageToken: new Uint8Array(0) } });
    const second = await answer({ names: ["b"], stat: stat() });
    expect(second.operation).toMatchObject({ value: { pageToken: Buffer.of(7) } });
    expect(await names).toEqual(["c", "a", "b"]);
  });

  test("asks for a further page only when it is wanted", async () => {
    const pages = client.znodes.listPages("/a");
    const page = pages.next();
    await answer({ names: ["a"], nextPageToken: Uint8Array.of(7), stat: stat({ childCount: 2 }), zxid: 3_000 });
    expect((await page).value).toMatchObject({ names: ["a"], zxid: 3_000, stat: { numChildren: 2 } });
    await pages.return();
    expect(stream.unread).toBe(0);
  });
});

describe("multi", () => {
  test("sends its parts in order and answers each with its type", async () => {
    const call = client.znodes.multi([
      { type: "create", path: "/a", data: "x", mode: "ephemeral" },
      { type: "set", path: "/b", data: "y", version: 4 },
      { type: "delete", path: "/c" },
      { type: "check", path: "/d", version: 0 },
      { type: "set-acl", path: "/e", acl: open },
    ]);
    const { operation } = await answer({
      parts: [
        { path: "/a", stat: stat({ czxid: 2_000 }) },
        { stat: stat({ version: 5 }) },
        {},
        {},
        { stat: stat() },
      ] as unknown as Result[],
    });
    expect(operation).toMatchObject({
      $case: "multi",
      value: {
        parts: [
          { operation: { $case: "create", value: { path: "/a", mode: 2 } } },
          { operation: { $case: "set", value: { path: "/b", version: 4 } } },
          { operation: { $case: "delete", value: { path: "/c", version: undefined } } },
          { operation: { $case: "check", value: { path: "/d", version: 0 } } },
          { operation: { $case: "setAcl", value: { path: "/e" } } },
        ],
      },
    });
    const { zxid, results } = await call;
    expect(zxid).toBe(2_000);
    const path: string = results[0].path;
    const version: number = results[1].stat.version;
    expect([path, version, results[2].zxid, results.length]).toEqual(["/a", 5, 2_000, 5]);
  });

  test("fails with the reason, path and index of the part that failed", async () => {
    const call = client.znodes.multi([
      { type: "delete", path: "/a" },
      { type: "delete", path: "/b" },
      { type: "delete", path: "/c" },
    ]);
    const rolledBack = { status: 10, reason: "ROLLED_BACK", message: "" };
    const parts = [{ failure: rolledBack }, { failure: notFound }, { failure: rolledBack }] as unknown as Result[];
    await answer({ failure: notFound, parts });
    const error: MusterError = await call.then(
      () => Promise.reject(new Error("it succeeded")),
      (reason) => reason,
    );
    expect(error).toMatchObject({ reason: "NODE_NOT_FOUND", path: "/b", partIndex: 1, zxid: 2_000 });
  });

  test("of no parts, or refused as a whole, is told so", async () => {
    const empty = client.znodes.multi([]);
    await answer({});
    expect(await empty).toEqual({ zxid: 2_000, results: [] });
    const whole = client.znodes.multi([{ type: "delete", path: "/a" }]);
    await answer({ failure: { status: 8, reason: "TOO_LARGE", message: "" } });
    await expect(whole).rejects.toMatchObject({ reason: "TOO_LARGE" });
  });
});

describe("multiRead", () => {
  test("gives each read its own outcome", async () => {
    const call = client.znodes.multiRead([
      { type: "get", path: "/a" },
      { type: "exists", path: "/b" },
      { type: "get", path: "/c" },
      { type: "list", path: "/d", pageSize: 5 },
      { type: "get-acl", path: "/e" },
    ]);
    const { operation } = await answer({
      parts: [
        { data: Buffer.from("x"), stat: stat() },
        { failure: notFound },
        { failure: notFound },
        { names: ["n"], stat: stat() },
        { acl: { entries: open }, stat: stat() },
      ] as unknown as Result[],
    });
    expect(operation).toMatchObject({ $case: "multiRead" });
    const { results } = await call;
    expect(results[0]).toMatchObject({ ok: true, value: { zxid: 2_000 } });
    expect(results[1]).toEqual({ ok: true, value: undefined });
    expect(results[2]).toMatchObject({ ok: false, error: { reason: "NODE_NOT_FOUND", path: "/c", partIndex: 2 } });
    expect(results[3]).toMatchObject({ ok: true, value: { names: ["n"] } });
    expect(results[4]).toMatchObject({ ok: true, value: { acl: open } });
  });
});

describe("diagnostics", () => {
  test("a listener that throws harms nobody", async () => {
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    const stopThrowing = client.diagnostics.subscribe(() => {
      throw new Error("listener");
    });
    const heard: string[] = [];
    const stop = client.diagnostics.subscribe(({ type }) => heard.push(type));
    client.diagnostics.emit({ type: "session-resumed", sessionId: 1 });
    stop();
    stopThrowing();
    client.diagnostics.emit({ type: "session-resumed", sessionId: 1 });
    expect(heard).toEqual(["session-resumed"]);
    expect((await warned).message).toBe("listener");
  });
});
