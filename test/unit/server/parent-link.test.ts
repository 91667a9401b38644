import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { resolveOptions } from "../../../src/server/options.ts";
import { encodeOptions } from "../../../src/server/options-handover.ts";

let home: string;
let children: ChildProcess[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "muster-link-"));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

const { options } = resolveOptions({ command: "server", flags: { id: "3" }, env: {}, cwd: "/d", terminal: false });
const source = (name: string) => JSON.stringify(new URL(`../../../src/server/${name}.ts`, import.meta.url).href);

/** A process tied to its parent, without a member behind it: it says why it stops as its exit code tells. */
function program(body: string): string {
  const file = join(home, "child.mjs");
  writeFileSync(
    file,
    `import { register } from ${JSON.stringify(import.meta.resolve("tsx/esm/api"))}; register();
     const { linkToParent } = await import(${source("parent-link")});
     const { decodeOptions } = await import(${source("options-handover")});
     const { writeSync } = await import("node:fs");
     const alive = setInterval(() => {}, 1000);
     const stop = (why) => { writeSync(2, "stop: " + why); process.exit(5); };
     const link = linkToParent(decodeOptions(process.argv[2]), stop);
     const at = { host: "127.0.0.1", port: 7 };
     ${body}`,
  );
  return file;
}

const READY = "link.ready({ grpc: at, http: at, zookeeper: null, zookeeperTls: null, peer: null });";

function forkChild(body: string): ChildProcess {
  const child = fork(program(body), [encodeOptions(options)], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  children.push(child);
  return child;
}

async function ending(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  // "close" never comes after an IPC channel that was closed on purpose.
  const [stderr, [code]] = await Promise.all([text(child.stderr as Readable), once(child, "exit")]);
  return { code, stderr };
}

test("a member says to its parent where it serves", async () => {
  const child = forkChild(READY);
  const [message] = await once(child, "message");
  const at = { host: "127.0.0.1", port: 7 };
  const addresses = { grpc: at, http: at, zookeeper: null, zookeeperTls: null, peer: null };
  expect(message).toEqual({ type: "ready", pid: child.pid, addresses });
});

test("a member stops when its parent is gone", async () => {
  const child = forkChild(READY);
  const ended = ending(child);
  await once(child, "message");
  child.disconnect();
  expect(await ended).toEqual({ code: 5, stderr: "stop: the muster process that started this member is gone" });
});

test("Ctrl-C at the terminal is the parent's to decide on, SIGTERM stops", async () => {
  const child = forkChild(`process.on("SIGINT", () => process.send("interrupted")); ${READY}`);
  const ended = ending(child);
  await once(child, "message");
  child.kill("SIGINT");
  expect((await once(child, "message"))[0]).toBe("interrupted");
  child.kill("SIGTERM");
  expect(await ended).toEqual({ code: 5, stderr: "stop: asked to stop" });
});

test("why a member could not start is told in terms of its options", async () => {
  const child = forkChild('link.failed(Object.assign(new Error("in use"), { code: "EADDRINUSE", port: 7401 }));');
  const [message] = await once(child, "message");
  expect(message).toMatchObject({
    type: "failed",
    message: "127.0.0.1:7401 (--http-listen) is in use by another program",
  });
});

test("without a parent, the ready line is on standard output and Ctrl-C stops", async () => {
  const child = spawn(process.execPath, [program(READY), encodeOptions(options)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  const ended = ending(child);
  const [line] = await once(child.stdout, "data");
  expect(JSON.parse(String(line))).toEqual({ id: 3, grpc: "127.0.0.1:7", http: "127.0.0.1:7" });
  child.kill("SIGINT");
  expect(await ended).toEqual({ code: 5, stderr: "stop: interrupted" });
});
