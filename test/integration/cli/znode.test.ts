import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCheckout } from "../../support/checkout.ts";
import { ended, MusterHome, type Ran, type RunningServer } from "./muster-process.ts";

let home: MusterHome;
let server: RunningServer;
beforeAll(async () => {
  home = new MusterHome();
  server = await home.server();
});
afterAll(() => home.dispose());

function muster(args: readonly string[], stdin?: string | Uint8Array): Promise<Ran> {
  return home.run(args, { MUSTER_ENDPOINTS: server.ready.grpc }, stdin);
}

/** The output of a command that must succeed. */
async function out(args: readonly string[], stdin?: string | Uint8Array): Promise<string> {
  const { code, stdout, stderr } = await muster(args, stdin);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
  return String(stdout);
}

async function json(args: readonly string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await out([...args, "-o", "json"])) as Record<string, unknown>;
}

describe("data", () => {
  test("get prints the data alone: the bytes of standard input come back as they went", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await out(["znode", "create", "/bytes", "-"], bytes);
    expect((await muster(["znode", "get", "/bytes"])).stdout).toEqual(Buffer.from(bytes));
    expect(await json(["znode", "get", "/bytes"])).toMatchObject({
      path: "/bytes",
      base64: Buffer.from(bytes).toString("base64"),
    });
  });

  test("a znode without data prints nothing", async () => {
    await out(["znode", "create", "/empty"]);
    expect(await out(["znode", "get", "/empty"])).toBe("");
  });

  test("set answers the new version and holds to --version", async () => {
    await out(["znode", "create", "/versioned", "a"]);
    expect(await out(["znode", "set", "/versioned", "b", "--version", "0"])).toBe("version 1\n");
    const late = await muster(["znode", "set", "/versioned", "c", "--version", "0"]);
    expect(late.code).toBe(1);
    expect(late.stderr).toMatch(/^muster: \[VERSION_MISMATCH\] .*\(\/versioned\)/);
    expect(await json(["znode", "get", "/versioned"])).toMatchObject({
      utf8: "b",
      stat: { version: 1, dataLength: 1 },
    });
  });

  test("stat shows ZooKeeper's eleven fields", async () => {
    await out(["znode", "create", "/stat", "abc"]);
    const { stat } = await json(["znode", "stat", "/stat"]);
    expect(Object.keys(stat as object)).toHaveLength(11);
    expect((await out(["znode", "stat", "/stat"])).split("\n")).toContain("dataLength      3");
  });
});

describe("create", () => {
  test("prints the path, with its number when sequential", async () => {
    await out(["znode", "create", "/seq"]);
    expect(await out(["znode", "create", "-s", "/seq/n-"])).toBe("/seq/n-0000000000\n");
    expect(await out(["znode", "create", "-s", "/seq/n-"])).toBe("/seq/n-0000000001\n");
  });

  test("--parents creates what is missing above, --if-absent leaves what is there", async () => {
    expect((await muster(["znode", "create", "/p/q/r"])).code).toBe(1);
    await out(["znode", "create", "-p", "/p/q/r", "deep"]);
    expect(await json(["znode", "create", "--if-absent", "/p/q/r", "other"])).toMatchObject({ created: false });
    expect(await out(["znode", "get", "/p/q/r"])).toBe("deep");
  });

  test("an ACL is obeyed, and --auth proves an identity", async () => {
    await out(["znode", "create", "/closed", "x", "--acl", "auth::cdrwa", "--auth", "digest:ann:secret"]);
    const refused = await muster(["znode", "get", "/closed"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("[NO_PERMISSION]");
    expect(await out(["znode", "get", "/closed", "--auth", "digest:ann:secret"])).toBe("x");
    await out(["znode", "delete", "/closed", "--auth", "digest:ann:secret"]);
  });

  test("an ephemeral one stays until Ctrl-C and is gone then", async () => {
    const child = home.start(["znode", "create", "-e", "/brief"], { MUSTER_ENDPOINTS: server.ready.grpc });
    await once(createInterface({ input: child.stdout as Readable }), "line");
    expect((await json(["znode", "stat", "/brief"]))["stat"]).not.toMatchObject({ ephemeralOwner: "0x0" });
    child.kill("SIGINT");
    expect(await ended(child)).toBe(0);
    expect((await muster(["znode", "stat", "/brief"])).code).toBe(1);
  });
});

describe("ls", () => {
  test("lists in the order of creation, long, recursive and as JSON", async () => {
    for (const path of ["/ls", "/ls/b", "/ls/a", "/ls/b/c"]) await out(["znode", "create", path, "12"]);
    expect(await out(["znode", "ls", "/ls"])).toBe("b\na\n");
    expect(await out(["znode", "ls", "-R", "/ls"])).toBe("/ls/b\n/ls/b/c\n/ls/a\n");
    expect(await json(["znode", "ls", "/ls"])).toEqual(["b", "a"]);
    const [heading, first] = (await out(["znode", "ls", "-l", "/ls"])).split("\n");
    expect(heading).toMatch(/^CHILDREN +BYTES +VERSION +MODIFIED +MZXID +NAME$/);
    expect(first).toMatch(/^ +1 +2 +0 +\S+Z +0x[0-9a-f]+ +b$/);
  });
});

describe("delete", () => {
  test("a znode with children is refused, with --recursive it goes with all below", async () => {
    await out(["znode", "create", "-p", "/del/a/b"]);
    const refused = await muster(["znode", "delete", "/del"]);
    expect({ code: refused.code, stderr: refused.stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^muster: \[NOT_EMPTY\] .*--recursive\n$/),
    });
    expect(await out(["znode", "delete", "-r", "/del"])).toBe("deleted 3 znodes\n");
    expect((await muster(["znode", "stat", "/del"])).code).toBe(1);
  });

  test("core.md 6: a subtree too large for one command is deleted in several", async () => {
    const line = (path: string) => `${JSON.stringify({ path, utf8: "" })}\n`;
    const wide = Array.from({ length: 6_000 }, (_, index) => [`/big/a/${index}`, `/big/b/${index}`]).flat();
    const lines = ["/big", "/big/a", "/big/b", ...wide].map(line).join("");
    await out(["znode", "import", "-"], lines);
    expect(await out(["znode", "delete", "-r", "/big"])).toBe("deleted 12003 znodes\n");
  });
});

describe("watch", () => {
  test("prints each change as a line of JSON, and ends after --count", async () => {
    await out(["znode", "create", "/watched", "0"]);
    const { zxid } = await json(["znode", "get", "/watched"]);
    await out(["znode", "create", "/watched/child"]);
    await out(["znode", "set", "/watched", "1"]);
    await out(["znode", "delete", "/watched/child"]);
    const args = ["znode", "watch", "/watched", "--after", zxid as string, "--count", "3", "-o", "json"];
    const lines = (await out(args)).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { type: "created", path: "/watched/child" },
      { type: "data-changed", path: "/watched" },
      { type: "deleted", path: "/watched/child" },
    ]);
  });

  test("goes on until Ctrl-C, which is a success", async () => {
    const { zxid } = await json(["znode", "create", "/later"]);
    const args = ["znode", "watch", "/later", "--after", zxid as string];
    const child = home.start(args, { MUSTER_ENDPOINTS: server.ready.grpc });
    const line = once(createInterface({ input: child.stdout as Readable }), "line");
    await out(["znode", "set", "/later", "now"]);
    expect((await line)[0]).toMatch(/^0x[0-9a-f]+ {2}data-changed +\/later$/);
    child.kill("SIGINT");
    expect(await ended(child)).toBe(0);
  });
});

describe("export and import", () => {
  test("a subtree comes back as it was: paths, bytes, ACLs and kinds", async () => {
    await out(["znode", "create", "/copy", "top"]);
    await out(["znode", "create", "/copy/bytes", "-"], Uint8Array.from([0xff, 0, 10]));
    await out(["znode", "create", "/copy/read-only", "x", "--acl", "world:anyone:rdc"]);
    await out(["znode", "create", "/copy/container", "", "--container"]);
    await out(["znode", "create", "/copy/brief", "", "--ttl", "1h"]);
    const exported = await out(["znode", "export", "/copy"]);
    expect(
      exported
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as object),
    ).toEqual([
      { path: "/copy", utf8: "top" },
      { path: "/copy/bytes", base64: "/wAK" },
      { path: "/copy/read-only", utf8: "x", acl: ["world:anyone:cdr"] },
      { path: "/copy/container", utf8: "", mode: "container" },
      { path: "/copy/brief", utf8: "", mode: "ttl", ttlMs: 3_600_000 },
    ]);
    await out(["znode", "delete", "-r", "/copy"]);
    const file = join(home.directory, "copy.jsonl");
    writeFileSync(file, exported);
    expect(await out(["znode", "import", file, "--dry-run"])).toBe(
      "5 would be created, 0 would be changed, 0 left alone\n",
    );
    expect((await muster(["znode", "stat", "/copy"])).code).toBe(1);
    expect(await out(["znode", "import", file])).toBe("5 created, 0 changed, 0 left alone\n");
    expect(await out(["znode", "import", file])).toBe("0 created, 0 changed, 5 left alone\n");
    expect(await out(["znode", "export", "/copy"])).toBe(readFileSync(file, "utf8"));
  });

  test("what is there with other data is set, or left with --if-absent", async () => {
    await out(["znode", "create", "/merge", "old"]);
    const line = '{"path":"/merge","utf8":"new"}\n';
    expect(await out(["znode", "import", "-", "--if-absent"], line)).toBe("0 created, 0 changed, 1 left alone\n");
    expect(await out(["znode", "get", "/merge"])).toBe("old");
    expect(await out(["znode", "import", "-"], line)).toBe("0 created, 1 changed, 0 left alone\n");
    expect(await out(["znode", "get", "/merge"])).toBe("new");
  });

  test("a broken line is named, with what came before it done; a missing parent too", async () => {
    const broken = await muster(["znode", "import", "-"], '{"path":"/half","utf8":""}\n{"path":1}\n');
    expect({ code: broken.code, stderr: broken.stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^muster: standard input:2: has no path that begins with \//),
    });
    const orphan = await muster(["znode", "import", "-"], '{"path":"/none/such","utf8":""}\n');
    expect({ code: orphan.code, stderr: orphan.stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^muster: standard input:1: \[NODE_NOT_FOUND\]/),
    });
    expect(await out(["znode", "import", "-", "--parents"], '{"path":"/none/such","utf8":""}\n')).toMatch(/^1 created/);
  });
});

test("ensemble status -o json is {members: [{id, role, zxid, ...}]}", async () => {
  const status = await json(["ensemble", "status"]);
  expect(Object.keys(status)).toEqual(["members"]);
  const zxid = expect.stringMatching(/^0x[0-9a-f]+$/);
  expect(status["members"]).toMatchObject([
    { id: 1, role: "leader", zxid, grpcAddress: server.ready.grpc, notReady: [] },
  ]);
});

test("products.md 6: docs/names.md shows what becomes of raw writes where products write", async () => {
  const [transcript = ""] = /(?<=```console\n)[^`]*/.exec(readCheckout("docs/names.md")) ?? [];
  const steps = transcript.split(/^\$ npx muster /m).slice(1);
  expect(steps).toHaveLength(3);
  for (const step of steps) {
    const [command = "", shown] = step.split("\n");
    const { code, stdout, stderr } = await muster(command.split(" "));
    expect({ command, said: `${stdout}${stderr}` }).toEqual({ command, said: `${shown}\n` });
    expect(code).toBe(shown?.startsWith("muster: ") ? 1 : 0);
  }
});

test("znode paths are completed from the ensemble", async () => {
  await out(["znode", "create", "-p", "/complete/me"]);
  expect(await out(["__complete", "--", "znode", "get", "/comp"])).toBe("/complete/\n");
  expect(await out(["__complete", "--", "znode", "get", "/complete/"])).toBe("/complete/me\n");
});

test("verify refuses a directory in use, and finds a stopped member's sound", async () => {
  const other = new MusterHome();
  try {
    const { child, ready } = await other.server();
    await other.run(["znode", "create", "/a", "x"], { MUSTER_ENDPOINTS: ready.grpc });
    const busy = await other.run(["verify", "data"]);
    expect(busy.code).toBe(1);
    expect(String(busy.stdout)).toContain("stop the member first");
    child.kill("SIGTERM");
    expect(await ended(child)).toBe(0);
    const sound = await other.run(["verify", "data"]);
    expect(String(sound.stdout)).toMatch(/state {5}loads and replays to zxid 0x[0-9a-f]+\n.*: sound\n$/);
    expect(sound.code).toBe(0);
  } finally {
    await other.dispose();
  }
});
