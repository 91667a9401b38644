import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodeFlags, runMember } from "../../../src/cli/member-process.ts";
import { resolveOptions } from "../../../src/server/options.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "muster-launch-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Runs a real child process whose program is `source`; `onReady` gets a way to signal and to move the clock. */
async function launch(
  source: string,
  onReady: (signals: EventEmitter, advance: (ms: number) => void) => void,
  flags: Record<string, string> = {},
  hasLostTerminal = () => false,
) {
  const entry = join(home, "member.mjs");
  writeFileSync(entry, source);
  const signals = new EventEmitter();
  let now = 0;
  const said: string[] = [];
  const { options } = resolveOptions({ command: "server", flags, env: {}, cwd: home, terminal: false });
  const code = await runMember(
    options,
    {
      onReady: ({ grpc }) => {
        said.push(`ready ${grpc.port}`);
        onReady(signals, (ms) => {
          now += ms;
        });
      },
      onFailed: (message, fix) => said.push(`failed ${message}; ${fix}`),
      onStopping: () => said.push("stopping"),
      onKilled: (why) => said.push(`killed: ${why}`),
    },
    { entry, signals, now: () => now, hasLostTerminal },
  );
  expect(signals.listenerCount("SIGINT") + signals.listenerCount("SIGHUP")).toBe(0);
  return { code, said };
}

/** Stays alive, because a child that ends by itself would pass for one that stopped when asked. */
const READY =
  'setInterval(() => {}, 1000); const at = { host: "127.0.0.1", port: 7 };' +
  "const addresses = { grpc: at, http: at, zookeeper: null, zookeeperTls: null, peer: null };" +
  'const ready = () => process.send({ type: "ready", pid: process.pid, addresses });';

describe("core.md 39: a member is a child process", () => {
  test("Node gets the young generation and half of --memory as its heap", () => {
    const flags = nodeFlags({ memoryBytes: 4 * 2 ** 30, semiSpaceBytes: 32 * 2 ** 20 });
    expect(flags).toEqual(["--max-semi-space-size=32", "--max-old-space-size=2048", "--heap-growing-percent=300"]);
  });

  test("it runs with those flags and the resolved options", async () => {
    const source = `import { writeFileSync } from "node:fs";
      writeFileSync(${JSON.stringify(join(home, "seen.json"))}, JSON.stringify([process.execArgv, process.argv[2]]));`;
    const { code } = await launch(source, () => undefined, { memory: "512MiB", id: "9" });
    expect(code).toBe(0);
    const { default: seen } = await import(join(home, "seen.json"), { with: { type: "json" } });
    expect(seen[0]).toEqual(["--max-semi-space-size=16", "--max-old-space-size=256", "--heap-growing-percent=300"]);
    expect(JSON.parse(seen[1])).toMatchObject({ id: 9, memoryBytes: 512 * 2 ** 20 });
  });

  test("its exit code, or 128 + the signal that ended it, is passed on", async () => {
    expect((await launch("process.exit(7)", () => undefined)).code).toBe(7);
    expect((await launch('process.kill(process.pid, "SIGKILL")', () => undefined)).code).toBe(137);
  });

  test("why it could not start is told", async () => {
    const source =
      'process.send({ type: "failed", message: "port taken", fix: "choose another" }, () => process.exit(1))';
    expect(await launch(source, () => undefined)).toEqual({ code: 1, said: ["failed port taken; choose another"] });
  });

  test.for(["SIGINT", "SIGTERM"] as const)("%s asks it to stop, and waits", async (signal) => {
    const source = `${READY} process.on("SIGTERM", () => process.exit(0)); process.on("SIGINT", () => {}); ready();`;
    const { code, said } = await launch(source, (signals) => signals.emit(signal));
    expect({ code, said }).toEqual({ code: 0, said: ["ready 7", "stopping"] });
  });

  test("SIGHUP is passed on, to read files again; where the terminal is gone, it asks the member to stop", async () => {
    const source = `${READY} process.on("SIGHUP", () => process.exit(9)); process.on("SIGTERM", () => process.exit(0));
      ready();`;
    const hangUp = (signals: EventEmitter): unknown => signals.emit("SIGHUP");
    expect(await launch(source, hangUp)).toEqual({ code: 9, said: ["ready 7"] });
    expect(await launch(source, hangUp, {}, () => true)).toEqual({ code: 0, said: ["ready 7", "stopping"] });
  });

  test("a second signal ends it at once", async () => {
    const source = `${READY} process.on("SIGTERM", () => {}); ready();`;
    const { code, said } = await launch(source, (signals, advance) => {
      signals.emit("SIGINT");
      advance(1000);
      signals.emit("SIGINT");
    });
    expect({ code, said }).toEqual({ code: 137, said: ["ready 7", "stopping", "killed: a second signal came"] });
  });

  test("the same Ctrl-C, forwarded once more by npm, is not a second signal", async () => {
    const source = `${READY} process.on("SIGTERM", () => setImmediate(() => process.exit(0))); ready();`;
    const { code, said } = await launch(source, (signals, advance) => {
      signals.emit("SIGINT");
      advance(50);
      signals.emit("SIGINT");
    });
    expect({ code, said }).toEqual({ code: 0, said: ["ready 7", "stopping"] });
  });

  test("one that does not stop within --stop-timeout is ended", async () => {
    const source = `${READY} process.on("SIGTERM", () => {}); ready();`;
    const { code, said } = await launch(source, (signals) => signals.emit("SIGTERM"), { stopTimeout: "100ms" });
    expect({ code, said }).toEqual({
      code: 137,
      said: ["ready 7", "stopping", "killed: it did not stop within 100 ms"],
    });
  });
});
