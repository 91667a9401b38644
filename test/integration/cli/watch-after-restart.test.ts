import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ended, MusterHome } from "./muster-process.ts";

let home: MusterHome;
beforeEach(() => {
  home = new MusterHome();
});
afterEach(() => home.dispose());

async function snapshotZxid(http: string): Promise<number> {
  const metrics = await (await fetch(`http://${http}/metrics`)).text();
  return Number(/^muster_snapshot_zxid(?:{[^}]*})? (\S+)$/m.exec(metrics)?.[1]);
}

test.for(["SIGTERM", "SIGKILL"] as const)(
  "core.md 17: after a snapshot round and %s, a watch goes on from before the snapshot",
  async (signal) => {
    const options = ["--snapshot-every-bytes", "1MiB"];
    const first = await home.server(options);
    const muster = async (args: string[], grpc: string, stdin: string | Uint8Array = ""): Promise<string> => {
      const { code, stdout, stderr } = await home.run(args, { MUSTER_ENDPOINTS: grpc }, stdin);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return String(stdout);
    };
    const create = await muster(["znode", "create", "/seen", "-o", "json"], first.ready.grpc);
    const seen = Number((JSON.parse(create) as { zxid: unknown }).zxid);
    await muster(["znode", "create", "/missed"], first.ready.grpc);
    const half = new Uint8Array(600_000);
    for (let i = 0; i < 2; i++) await muster(["znode", "set", "/missed", "-"], first.ready.grpc, half);
    await vi.waitUntil(async () => (await snapshotZxid(first.ready.http)) >= seen + 3, { timeout: 60_000 });

    process.kill(first.ready.pid, signal);
    await ended(first.child);
    const second = await home.server(options);
    expect(await snapshotZxid(second.ready.http)).toBeGreaterThanOrEqual(seen + 3);
    const watch = ["znode", "watch", "/", "--mode", "persistent-recursive", "-o", "json"];
    const events = await muster([...watch, "--after", String(seen), "--count", "3"], second.ready.grpc);
    const lines = events.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { type: "created", path: "/missed" },
      { path: "/missed" },
      { path: "/missed" },
    ]);
  },
);
