import { type MultiOperation, type MusterClient, permission } from "@muster/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failure, SdkRig, text, told } from "./sdk-rig.ts";

const DATA_BYTES_MAX = 1024 * 1024;

let rig: SdkRig;
let client: MusterClient;
beforeAll(async () => {
  rig = await SdkRig.start();
  client = await rig.connect();
});
afterAll(() => rig?.[Symbol.asyncDispose]());

describe("kinds of znodes", () => {
  test("are told with the ACL, as they were created", async () => {
    const made = [
      ["persistent", {}, { mode: "persistent", ttlMs: undefined }],
      ["numbered-", { sequential: true }, { mode: "persistent", ttlMs: undefined }],
      ["container", { mode: "container" }, { mode: "container", ttlMs: undefined }],
      ["brief", { ttlMs: 3_600_000 }, { mode: "persistent", ttlMs: 3_600_000 }],
      ["brief-", { ttlMs: 2 ** 40 - 1, sequential: true }, { mode: "persistent", ttlMs: 2 ** 40 - 1 }],
      ["mine", { mode: "ephemeral" }, { mode: "ephemeral", ttlMs: undefined }],
      ["mine-", { mode: "ephemeral", sequential: true }, { mode: "ephemeral", ttlMs: undefined }],
    ] as const;
    await client.znodes.create("/kinds");
    for (const [name, options, expected] of made) {
      const { path } = await client.znodes.create(`/kinds/${name}`, "", options);
      const open = [{ permissions: permission.ALL, scheme: "world", id: "anyone" }];
      expect(await client.znodes.getAcl(path)).toMatchObject({ ...expected, acl: open });
      const { results } = await client.znodes.multiRead([{ type: "get-acl", path }]);
      expect(results[0]).toMatchObject({ ok: true, value: expected });
    }
  });

  test("a TTL znode is removed once its time is over", async () => {
    const watch = client.znodes.watch("/passing");
    await client.znodes.create("/passing", "", { ttlMs: 1 });
    for await (const { type } of watch) if (type === "deleted") break;
    expect(await client.znodes.exists("/passing")).toBeUndefined();
  });
});

describe("a multi", () => {
  test("is all or nothing, and its outcomes are of one zxid", async () => {
    const { zxid, results } = await client.znodes.multi([
      { type: "create", path: "/all", data: "1" },
      { type: "create", path: "/all/n-", sequential: true },
      { type: "set", path: "/all", data: "2", version: 0 },
      { type: "check", path: "/all", version: 1 },
      { type: "delete", path: "/all/n-0000000000" },
    ]);
    expect(results[0].stat.czxid).toBe(zxid);
    expect(results[1].path).toBe("/all/n-0000000000");
    expect(results[2].stat.version).toBe(1);
    expect(await client.znodes.get("/all")).toMatchObject({ stat: { version: 1, numChildren: 0, cversion: 2 } });
  });

  test.for<[string, MultiOperation, string]>([
    ["NODE_EXISTS", { type: "create", path: "/nothing" }, "/nothing"],
    ["NODE_NOT_FOUND", { type: "set", path: "/nothing/none", data: "" }, "/nothing/none"],
    ["NODE_NOT_FOUND", { type: "create", path: "/none/child" }, "/none/child"],
    ["VERSION_MISMATCH", { type: "check", path: "/nothing", version: 9 }, "/nothing"],
    ["VERSION_MISMATCH", { type: "set-acl", path: "/nothing", acl: openAcl(), version: 9 }, "/nothing"],
    ["NOT_EMPTY", { type: "delete", path: "/nothing" }, "/nothing"],
    ["INVALID_ACL", { type: "set-acl", path: "/nothing", acl: [] }, "/nothing"],
    ["INVALID_PATH", { type: "delete", path: "nothing" }, "nothing"],
    ["TOO_LARGE", { type: "set", path: "/nothing", data: "x".repeat(DATA_BYTES_MAX + 1) }, "/nothing"],
  ])("of which a part fails with %s changes nothing, and says which", async ([reason, part, path]) => {
    await client.znodes.create("/nothing", "as it was", { ifAbsent: true });
    await client.znodes.create("/nothing/child", "", { ifAbsent: true });
    const before = await client.znodes.get("/nothing");
    const error = await failure(
      client.znodes.multi([
        { type: "create", path: "/nothing/n-", sequential: true },
        { type: "set", path: "/nothing", data: "changed" },
        part,
        { type: "create", path: "/after" },
      ]),
    );
    expect(error).toMatchObject({ reason, path, partIndex: 2, maybeApplied: false });
    const after = await client.znodes.get("/nothing");
    expect([after.stat, text(after.data)]).toEqual([before.stat, "as it was"]);
    expect(await client.znodes.exists("/after")).toBeUndefined();
    // A failed command has its place in the history, too.
    expect(error.zxid).toBeGreaterThan(before.zxid);
  });
});

describe("limits", () => {
  test("1 MiB of data is kept to the byte; one more is TOO_LARGE", async () => {
    const data = Uint8Array.from({ length: DATA_BYTES_MAX }, (_, index) => index * 7);
    await client.znodes.create("/large", data);
    expect(Buffer.compare((await client.znodes.get("/large")).data, data)).toBe(0);
    const larger = new Uint8Array(DATA_BYTES_MAX + 1);
    for (const call of [client.znodes.create("/larger", larger), client.znodes.set("/large", larger)]) {
      expect(await failure(call)).toMatchObject({ reason: "TOO_LARGE", retry: "never", maybeApplied: false });
    }
    expect((await client.znodes.exists("/large"))?.version).toBe(0);
  });

  test("a request of more than 4 MiB is MESSAGE_TOO_LARGE, and the session goes on", async () => {
    const { id } = client.session;
    const part = { type: "set", path: "/large", data: new Uint8Array(DATA_BYTES_MAX) } as const;
    const few = await client.znodes.multi([part, part, part]);
    expect(few.results[2].stat.version).toBe(3);
    const error = await failure(client.znodes.multi([part, part, part, part, part]));
    expect(error).toMatchObject({ reason: "MESSAGE_TOO_LARGE", maybeApplied: false });
    expect((await client.znodes.exists("/large"))?.version).toBe(3);
    expect(client.session).toMatchObject({ id, state: "open" });
  });

  test("an answer of more than 8 MiB is TOO_LARGE, and its neighbours come", async () => {
    const read = { type: "get", path: "/large" } as const;
    const seven = client.znodes.multiRead([read, read, read, read, read, read, read]);
    const nine = client.znodes.multiRead([read, read, read, read, read, read, read, read, read]);
    const after = client.znodes.exists("/large");
    expect((await seven).results.map(({ ok }) => ok)).toEqual(new Array(7).fill(true));
    expect(await failure(nine)).toMatchObject({ reason: "TOO_LARGE" });
    expect((await after)?.dataLength).toBe(DATA_BYTES_MAX);
  });

  test("core.md 6: 10,000 znodes go at once, more are TOO_LARGE; a list comes page by page", async () => {
    await client.znodes.create("/wide");
    const creates = Array.from({ length: 10_000 }, (_, n) => ({ type: "create", path: `/wide/${n}` }) as const);
    await client.znodes.multi(creates);
    expect(await client.znodes.count("/wide")).toBe(10_000);
    expect(await failure(client.znodes.deleteTree("/wide"))).toMatchObject({ reason: "TOO_LARGE", path: "/wide" });
    const tooMany = [...creates, { type: "check", path: "/wide" } as const];
    expect(await failure(client.znodes.multi(tooMany))).toMatchObject({ reason: "TOO_LARGE" });
    const sizes: number[] = [];
    for await (const page of client.znodes.listPages("/wide", { pageSize: 3_000 })) sizes.push(page.names.length);
    expect(sizes).toEqual([3_000, 3_000, 3_000, 1_000]);
    expect(await client.znodes.list("/wide")).toEqual(creates.map(({ path }) => path.slice("/wide/".length)));
    await client.znodes.delete("/wide/0");
    expect((await client.znodes.deleteTree("/wide")).count).toBe(10_000);
  });

  test.for([
    ["", "INVALID_PATH"],
    ["relative", "INVALID_PATH"],
    ["/end/", "INVALID_PATH"],
    ["//", "INVALID_PATH"],
    ["/a//b", "INVALID_PATH"],
    ["/a/./b", "INVALID_PATH"],
    ["/a/../b", "INVALID_PATH"],
    ["/nul\0", "INVALID_PATH"],
    ["/control\u0007", "INVALID_PATH"],
    ["/lone\ud800surrogate", "INVALID_PATH"],
    ["/\u{1f409}", "INVALID_PATH"],
    [`/${"p".repeat(4_096)}`, "INVALID_PATH"],
    ["/", "NODE_EXISTS"],
  ] as const)("the path %j cannot be created: %s", async ([path, reason]) => {
    expect(await failure(client.znodes.create(path))).toMatchObject({ reason, path, maybeApplied: false });
  });

  test("the longest path, and one of many scripts, can", async () => {
    for (const path of [`/${"p".repeat(4_095)}`, "/ключ", "/鍵", "/with space", "/a.b", "/..."]) {
      expect((await client.znodes.create(path, path)).path).toBe(path);
      expect(text((await client.znodes.get(path)).data)).toBe(path);
    }
  });

  test("arguments of a wrong kind are refused before they are sent", async () => {
    const calls = [
      client.znodes.get(7 as unknown as string),
      client.znodes.create("/typed", 7 as unknown as string),
      client.znodes.set("/typed", "", { version: 1.5 }),
      client.znodes.get("/typed", { minZxid: -1 }),
      client.znodes.create("/typed", "", { ttlMs: 1.5 }),
      client.znodes.create("/typed", "", { mode: "container", sequential: true }),
    ];
    for (const call of calls) expect(await failure(call)).toMatchObject({ reason: "INVALID_ARGUMENT" });
    for (const ttlMs of [0, 2 ** 40]) {
      expect(await failure(client.znodes.create("/typed", "", { ttlMs }))).toMatchObject({
        reason: "INVALID_ARGUMENT",
      });
    }
  });
});

describe("giving up", () => {
  test("a read that waits is CANCELLED by its signal, and DEADLINE_EXCEEDED by its time-out", async () => {
    const { client: waiting } = await rig.proxied();
    const minZxid = waiting.zxid + 1_000_000;
    const controller = new AbortController();
    const aborted = failure(waiting.znodes.exists("/", { minZxid, signal: controller.signal }));
    const late = failure(waiting.znodes.exists("/", { minZxid, timeoutMs: 20 }));
    expect(await late).toMatchObject({ reason: "DEADLINE_EXCEEDED", path: "/", maybeApplied: false });
    controller.abort("enough");
    expect(await aborted).toMatchObject({ reason: "CANCELLED", path: "/", cause: "enough", maybeApplied: false });
    const never = waiting.znodes.exists("/", { signal: AbortSignal.abort() });
    expect(await failure(never)).toMatchObject({ reason: "CANCELLED" });
  });

  test("a write says whether it may have been applied: sent ones may, unsent ones were not", async () => {
    const { client: cut, proxy } = await rig.proxied();
    await cut.znodes.create("/given-up", "0");
    proxy.stall("both");
    const controller = new AbortController();
    const { signal } = controller;
    const sent = failure(cut.znodes.set("/given-up", "sent", { timeoutMs: 20 }));
    const aborted = failure(cut.znodes.set("/given-up", "aborted", { signal }));
    expect(await sent).toMatchObject({ reason: "OUTCOME_UNKNOWN", maybeApplied: true, retry: "same-request" });
    controller.abort();
    expect(await aborted).toMatchObject({ reason: "CANCELLED", maybeApplied: true });
    const lost = told(cut, "disconnected");
    proxy.refuse();
    await lost;
    const unsent = failure(cut.znodes.set("/given-up", "unsent", { timeoutMs: 20 }));
    expect(await unsent).toMatchObject({ reason: "DEADLINE_EXCEEDED", maybeApplied: false });
    const resumed = told(cut, "session-resumed");
    proxy.goOn();
    await resumed;
    // Nothing of it was applied: what nobody waits for any more is not sent again.
    expect(await cut.znodes.get("/given-up")).toMatchObject({ stat: { version: 0 } });
  });

  test("close answers what was called before, and refuses what comes after", async () => {
    const closing = await rig.connect();
    const calls = Array.from({ length: 100 }, (_, n) => closing.znodes.create(`/closing-${n}`));
    const closed = closing.close();
    const refused = failure(closing.znodes.create("/too-late"));
    await closed;
    expect((await Promise.all(calls)).every(({ created }) => created)).toBe(true);
    expect(await refused).toMatchObject({ reason: "CLIENT_CLOSED", path: "/too-late", maybeApplied: false });
    expect(await client.znodes.exists("/too-late")).toBeUndefined();
  });

  test("nobody at the endpoint is UNREACHABLE, named, within connectTimeoutMs", async () => {
    const { proxy } = await rig.proxied();
    proxy.refuse();
    const error = await failure(rig.connect({ endpoints: proxy.endpoint, connectTimeoutMs: 200 }));
    expect(error.reason).toBe("UNREACHABLE");
    expect(error.message).toContain(proxy.endpoint);
  });
});

function openAcl() {
  return [{ permissions: permission.ALL, scheme: "world", id: "anyone" }];
}
