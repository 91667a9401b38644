import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { words } from "../../../src/api/zookeeper/four-letter-words/words.ts";
import { OptionsError, type OptionsInput, resolveOptions, type ServerOptions } from "../../../src/server/options.ts";
import { optionRows } from "../../../src/server/options-schema.ts";
import { parseWords, superDigestProblem } from "../../../src/server/zookeeper-options.ts";

const DIGEST = `super:${Buffer.alloc(20, 7).toString("base64")}`;
let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "muster-zookeeper-options-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function resolved(input: Partial<OptionsInput> & { file?: string } = {}): ServerOptions {
  const { file, ...given } = input;
  const flags: Record<string, unknown> = { ...given.flags };
  if (file !== undefined) {
    writeFileSync(join(cwd, "muster.yaml"), file);
    flags["config"] = "muster.yaml";
  }
  return resolveOptions({ command: "server", env: {}, terminal: false, ...given, flags, cwd }).options;
}

function problemsOf(flags: Record<string, unknown>): readonly string[] {
  try {
    resolved({ flags });
  } catch (error) {
    if (error instanceof OptionsError) return error.problems;
    throw error;
  }
  return [];
}

test("reference 1.9: without options the door is closed, and would have ZooKeeper's defaults", () => {
  const { zookeeperListen, zookeeper } = resolved();
  expect(zookeeperListen).toBeNull();
  expect(zookeeper).toEqual({
    tls: null,
    tickMs: 2_000,
    sessionTimeoutMinMs: 4_000,
    sessionTimeoutMaxMs: 40_000,
    frameBytesMax: 1_048_575,
    connectionsPerAddressMax: 60,
    connectionsMax: 0,
    words: ["ruok", "srvr", "mntr", "isro"],
    superDigest: null,
    saslUsers: null,
    anyPortWillDo: false,
  });
});

test("dev opens it where ZooKeeper's clients look, or anywhere else if that is taken, unless told not to", () => {
  const dev = (flags: Record<string, unknown>) => resolved({ command: "dev", flags });
  expect(dev({})).toMatchObject({
    zookeeperListen: { host: "127.0.0.1", port: 2181 },
    zookeeper: { anyPortWillDo: true },
  });
  expect(dev({ zookeeperListen: "127.0.0.1:2181" }).zookeeper.anyPortWillDo).toBe(false);
  expect(dev({ zookeeperListen: "off" }).zookeeperListen).toBeNull();
});

test("each option can be given in each of the three ways", () => {
  const tls = { "zookeeper-tls-listen": "127.0.0.1:9", "zookeeper-tls-cert": "c.pem", "zookeeper-tls-key": "k.pem" };
  const samples: Record<string, { value: string; with?: Record<string, string> }> = {
    "zookeeper-listen": { value: "127.0.0.1:4" },
    "zookeeper-advertise": { value: "a:4" },
    "zookeeper-tls-listen": { value: "127.0.0.1:8", with: tls },
    "zookeeper-tls-cert": { value: "/x.pem", with: tls },
    "zookeeper-tls-key": { value: "/x.pem", with: tls },
    "zookeeper-tls-client-ca": { value: "/x.pem", with: tls },
    "zookeeper-tick-time": { value: "500ms" },
    "zookeeper-session-timeout-min": { value: "1s" },
    "zookeeper-session-timeout-max": { value: "1m" },
    "zookeeper-frame-max": { value: "2MiB" },
    "zookeeper-connections-per-address": { value: "0" },
    "zookeeper-connections": { value: "9" },
    "zookeeper-4lw": { value: "ruok,dump" },
    "zookeeper-super-digest": { value: DIGEST },
    "zookeeper-sasl-users": { value: "/users" },
  };
  for (const { flag, name, variable } of optionRows) {
    if (!flag.startsWith("zookeeper-")) continue;
    const { value, with: beside = {} } = samples[flag] ?? { value: "" };
    const others = Object.fromEntries(Object.entries(beside).filter(([other]) => other !== flag));
    const flags = Object.fromEntries(
      Object.entries(others).map(([other, text]) => [optionRows.find((row) => row.flag === other)?.name, text]),
    );
    const base = resolved({ flags: { ...flags, ...(flag in beside ? { [name]: beside[flag] } : {}) } });
    const ways = [
      resolved({ flags: { ...flags, [name]: value } }),
      resolved({ flags, env: { [variable]: value } }),
      resolved({ flags, file: `${flag}: ${value}\n` }),
    ];
    expect(ways[1], variable).toEqual(ways[0]);
    expect(ways[2], flag).toEqual(ways[0]);
    expect(ways[0], flag).not.toEqual(base);
  }
});

test("files are looked for where they are named: from the directory of the file, or from the one worked in", () => {
  const { tls, saslUsers } = resolved({
    file: "zookeeper-tls-listen: 127.0.0.1:0\nzookeeper-tls-cert: c\nzookeeper-tls-key: k\n",
    flags: { zookeeperSaslUsers: "u", zookeeperTlsClientCa: "a" },
  }).zookeeper;
  expect(tls).toEqual({
    listen: { host: "127.0.0.1", port: 0 },
    cert: join(cwd, "c"),
    key: join(cwd, "k"),
    clientCa: join(cwd, "a"),
  });
  expect(saslUsers).toBe(join(cwd, "u"));
});

test("time-outs follow the tick, 2 to 20 of them, where they are not given", () => {
  const { zookeeper } = resolved({ flags: { zookeeperTickTime: "3s" } });
  expect([zookeeper.sessionTimeoutMinMs, zookeeper.sessionTimeoutMaxMs]).toEqual([6_000, 60_000]);
  const given = resolved({ flags: { zookeeperTickTime: "3s", zookeeperSessionTimeoutMax: "7s" } }).zookeeper;
  expect([given.sessionTimeoutMinMs, given.sessionTimeoutMaxMs]).toEqual([6_000, 7_000]);
});

describe("what cannot be is refused with its rule and the way out", () => {
  const tls = { zookeeperTlsListen: "127.0.0.1:1", zookeeperTlsCert: "c", zookeeperTlsKey: "k" };
  const cases: [string, Record<string, unknown>, string][] = [
    [
      "a shortest time-out above the longest",
      { zookeeperSessionTimeoutMin: "50s" },
      "--zookeeper-session-timeout-min: the shortest session time-out, 50000 ms, is longer than the " +
        "longest, 40000 ms; lower it, or raise --zookeeper-session-timeout-max",
    ],
    [
      "TLS without a key",
      { ...tls, zookeeperTlsKey: undefined },
      "--zookeeper-tls-listen: listening for TLS needs a certificate; " +
        "give --zookeeper-tls-cert and --zookeeper-tls-key",
    ],
    [
      "a certificate without TLS",
      { zookeeperTlsCert: "c" },
      "--zookeeper-tls-cert: is for TLS, which is off; open it with --zookeeper-tls-listen",
    ],
    [
      "an authority without TLS",
      { zookeeperTlsClientCa: "c", zookeeperTlsListen: "off" },
      "--zookeeper-tls-client-ca: is for TLS, which is off; open it with --zookeeper-tls-listen",
    ],
    [
      "TLS where the door is in plain text",
      { ...tls, zookeeperListen: "127.0.0.1:1" },
      '--zookeeper-tls-listen: "127.0.0.1:1" is the address of --zookeeper-listen too; ' +
        "give each door a port of its own",
    ],
    [
      "TLS where another door is",
      { ...tls, zookeeperTlsListen: "127.0.0.1:7401" },
      '--zookeeper-tls-listen: "127.0.0.1:7401" is the address of --http-listen too; ' +
        "give each door a port of its own",
    ],
  ];

  test.each(cases)("%s", (_, flags, problem) => {
    const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
    expect(problemsOf(given)).toEqual([problem]);
  });

  test.each<[string, Record<string, unknown>]>([
    ["--zookeeper-tick-time", { zookeeperTickTime: "50ms" }],
    ["--zookeeper-session-timeout-min", { zookeeperSessionTimeoutMin: "10" }],
    ["--zookeeper-session-timeout-max", { zookeeperSessionTimeoutMax: "11m" }],
    ["--zookeeper-frame-max", { zookeeperFrameMax: "5MiB" }],
    ["--zookeeper-connections", { zookeeperConnections: "-1" }],
    ["--zookeeper-connections-per-address", { zookeeperConnectionsPerAddress: "many" }],
    ["--zookeeper-4lw", { zookeeper4lw: "ruok,kill" }],
    ["--zookeeper-super-digest", { zookeeperSuperDigest: "super:secret" }],
    ["--zookeeper-listen", { zookeeperListen: "2181" }],
    ["--zookeeper-tls-listen", { zookeeperTlsListen: "2181" }],
  ])("%s out of its range or form", (flag, flags) => {
    const problems = problemsOf(flags);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${flag}: .*; (write|give) `));
  });

  test("no problem repeats what may be a password", () => {
    expect(problemsOf({ zookeeperSuperDigest: "super:secret" })[0]).not.toContain("secret");
  });
});

describe("words", () => {
  test("are given by name, all by *, none by none", () => {
    expect(parseWords(" srvr , ruok")).toEqual(["ruok", "srvr"]);
    expect(parseWords(["dump"])).toEqual(["dump"]);
    expect(parseWords("*")).toEqual(words);
    expect(parseWords("none")).toEqual([]);
    expect(parseWords("ruok,ruok")).toEqual(["ruok"]);
  });

  test.each([["kill"], ["ruok,*"], ["none,ruok"], [""], [["stmk"]]])("%o has none of them", (raw) => {
    expect(parseWords(raw)).toMatch(/^has ".*", which is no word; write some of ruok,srvr,/);
  });

  test.each([[5], [{}], [true], [null]])("%o is no list of them", (raw) => {
    expect(parseWords(raw)).toMatch(/^is not a list of words; write some of /);
  });
});

test("a super digest is a text of its form", () => {
  expect(superDigestProblem(DIGEST)).toBeUndefined();
  expect(superDigestProblem(5)).toBe("is not a text; write user:digest");
  expect(superDigestProblem("super")).toMatch(/^has no colon; /);
});
