import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import type { Gatekeeper } from "../../../src/products/floor/gatekeeper.ts";
import type { MemberRuntime } from "../../../src/runtime/member-runtime.ts";
import type { Log } from "../../../src/server/logging.ts";
import { resolveOptions, type ServerOptions } from "../../../src/server/options.ts";
import { type OpenZookeeperDoor, openZookeeperDoor } from "../../../src/server/zookeeper-door.ts";
import { openGate } from "../api/open-gate.ts";
import { ScriptedCoordination } from "../api/scripted-coordination.ts";
import { TestClient } from "../api/zookeeper/test-client.ts";

let cwd: string;
let logged: string[];

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "muster-zookeeper-door-"));
  logged = [];
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

/** What four-letter words ask of a runtime. */
const runtime = {
  snapshot: () => ({ stats: () => ({ databaseBytes: 3, walBytes: 4 }) }),
  journal: () => ({ stats: () => ({ diskBytes: 5 }) }),
  dataDir: { directory: "/data" },
} as unknown as MemberRuntime;

async function open(
  command: "server" | "dev",
  flags: Record<string, unknown>,
  changes: Partial<ServerOptions> = {},
): Promise<OpenZookeeperDoor | undefined> {
  const { options } = resolveOptions({ command, flags, env: {}, cwd, terminal: false });
  const say = (level: string) => (_: object, message: string) => void logged.push(`${level}: ${message}`);
  const log = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") } as unknown as Log;
  const door = await openZookeeperDoor(
    { ...options, ...changes },
    runtime,
    new ScriptedCoordination(),
    openGate() as Gatekeeper,
    log,
  );
  onTestFinished(() => door?.stop());
  return door;
}

async function taken(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  onTestFinished(() => void server.close());
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function wordAt(port: number, word: string): Promise<string> {
  const client = await TestClient.at(port);
  return (await client.write(Buffer.from(word)).rest()).toString();
}

test("a door nobody asked for is not opened", async () => {
  expect(await open("server", {})).toBeUndefined();
  expect(await open("dev", { zookeeperListen: "off" })).toBeUndefined();
});

test("dev takes any other port where the one it would have is taken", async () => {
  const port = portOf(await taken(0));
  const door = await open("dev", {}, { zookeeperListen: { host: "127.0.0.1", port } });
  expect(door?.plain?.host).toBe("127.0.0.1");
  expect(door?.plain?.port).not.toBe(port);
  expect(await wordAt(door?.plain?.port ?? 0, "ruok")).toBe("imok");
});

test("a port somebody asked for is the one or none", async () => {
  const port = portOf(await taken(0));
  for (const command of ["server", "dev"] as const) {
    const opening = open(command, { zookeeperListen: `127.0.0.1:${port}` });
    await expect(opening).rejects.toMatchObject({ code: "EADDRINUSE", port });
  }
});

test("words are allowed as the options say, and tell the ports bound", async () => {
  const door = await open("server", { zookeeperListen: "127.0.0.1:0", zookeeper4lw: "conf,envi,dirs" });
  const port = door?.plain?.port ?? 0;
  expect(await wordAt(port, "ruok")).toContain("not in the whitelist");
  expect(await wordAt(port, "conf")).toContain(`clientPort=${port}\n`);
  expect(await wordAt(port, "envi")).toContain("user.dir=");
  expect(await wordAt(port, "dirs")).toMatch(/: 7\n.*: 5/s);
});

test("SIGHUP reads the files again; one that cannot be read leaves all as it is; stopped, it is deaf", async () => {
  const listeners = process.listenerCount("SIGHUP");
  const users = join(cwd, "users");
  writeFileSync(users, "ann=secret\n");
  chmodSync(users, 0o600);
  const door = await open("server", { zookeeperListen: "127.0.0.1:0", zookeeperSaslUsers: users });
  expect(process.listenerCount("SIGHUP")).toBe(listeners + 1);
  const reload = process.listeners("SIGHUP").at(-1) as () => void;
  reload();
  expect(logged).toContain("info: the users of the ZooKeeper door read again");
  writeFileSync(users, "nonsense\n");
  reload();
  expect(logged.at(-1)).toBe("error: the users of the ZooKeeper door stay as they were");
  await door?.stop();
  expect(process.listenerCount("SIGHUP")).toBe(listeners);
});

test("users that cannot be read at the start are an error then", async () => {
  const opening = open("server", { zookeeperListen: "127.0.0.1:0", zookeeperSaslUsers: join(cwd, "none") });
  await expect(opening).rejects.toThrow(/none/);
});
