import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ended, MusterHome } from "./muster-process.ts";

let home: MusterHome;
beforeEach(() => {
  home = new MusterHome();
});
afterEach(() => home.dispose());

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("muster server", () => {
  test("says where it serves, and leaves pid and addresses in its data directory", async () => {
    const { ready } = await home.server();
    expect(ready).toMatchObject({ ready: true, id: 1 });
    const data = join(home.directory, "data");
    expect(readFileSync(join(data, "muster.pid"), "utf8").trim()).toBe(String(ready.pid));
    expect(JSON.parse(readFileSync(join(data, "addresses.json"), "utf8"))).toMatchObject({
      grpc: ready.grpc,
      http: ready.http,
    });
    expect((await fetch(`http://${ready.http}/readyz`)).status).toBe(200);
  });

  test("core.md 39: the member is a Node process with a larger young generation and a heap from --memory", async () => {
    const { ready } = await home.server(["--memory", "512MiB"]);
    const command = readFileSync(`/proc/${ready.pid}/cmdline`, "utf8").split("\0");
    expect(command).toEqual(expect.arrayContaining(["--max-semi-space-size=16", "--max-old-space-size=256"]));
  });

  test.for(["SIGINT", "SIGTERM"] as const)(
    "%s stops it with code 0, and what was written is there again",
    async (signal) => {
      const first = await home.server();
      const env = { MUSTER_ENDPOINTS: first.ready.grpc };
      expect((await home.run(["znode", "create", "/kept", "value"], env)).code).toBe(0);
      first.child.kill(signal);
      expect(await ended(first.child)).toBe(0);
      expect(isAlive(first.ready.pid)).toBe(false);
      const second = await home.server();
      const got = await home.run(["znode", "get", "/kept"], { MUSTER_ENDPOINTS: second.ready.grpc });
      expect(String(got.stdout)).toBe("value");
    },
  );

  test("when the muster process is killed, its member stops too", async () => {
    const { child, ready } = await home.server();
    child.kill("SIGKILL");
    await ended(child);
    await vi.waitUntil(() => !isAlive(ready.pid), { timeout: 30_000, interval: 20 });
  });

  test("when the member is killed, the code is 128 and the signal", async () => {
    const { child, ready } = await home.server();
    process.kill(ready.pid, "SIGKILL");
    expect(await ended(child)).toBe(137);
  });

  test("a second one on the same data directory is refused with a reason, and the first goes on", async () => {
    const { ready } = await home.server();
    const second = await home.run([
      "server",
      "--data-dir",
      "data",
      "--grpc-listen",
      "127.0.0.1:0",
      "--http-listen",
      "127.0.0.1:0",
    ]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain("data");
    expect(second.stderr).not.toMatch(/\n {4}at /);
    expect((await fetch(`http://${ready.http}/healthz`)).status).toBe(200);
  });

  test("wrong options start nothing", async () => {
    const { code, stdout, stderr } = await home.run(["server", "--data-dir", "data", "--ensemble", "1@a:1,2@b:1"]);
    expect({ code, stdout: String(stdout) }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^muster: --ensemble: has this member at a:1, but it listens on 127\.0\.0\.1:7402; /m);
    expect(existsSync(join(home.directory, "data"))).toBe(false);
  });
});

test.for(["--grpc-listen", "--http-listen"])(
  "a taken port of %s is named with the option that chooses another",
  async (flag) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = taken.address() as { port: number };
      const doors = ["--grpc-listen", "--http-listen"].flatMap((door) => [
        door,
        `127.0.0.1:${door === flag ? port : 0}`,
      ]);
      const { code, stderr } = await home.run(["dev", ...doors]);
      expect(code).toBe(1);
      expect(stderr).toContain(`127.0.0.1:${port} (${flag}) is in use by another program`);
      expect(stderr).not.toMatch(/\n {4}at /);
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
  },
);

test("muster dev keeps its member in ./.muster/member-1 and its banner's commands work as printed", async () => {
  const child = home.start(["dev", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]);
  let banner = "";
  child.stdout?.on("data", (chunk) => {
    banner += chunk;
  });
  child.stderr?.resume();
  await vi.waitUntil(() => banner.includes("Ctrl-C stops"), { timeout: 60_000, interval: 20 });
  expect(existsSync(join(home.directory, ".muster", "member-1", "addresses.json"))).toBe(true);
  const commands = [...banner.matchAll(/^ {4}MUSTER_ENDPOINTS=(\S+) npx muster (.*)$/gm)];
  expect(commands).toHaveLength(3);
  const outputs: string[] = [];
  for (const [, endpoint, args] of commands) {
    const { code, stdout } = await home.run((args as string).split(" "), { MUSTER_ENDPOINTS: endpoint as string });
    expect(code).toBe(0);
    outputs.push(String(stdout));
  }
  expect(outputs).toEqual(["/greeting\n", "hello", "zookeeper\ngreeting\n"]);
  child.kill("SIGINT");
  expect(await ended(child)).toBe(0);
});
