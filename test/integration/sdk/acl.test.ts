import { createHash } from "node:crypto";
import { type MusterClient, permission } from "@muster/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failure, SdkRig, text, told } from "./sdk-rig.ts";

const { READ, WRITE, CREATE, DELETE, ADMIN, ALL } = permission;
const digestOf = (secret: string) => {
  const user = secret.slice(0, secret.indexOf(":"));
  return `${user}:${createHash("sha1").update(secret).digest("base64")}`;
};
const ann = { scheme: "digest", secret: "ann:apple" };
const bob = { scheme: "digest", secret: "bob:berry" };
const annId = digestOf(ann.secret);
const bobId = digestOf(bob.secret);
const entry = (id: string, permissions: number) => ({ scheme: "digest", id, permissions });

let rig: SdkRig;
let asAnn: MusterClient;
let asBob: MusterClient;
let nobody: MusterClient;
beforeAll(async () => {
  rig = await SdkRig.start();
  [asAnn, asBob, nobody] = await Promise.all([
    rig.connect({ credentials: [ann] }),
    rig.connect({ credentials: [bob] }),
    rig.connect(),
  ]);
});
afterAll(() => rig?.[Symbol.asyncDispose]());

const denied = { reason: "NO_PERMISSION", retry: "never" };

describe("permissions", () => {
  test("each lets do what it says, and nothing else", async () => {
    const rows = [
      [READ, "get exists list count getAcl"],
      [WRITE, "set"],
      [CREATE, "create"],
      [DELETE, "delete"],
      [ADMIN, "getAcl setAcl"],
    ] as const;
    for (const [mask, allowed] of rows) {
      const path = `/permission-${mask}`;
      const acl = [entry(annId, ALL), entry(bobId, mask)];
      await asAnn.znodes.create(path, "", { acl });
      await asAnn.znodes.create(`${path}/child`, "");
      const calls = {
        get: () => asBob.znodes.get(path),
        exists: () => asBob.znodes.exists(path),
        list: () => asBob.znodes.list(path),
        count: () => asBob.znodes.count(path),
        getAcl: () => asBob.znodes.getAcl(path),
        setAcl: () => asBob.znodes.setAcl(path, acl),
        set: () => asBob.znodes.set(path, "x"),
        create: () => asBob.znodes.create(`${path}/other`),
        delete: () => asBob.znodes.delete(`${path}/child`),
      };
      const done: string[] = [];
      for (const [name, call] of Object.entries(calls)) {
        const outcome = await call().then(
          () => "done",
          (error: { reason: string }) => error.reason,
        );
        if (outcome === "done") done.push(name);
        else expect(outcome, name).toBe("NO_PERMISSION");
      }
      expect(done.sort()).toEqual(allowed.split(" ").sort());
    }
  });

  test("auth is whoever creates; without an identity it is INVALID_ACL", async () => {
    const acl = [{ scheme: "auth", id: "", permissions: ALL }];
    await asAnn.znodes.create("/auth", "x", { acl });
    expect((await asAnn.znodes.getAcl("/auth")).acl).toEqual([entry(annId, ALL)]);
    for (const client of [asBob, nobody]) expect(await failure(client.znodes.get("/auth"))).toMatchObject(denied);
    expect(await failure(nobody.znodes.create("/auth-2", "", { acl }))).toMatchObject({ reason: "INVALID_ACL" });
  });

  test("ip is where a client comes from", async () => {
    const acl = (id: string) => [{ scheme: "ip", id, permissions: READ }, entry(annId, ALL)];
    await asAnn.znodes.create("/ip-here", "x", { acl: acl("127.0.0.0/8") });
    await asAnn.znodes.create("/ip-there", "x", { acl: acl("10.0.0.0/8") });
    expect(text((await nobody.znodes.get("/ip-here")).data)).toBe("x");
    expect(await failure(nobody.znodes.get("/ip-there"))).toMatchObject(denied);
  });

  test("a multi is checked part by part, a multi-read answers part by part", async () => {
    await asAnn.znodes.create("/parts", "x", { acl: [entry(annId, ALL)] });
    const error = await failure(
      nobody.znodes.multi([
        { type: "create", path: "/parts-open" },
        { type: "set", path: "/parts", data: "y" },
      ]),
    );
    expect(error).toMatchObject({ ...denied, path: "/parts", partIndex: 1 });
    expect(await nobody.znodes.exists("/parts-open")).toBeUndefined();
    const { results } = await nobody.znodes.multiRead([
      { type: "get", path: "/" },
      { type: "get", path: "/parts" },
    ]);
    expect(results).toMatchObject([{ ok: true }, { ok: false, error: { ...denied, path: "/parts" } }]);
  });
});

test("without ADMIN the digests of an ACL are masked, its users are not", async () => {
  const world = { scheme: "world", id: "anyone", permissions: READ };
  await asAnn.znodes.create("/masked", "", { acl: [world, entry(annId, ALL), entry(bobId, READ | WRITE)] });
  expect((await asAnn.znodes.getAcl("/masked")).acl).toEqual([world, entry(annId, ALL), entry(bobId, READ | WRITE)]);
  for (const client of [asBob, nobody]) {
    const { acl } = await client.znodes.getAcl("/masked");
    expect(acl).toEqual([world, entry("ann:x", ALL), entry("bob:x", READ | WRITE)]);
  }
});

test("core.md 18: a watch reports what its client may read, and no more", async () => {
  await asAnn.znodes.create("/events");
  const acl = [entry(annId, ALL), entry(bobId, READ)];
  const watches = [asAnn, asBob, nobody].map((client) => client.znodes.watch("/events"));
  await Promise.all(watches.map((watch) => watch.ready));
  await asAnn.znodes.create("/events/secret", "", { acl: [entry(annId, ALL)] });
  await asAnn.znodes.create("/events/shared", "", { acl });
  await asAnn.znodes.set("/events/secret", "x");
  await asAnn.znodes.set("/events/shared", "x");
  await asAnn.znodes.setAcl("/events/shared", [entry(annId, ALL)]);
  await asAnn.znodes.set("/events/shared", "y");
  await asAnn.znodes.delete("/events/secret");
  const { zxid } = await asAnn.znodes.create("/events/end");
  const seen = await Promise.all(
    watches.map(async (watch) => {
      const events: string[] = [];
      for await (const event of watch) {
        if (event.zxid === zxid) break;
        events.push(`${event.type} ${event.path.slice("/events/".length)}`);
      }
      return events;
    }),
  );
  expect(seen).toEqual([
    [
      "created secret",
      "created shared",
      "data-changed secret",
      "data-changed shared",
      "data-changed shared",
      "deleted secret",
    ],
    ["created shared", "data-changed shared"],
    [],
  ]);
  // The same holds for what is replayed: each event by the ACL its znode had then.
  const { czxid } = (await asAnn.znodes.exists("/events")) as { czxid: number };
  const late = asBob.znodes.watch("/events", { afterZxid: czxid });
  const replayed: string[] = [];
  for await (const event of late) {
    if (event.zxid === zxid) break;
    replayed.push(`${event.type} ${event.path.slice("/events/".length)}`);
  }
  expect(replayed).toEqual(["created shared", "data-changed shared"]);
});

describe("credentials", () => {
  test("core.md 9: are proved again on every connection, those added later too", async () => {
    const { client, proxy } = await rig.proxied({ credentials: [ann] });
    await asAnn.znodes.create("/again", "a", { acl: [entry(annId, READ)] });
    await asAnn.znodes.create("/again-bob", "b", { acl: [entry(bobId, READ)] });
    expect(await failure(client.znodes.get("/again-bob"))).toMatchObject(denied);
    await client.authenticate(bob);
    expect(text((await client.znodes.get("/again-bob")).data)).toBe("b");
    const watch = client.znodes.watch("/again-bob");
    await watch.ready;
    const resumed = told(client, "session-resumed");
    proxy.cut();
    const reads = [client.znodes.get("/again"), client.znodes.get("/again-bob")];
    await resumed;
    expect((await Promise.all(reads)).map(({ data }) => text(data))).toEqual(["a", "b"]);
    watch.close();
  });

  test("that prove nothing are refused, where they are given", async () => {
    const error = await failure(rig.connect({ credentials: [{ scheme: "kerberos", secret: "x" }] }));
    expect(error).toMatchObject({ reason: "UNSUPPORTED" });
    expect(await failure(rig.connect({ credentials: [{ scheme: "digest", secret: "no-colon" }] }))).toMatchObject({
      reason: "INVALID_ARGUMENT",
    });
    expect(await failure(nobody.authenticate({ scheme: "kerberos", secret: "x" }))).toMatchObject({
      reason: "UNSUPPORTED",
    });
    expect((await nobody.znodes.exists("/")) !== undefined).toBe(true);
  });

  test("a wrong password is another identity, not an error", async () => {
    await asAnn.znodes.create("/wrong", "", { acl: [entry(annId, ALL)] });
    const client = await rig.connect({ credentials: [{ scheme: "digest", secret: "ann:apples" }] });
    expect(await failure(client.znodes.get("/wrong"))).toMatchObject(denied);
  });
});
