import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type MemberGroupEvents, runMembers } from "../../../src/cli/member-group.ts";
import { resolveDevEnsemble } from "../../../src/server/dev-ensemble.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "muster-group-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** What a test does when the group says something. */
interface Reactions {
  readonly onSaid: (
    what: string,
    group: { signal(): void; advance(ms: number): void; pids: Map<number, number> },
  ) => void;
  readonly flags?: Record<string, string>;
}

/** Runs three real child processes whose program is `source`; resolves with all that was said. */
async function group(source: string, { onSaid, flags = {} }: Reactions) {
  const entry = join(home, "member.mjs");
  writeFileSync(entry, `${PRELUDE}${source}`);
  const signals = new EventEmitter();
  let now = 0;
  const said: string[] = [];
  const pids = new Map<number, number>();
  const controls = { signal: () => signals.emit("SIGINT"), advance: (ms: number) => (now += ms), pids };
  const say = (what: string): void => {
    said.push(what);
    onSaid(what, controls);
  };
  const events: MemberGroupEvents = {
    onLine: (id, line) => {
      const pid = /^pid (\d+)$/.exec(line)?.[1];
      if (pid !== undefined) pids.set(id, Number(pid));
      say(`${id}| ${line}`);
    },
    onReady: (addresses) => say(`ready ${[...addresses].map(([id, { grpc }]) => `${id}@${grpc.port}`).join()}`),
    onBack: (id) => say(`back ${id}`),
    onFailed: (id, message, fix) => say(`failed ${id}: ${message}; ${fix}`),
    onDied: (id, { how, lastWords, restartMs }) => say(`died ${id}: ${how}, "${lastWords}", ${restartMs}`),
    onStopping: () => say("stopping"),
    onKilled: (ids, why) => say(`killed ${ids.join()}: ${why}`),
  };
  const { members } = resolveDevEnsemble(
    { command: "dev", flags, env: {}, cwd: home, terminal: false, machineMemoryBytes: 2 ** 32 },
    3,
  );
  const code = await runMembers(members, events, {
    entry,
    signals,
    now: () => now,
    hasLostTerminal: () => false,
    restartMs: 1,
  });
  expect(signals.listenerCount("SIGINT") + signals.listenerCount("SIGTERM")).toBe(0);
  return { code, said };
}

/** Stays alive; knows its options; `ready` says that it serves. */
const PRELUDE = `
  import { existsSync, writeFileSync } from "node:fs";
  setInterval(() => {}, 1000);
  process.on("SIGINT", () => {});
  const { id, dataDir, grpcListen, ensemble } = JSON.parse(process.argv[2]);
  const closed = { zookeeper: null, zookeeperTls: null, peer: null };
  const addresses = { grpc: grpcListen, http: grpcListen, ...closed };
  const ready = () => process.send({ type: "ready", pid: process.pid, addresses });
  /** True for the first process of this member. */
  const first = (name) => {
    const file = "mark-" + name + id;
    if (existsSync(file)) return false;
    writeFileSync(file, "");
    return true;
  };
  const stopWhenAsked = () => process.on("SIGTERM", () => process.exit(0));
`;

describe("muster dev --members 3", () => {
  beforeEach(() => process.chdir(home));
  afterEach(() => process.chdir(tmpdir()));

  test("is ready once every member is, and one Ctrl-C stops them all", async () => {
    const source = 'stopWhenAsked(); console.error("line of " + ensemble.length); ready();';
    const { code, said } = await group(source, { onSaid: (what, { signal }) => what.startsWith("ready") && signal() });
    expect(code).toBe(0);
    expect(said.filter((what) => !/^\d/.test(what))).toEqual(["ready 1@7400,2@7410,3@7420", "stopping"]);
    expect(said.filter((what) => /^\d/.test(what)).sort()).toEqual(["1| line of 3", "2| line of 3", "3| line of 3"]);
  });

  test("a member that dies is told of with its last words, and started again", async () => {
    const source = `
      stopWhenAsked();
      console.error("pid " + process.pid);
      console.error("something went wrong");
      console.error("    at some place");
      ready();`;
    const { code, said } = await group(source, {
      onSaid: (what, { pids, signal }) => {
        if (what.startsWith("ready")) process.kill(pids.get(2) as number, "SIGKILL");
        if (what.startsWith("back")) signal();
      },
    });
    expect(code).toBe(0);
    const told = said.filter((what) => !/^\d/.test(what));
    expect(told[1]).toBe('died 2: was ended by SIGKILL, "something went wrong", 1');
    expect([told[0], ...told.slice(2)]).toEqual(["ready 1@7400,2@7410,3@7420", "back 2", "stopping"]);
  });

  test("the last words of a log in JSON are its message, and the error's", async () => {
    const source = `
      stopWhenAsked();
      console.error("pid " + process.pid);
      const words = { level: 60, msg: "the member stops", err: { message: "disk on fire" } };
      console.error(id === 1 ? JSON.stringify(words) : id === 2 ? '{"other":1}' : "{not json");
      if (first("run")) process.exit(1);
      ready();`;
    const { said } = await group(source, { onSaid: (what, { signal }) => what.startsWith("ready") && signal() });
    expect(said.filter((what) => what.startsWith("died")).sort()).toEqual([
      'died 1: ended with code 1, "the member stops: disk on fire", 1',
      'died 2: ended with code 1, "{"other":1}", 1',
      'died 3: ended with code 1, "{not json", 1',
    ]);
  });

  test("one that dies again and again is started later and later, until it has lived for long", async () => {
    const source = `
      stopWhenAsked();
      if (id !== 3 || !(first("a") || first("b") || first("c"))) ready();
      else process.exit(9);`;
    const { said } = await group(source, { onSaid: (what, { signal }) => what.startsWith("ready") && signal() });
    const deaths = said.filter((what) => what.startsWith("died"));
    expect(deaths).toEqual([1, 2, 4].map((ms) => `died 3: ended with code 9, "", ${ms}`));
  });

  test("one that cannot start ends them all before they are ready", async () => {
    const source = `
      stopWhenAsked();
      if (id === 2) process.send({ type: "failed", message: "port taken", fix: "free it" }, () => process.exit(1));`;
    const { code, said } = await group(source, { onSaid: () => undefined });
    expect({ code, said }).toEqual({ code: 1, said: ["failed 2: port taken; free it"] });
  });

  test("one that cannot start again is tried again: the others serve", async () => {
    const source = `
      stopWhenAsked();
      console.error("pid " + process.pid);
      if (id !== 2 || first("run") || !first("fail")) ready();
      else process.send({ type: "failed", message: "no", fix: "" }, () => process.exit(1));`;
    const { code, said } = await group(source, {
      onSaid: (what, { pids, signal }) => {
        if (what.startsWith("ready")) process.kill(pids.get(2) as number, "SIGKILL");
        if (what.startsWith("back")) signal();
      },
    });
    expect(code).toBe(0);
    const told = said.filter((what) => /^(failed|died|back)/.test(what));
    expect(told.map((what) => what.slice(0, 8))).toEqual(["died 2: ", "failed 2", "died 2: ", "back 2"]);
  });

  test("those that do not stop within --stop-timeout are ended", async () => {
    const source = 'if (id === 3) stopWhenAsked(); else process.on("SIGTERM", () => {}); ready();';
    const { code, said } = await group(source, {
      onSaid: (what, { signal }) => what.startsWith("ready") && signal(),
      flags: { stopTimeout: "300ms" },
    });
    expect(code).toBe(137);
    expect(said.at(-1)).toMatch(/^killed 1,2(,3)?: they did not stop within 300 ms$/);
  });

  test("a second Ctrl-C ends them at once, the same one sent on by npm does not", async () => {
    const source = 'process.on("SIGTERM", () => console.error("asked")); ready();';
    let asked = 0;
    const { code, said } = await group(source, {
      onSaid: (what, { signal, advance }) => {
        if (what.startsWith("ready")) {
          signal();
          advance(50);
          signal();
        }
        if (what.endsWith("asked") && ++asked === 3) {
          advance(1_000);
          signal();
        }
      },
    });
    expect(code).toBe(137);
    expect(said.at(-1)).toBe("killed 1,2,3: a second signal came");
  });
});
