import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OptionsError, type OptionsInput, type ResolvedOptions, resolveOptions } from "../../../src/server/options.ts";
import { optionRows } from "../../../src/server/options-schema.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "muster-options-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

type Given = Partial<Omit<OptionsInput, "cwd">> & { file?: string };

function resolveGiven({ file, ...given }: Given): ResolvedOptions {
  const flags: Record<string, unknown> = { ...given.flags };
  if (file !== undefined) {
    writeFileSync(join(cwd, "muster.yaml"), file);
    flags["config"] = "muster.yaml";
  }
  const machineMemoryBytes = 8 * 2 ** 30;
  return resolveOptions({ command: "server", env: {}, terminal: false, machineMemoryBytes, ...given, flags, cwd });
}

function problemsOf(given: Given): readonly string[] {
  try {
    resolveGiven(given);
  } catch (error) {
    if (error instanceof OptionsError) return error.problems;
    throw error;
  }
  return [];
}

describe("where options come from", () => {
  test("without any, a member listens on loopback on its default ports", () => {
    const { options, warnings } = resolveGiven({});
    expect(warnings).toEqual([]);
    expect(options).toEqual({
      id: 1,
      dataDir: join(cwd, ".muster", "member-1"),
      grpcListen: { host: "127.0.0.1", port: 7400 },
      httpListen: { host: "127.0.0.1", port: 7401 },
      peerListen: { host: "127.0.0.1", port: 7402 },
      tls: null,
      authFile: null,
      authRequired: false,
      zookeeperListen: null,
      zookeeper: expect.objectContaining({ tls: null, superDigest: null, saslUsers: null, anyPortWillDo: false }),
      ensemble: [{ id: 1, host: "127.0.0.1", port: 7402 }],
      grpcAdvertise: null,
      httpAdvertise: null,
      peerAdvertise: null,
      zookeeperAdvertise: null,
      peerTimeoutMs: 1_000,
      peerTls: null,
      peerBulkBytesPerSecond: 128 * 2 ** 20,
      memoryBytes: 4 * 2 ** 30,
      requestBytesMax: 64 * 2 ** 20,
      readWaitMs: 5_000,
      snapshotEveryBytes: 64 * 2 ** 20,
      journalKeepCommands: 500_000,
      journalKeepBytes: 2 ** 30,
      semiSpaceBytes: 16 * 2 ** 20,
      stopTimeoutMs: 30_000,
      logLevel: "info",
      logFormat: "json",
      featureLevelMax: null,
      insecure: false,
    });
  });

  test("a flag wins over its variable, a variable over the file, the file over the default", () => {
    const file = "id: 5\nmemory: 1GiB\nlog-level: debug\nhttp-listen: 127.0.0.1:1\n";
    const env = { MUSTER_ID: "6", MUSTER_MEMORY: "2GiB" };
    const { options } = resolveGiven({ file, env, flags: { id: "7" } });
    expect(options.id).toBe(7);
    expect(options.memoryBytes).toBe(2 * 2 ** 30);
    expect(options.logLevel).toBe("debug");
    expect(options.httpListen.port).toBe(1);
    expect(options.grpcListen.port).toBe(7400);
  });

  test("each option can be given in each of the three ways", () => {
    const samples: Record<string, string> = {
      id: "2",
      "data-dir": "d",
      "grpc-listen": "127.0.0.1:1",
      "http-listen": "127.0.0.1:2",
      "peer-listen": "127.0.0.1:3",
      "auth-file": "principals.yaml",
      "auth-required": "true",
      ensemble: "1@a:5",
      "grpc-advertise": "a:1",
      "http-advertise": "a:2",
      "peer-advertise": "a:3",
      "peer-timeout": "2s",
      "peer-bulk-rate": "1MiB",
      memory: "300MiB",
      "request-bytes-max": "8MiB",
      "read-wait": "250ms",
      "snapshot-every-bytes": "1MiB",
      "journal-keep-commands": "0",
      "journal-keep-bytes": "0",
      "semi-space": "32MiB",
      "stop-timeout": "3s",
      "log-level": "warn",
      "log-format": "pretty",
      "feature-level-max": "1",
      insecure: "true",
    };
    const base = resolveGiven({}).options as unknown as Record<string, unknown>;
    for (const { flag, name, variable } of optionRows) {
      // One alone is refused, or has others beside it: they have tests of their own.
      if (flag.startsWith("peer-tls-") || /^(zookeeper|tls)-/.test(flag)) continue;
      const value = samples[flag] as string;
      const ways = [{ flags: { [name]: value } }, { env: { [variable]: value } }, { file: `${flag}: ${value}\n` }];
      const results = ways.map((way) => resolveGiven(way).options);
      expect(results[1], variable).toEqual(results[0]);
      expect(results[2], flag).toEqual(results[0]);
      expect(results[0], flag).not.toEqual(base);
    }
  });

  test("MUSTER_CONFIG names the file, --config wins over it", () => {
    writeFileSync(join(cwd, "a.yaml"), "id: 3\n");
    writeFileSync(join(cwd, "b.yaml"), "id: 4\n");
    expect(resolveGiven({ env: { MUSTER_CONFIG: "a.yaml" } }).options.id).toBe(3);
    expect(resolveGiven({ env: { MUSTER_CONFIG: "a.yaml" }, flags: { config: "b.yaml" } }).options.id).toBe(4);
  });

  test("an empty variable counts as not set", () => {
    expect(resolveGiven({ env: { MUSTER_ID: "" } }).options.id).toBe(1);
  });

  test("what Kubernetes sets for a service called muster is not an option", () => {
    const env = {
      MUSTER_PORT: "tcp://10.0.0.1:7400",
      MUSTER_SERVICE_HOST: "10.0.0.1",
      MUSTER_SERVICE_PORT_GRPC: "7400",
      MUSTER_PORT_7400_TCP_ADDR: "10.0.0.1",
      MUSTER_HEADLESS_SERVICE_HOST: "10.0.0.1",
    };
    expect(problemsOf({ env })).toEqual([]);
  });

  test("a relative data-dir in the file is relative to the file, elsewhere to the working directory", () => {
    mkdirSync(join(cwd, "etc"));
    writeFileSync(join(cwd, "etc", "m.yaml"), "data-dir: data\n");
    expect(resolveGiven({ flags: { config: "etc/m.yaml" } }).options.dataDir).toBe(join(cwd, "etc", "data"));
    expect(resolveGiven({ flags: { dataDir: "data" } }).options.dataDir).toBe(join(cwd, "data"));
  });

  test("dev keeps its member in member-<id> below --data-dir", () => {
    expect(resolveGiven({ command: "dev" }).options.dataDir).toBe(join(cwd, ".muster", "member-1"));
    const flags = { dataDir: "d", id: "3" };
    expect(resolveGiven({ command: "dev", flags }).options.dataDir).toBe(join(cwd, "d", "member-3"));
  });

  test("the files of TLS between members come together, each relative to where it is named", () => {
    mkdirSync(join(cwd, "etc"));
    writeFileSync(join(cwd, "etc", "m.yaml"), "peer-tls-ca: ca.pem\npeer-tls-cert: /c.pem\n");
    const { peerTls } = resolveGiven({ flags: { config: "etc/m.yaml", peerTlsKey: "k.pem" } }).options;
    expect(peerTls).toEqual({ ca: join(cwd, "etc", "ca.pem"), cert: "/c.pem", key: join(cwd, "k.pem") });
    const env = { MUSTER_PEER_TLS_CA: "a", MUSTER_PEER_TLS_CERT: "b", MUSTER_PEER_TLS_KEY: "c" };
    expect(resolveGiven({ env }).options.peerTls).toEqual({
      ca: join(cwd, "a"),
      cert: join(cwd, "b"),
      key: join(cwd, "c"),
    });
  });

  test("auto log format is pretty on a terminal only", () => {
    expect(resolveGiven({ terminal: true }).options.logFormat).toBe("pretty");
    expect(resolveGiven({ terminal: true, flags: { logFormat: "json" } }).options.logFormat).toBe("json");
  });

  test("auto memory is half of the machine, and never less than 512 MiB", () => {
    expect(resolveGiven({ machineMemoryBytes: 2 ** 30 }).options.memoryBytes).toBe(2 ** 29);
    expect(resolveGiven({ machineMemoryBytes: 2 ** 28 }).options.memoryBytes).toBe(2 ** 29);
  });

  test("the ensemble of one may be listed, in YAML also as a list", () => {
    const member = [{ id: 1, host: "h", port: 7402 }];
    expect(resolveGiven({ flags: { ensemble: "1@h:7402" } }).options.ensemble).toEqual(member);
    expect(resolveGiven({ file: 'ensemble: ["1@h:7402"]\n' }).options.ensemble).toEqual(member);
  });
});

describe("what is refused", () => {
  test.for<[string, Given, string]>([
    ["an id out of range", { flags: { id: "900" } }, '--id: "900" is out of range; write a whole number from 1 to 255'],
    [
      "a number that is none",
      { env: { MUSTER_ID: "one" } },
      'MUSTER_ID: "one" is not a whole number; write a whole number from 1 to 255',
    ],
    [
      "a wrong type in the file, with its line and column",
      { file: "# first\nid: [1]\n" },
      "muster.yaml:2:1: id: [1] is not a whole number; write a whole number from 1 to 255",
    ],
    [
      "a port out of range",
      { flags: { grpcListen: "127.0.0.1:65536" } },
      '--grpc-listen: "127.0.0.1:65536" has a port above 65535; write host:port with a port from 0 (any free one) to ' +
        "65535, for example 127.0.0.1:7400 or [::1]:7400",
    ],
    [
      "an address without a port",
      { file: "http-listen: localhost\n" },
      'muster.yaml:1:1: http-listen: "localhost" has no port; write host:port with a port from 0 (any free one) to ' +
        "65535, for example 127.0.0.1:7400 or [::1]:7400",
    ],
    [
      "memory below what a member needs",
      { flags: { memory: "64MiB" } },
      '--memory: "64MiB" is less than a member needs; write 256MiB or more',
    ],
    [
      "an ambiguous unit",
      { flags: { memory: "512M" } },
      '--memory: "512M" is not a size; write a number and a unit, for example 512MiB or 4GiB',
    ],
    [
      "a duration without a unit",
      { file: "stop-timeout: 5\n" },
      "muster.yaml:1:1: stop-timeout: 5 is not a duration; write a number and one of ms, s, m, h, d, for example 10s",
    ],
    [
      "a duration out of range",
      { flags: { stopTimeout: "2h" } },
      '--stop-timeout: "2h" is out of range; write 100ms to 1h',
    ],
    [
      "a wait no reader would sit out",
      { flags: { readWait: "1h" } },
      '--read-wait: "1h" is out of range; write 10ms to 10m',
    ],
    [
      "fewer bytes of requests than the largest takes",
      { env: { MUSTER_REQUEST_BYTES_MAX: "4MiB" } },
      'MUSTER_REQUEST_BYTES_MAX: "4MiB" is out of range; write 8MiB to 64GiB',
    ],
    [
      "a snapshot round for every few requests",
      { file: "snapshot-every-bytes: 64KiB\n" },
      'muster.yaml:1:1: snapshot-every-bytes: "64KiB" is out of range; write 1MiB to 64GiB',
    ],
    [
      "commands to keep that are no number",
      { flags: { journalKeepCommands: "all" } },
      '--journal-keep-commands: "all" is not a whole number; write a whole number from 0 to 1000000000',
    ],
    [
      "bytes to keep that no disk has",
      { flags: { journalKeepBytes: "65TiB" } },
      '--journal-keep-bytes: "65TiB" is out of range; write 0 to 64TiB',
    ],
    [
      "a semi-space that Node cannot have",
      { flags: { semiSpace: "1500KiB" } },
      '--semi-space: "1500KiB" is not whole MiB, as Node takes it; write whole MiB from 1MiB to 256MiB',
    ],
    [
      "a word that is not one of the few",
      { flags: { logLevel: "loud" } },
      '--log-level: "loud" is not one of trace, debug, info, warn, error, fatal; write one of them',
    ],
    [
      "a switch that is neither on nor off",
      { env: { MUSTER_INSECURE: "yes" } },
      'MUSTER_INSECURE: "yes" is neither true nor false; write true or false',
    ],
    ["an empty path", { flags: { dataDir: "" } }, '--data-dir: "" is empty; write the path of a directory'],
    [
      "an unknown key in the file, with the one meant",
      { file: "id: 1\ngrpc_listen: 127.0.0.1:1\n" },
      "muster.yaml:2:1: grpc_listen: is not an option; did you mean grpc-listen?",
    ],
    [
      "an unknown key like no other",
      { file: "replication-factor: 3\n" },
      "muster.yaml:1:1: replication-factor: is not an option; remove the line",
    ],
    [
      "an unknown variable",
      { env: { MUSTER_GRPC_LISEN: "x" } },
      "MUSTER_GRPC_LISEN: no option has this variable; did you mean MUSTER_GRPC_LISTEN?",
    ],
    ["a key without a value", { file: "id:\n" }, "muster.yaml:1:1: id: has no value; write one, or remove the line"],
    [
      "a file that is a list",
      { file: "- id\n" },
      'muster.yaml: is not a mapping of options; write lines like "grpc-listen: 127.0.0.1:7400"',
    ],
    [
      "a file that is not there",
      { flags: { config: "gone.yaml" } },
      '--config: "gone.yaml" does not exist; write the path of a muster.yaml',
    ],
    [
      "two doors on one address",
      { flags: { grpcListen: "127.0.0.1:9", httpListen: "127.0.0.1:9" } },
      '--http-listen: "127.0.0.1:9" is the address of --grpc-listen too; give each door a port of its own',
    ],
    [
      "decision 15: an address beyond loopback without the loud flag",
      { env: { MUSTER_GRPC_LISTEN: "0.0.0.0:7400" } },
      'MUSTER_GRPC_LISTEN: "0.0.0.0:7400" is reachable from other machines, which needs TLS and authentication; ' +
        "give --tls-cert and --tls-key (clients then need a token or a certificate), or accept the risk with " +
        "--insecure",
    ],
    [
      "an ensemble without this member",
      { flags: { ensemble: "2@a:1" } },
      "--ensemble: does not list this member, whose id is 1; add 1@host:peer-port, or set --id",
    ],
    [
      "one file of TLS without the others",
      { flags: { peerTlsCert: "c" } },
      "--peer-tls-ca and --peer-tls-key: missing beside --peer-tls-cert; give all three, or none",
    ],
    [
      "an address nobody can reach to be told to others",
      { flags: { grpcAdvertise: "0.0.0.0:7400" } },
      '--grpc-advertise: "0.0.0.0:7400" can be listened on but not reached; write the host:port others reach it at, ' +
        "for example 10.0.0.4:7402",
    ],
    [
      "a port nobody knows to be told to others",
      { flags: { peerAdvertise: "h:0" } },
      '--peer-advertise: "h:0" has port 0; write the host:port others reach it at, for example 10.0.0.4:7402',
    ],
    [
      "a time-out that no network keeps",
      { flags: { peerTimeout: "100ms" } },
      '--peer-timeout: "100ms" is out of range; write 200ms to 60s',
    ],
    [
      "a rate of nothing",
      { flags: { peerBulkRate: "0" } },
      '--peer-bulk-rate: "0" is out of range; write 1MiB to 64GiB',
    ],
    [
      "a member listed twice",
      { flags: { ensemble: "1@a:1,1@b:1" } },
      '--ensemble: "1@a:1,1@b:1" lists member 1 twice; give every member an id of its own',
    ],
    [
      "a member that is not id@host:port",
      { flags: { ensemble: "a:1" } },
      '--ensemble: "a:1" has the part "a:1", which is not id@host:port; write id@host:peer-port for each member, ' +
        "with commas between, for example 1@127.0.0.1:7402",
    ],
  ])("%s", ([, given, message]) => {
    expect(problemsOf(given)).toEqual([message]);
  });

  test("YAML that cannot be read, and a key given twice, are named with their place", () => {
    expect(problemsOf({ file: "id: 1\nid: 2\n" })).toEqual([
      expect.stringMatching(/^muster\.yaml:2:1: is not valid YAML: /),
    ]);
    expect(problemsOf({ file: 'id: "1\n' })[0]).toMatch(/^muster\.yaml:\d+:\d+: is not valid YAML: /);
  });

  test("all problems are named at once, those of sources included", () => {
    const problems = problemsOf({ file: "nonsense-key: 1\n", env: { MUSTER_ID: "x" }, flags: { memory: "y" } });
    expect(problems).toHaveLength(3);
  });
});

describe("what is accepted with a warning", () => {
  test("where ZooKeeper clients shall be told to go, without a door for them", () => {
    const { options, warnings } = resolveGiven({ flags: { zookeeperAdvertise: "db1:2181" } });
    expect(options.zookeeperAdvertise).toEqual({ host: "db1", port: 2181 });
    const text = "--zookeeper-advertise has no effect: the ZooKeeper door is off; open it with --zookeeper-listen";
    expect(warnings).toEqual([text]);
  });

  test("decision 15: --insecure opens other addresses, loudly", () => {
    const { options, warnings } = resolveGiven({ flags: { insecure: true, grpcListen: "[::]:7400" } });
    expect(options.grpcListen).toEqual({ host: "::", port: 7400 });
    expect(warnings).toEqual(["INSECURE: [::]:7400 serve other machines without encryption or authentication"]);
  });

  test("several doors may ask for any free port", () => {
    const flags = { grpcListen: "127.0.0.1:0", httpListen: "127.0.0.1:0", peerListen: "127.0.0.1:0" };
    expect(problemsOf({ flags })).toEqual([]);
  });
});
