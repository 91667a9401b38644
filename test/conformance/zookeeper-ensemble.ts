import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import os from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { vi } from "vitest";
import { Prng } from "../../src/core/base/prng.ts";
import { stablePort } from "../integration/crash/stable-port.ts";
import {
  type ConformanceTarget,
  SASL_USER,
  SESSION_TIMEOUT_MAX_MS,
  SESSION_TIMEOUT_MIN_MS,
  TICK_MS,
} from "./conformance-target.ts";

const MEMBERS = 3;
const PATIENCE_MS = 60_000;
const LOOK_MS = 50;
const LOG_LINES_SHOWN = 20;
/** How often this ensemble looks for childless containers, ms: much more often than it would by itself. */
const CONTAINER_SWEEP_MS = 500;

/** Where Debian puts the libraries of its ZooKeeper. */
const JARS = "/usr/share/java";
const JAR_NAMES = [
  ...["zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-log4j12", "log4j-1.2", "netty-all", "commons-cli"],
  ...["snappy-java", "metrics-core", "jackson-core", "jackson-databind", "jackson-annotations"],
];

const LOGGING = `log4j.rootLogger=WARN, C
log4j.appender.C=org.apache.log4j.ConsoleAppender
log4j.appender.C.layout=org.apache.log4j.PatternLayout
log4j.appender.C.layout.ConversionPattern=%d %p %c{1} %m%n
`;

const LOGIN = `Server {
  org.apache.zookeeper.server.auth.DigestLoginModule required
  user_${SASL_USER.username}="${SASL_USER.password}";
};
`;

/** Three members of Apache ZooKeeper, from Debian's packages: what the tests themselves are held against. */
export async function zookeeperEnsemble(): Promise<ConformanceTarget> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "conformance-zookeeper-"));
  writeFileSync(path.join(folder, "log4j.properties"), LOGGING);
  writeFileSync(path.join(folder, "login.conf"), LOGIN);
  const members = await configure(folder);
  const serving = async () => {
    const all = members.map((member) =>
      vi.waitUntil(() => serves(member), { timeout: PATIENCE_MS, interval: LOOK_MS }),
    );
    await Promise.all(all);
  };
  const end = async () => {
    await Promise.all(members.map(kill));
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  const logs = () => members.map(({ id, folder: own }) => `--- member ${id}\n${logTail(own)}`).join("\n");
  for (const member of members) start(member);
  try {
    await serving();
  } catch (error) {
    const said = logs();
    await end();
    throw new Error(`the ZooKeeper ensemble did not start: ${(error as Error).message}\n${said}`);
  }
  return {
    name: "zookeeper",
    hosts: members.map(({ host }) => host),
    sasl: SASL_USER,
    containerSweepMs: CONTAINER_SWEEP_MS,
    kill: (host) => kill(members.find((member) => member.host === host)),
    revive: async () => {
      for (const member of members) if (!isRunning(member)) start(member);
      await serving();
    },
    logs,
    [Symbol.asyncDispose]: end,
  };
}

interface PeerMember {
  readonly id: number;
  readonly folder: string;
  readonly host: string;
  child: ChildProcess | undefined;
}

async function configure(folder: string): Promise<PeerMember[]> {
  const random = new Prng(process.pid * 1_000 + (Date.now() % 1_000));
  const ports = new Set<number>();
  while (ports.size < 3 * MEMBERS) ports.add(await stablePort(random));
  const ids = Array.from({ length: MEMBERS }, (_, index) => index + 1);
  const [clients, quorum, election] = ids.map((_, index) => [...ports].slice(index * MEMBERS, (index + 1) * MEMBERS));
  const servers = ids.map((id, index) => `server.${id}=127.0.0.1:${quorum?.[index]}:${election?.[index]}`);
  return ids.map((id, index) => {
    const own = path.join(folder, `${id}`);
    mkdirSync(path.join(own, "data"), { recursive: true });
    writeFileSync(path.join(own, "data", "myid"), `${id}\n`);
    const settings = [
      `tickTime=${TICK_MS}`,
      "initLimit=40",
      "syncLimit=20",
      `minSessionTimeout=${SESSION_TIMEOUT_MIN_MS}`,
      `maxSessionTimeout=${SESSION_TIMEOUT_MAX_MS}`,
      "maxClientCnxns=0",
      `dataDir=${path.join(own, "data")}`,
      `clientPort=${clients?.[index]}`,
      "clientPortAddress=127.0.0.1",
      ...servers,
    ];
    writeFileSync(path.join(own, "zoo.cfg"), `${settings.join("\n")}\n`);
    return { id, folder: own, host: `127.0.0.1:${clients?.[index]}`, child: undefined };
  });
}

function start(member: PeerMember): void {
  const shared = path.dirname(member.folder);
  const properties = {
    "log4j.configuration": `file:${path.join(shared, "log4j.properties")}`,
    "java.security.auth.login.config": path.join(shared, "login.conf"),
    "zookeeper.authProvider.sasl": "org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
    "zookeeper.4lw.commands.whitelist": "*",
    "zookeeper.admin.enableServer": "false",
    "zookeeper.extendedTypesEnabled": "true",
    "zookeeper.enforceQuota": "true",
    "znode.container.checkIntervalMs": `${CONTAINER_SWEEP_MS}`,
  };
  const child = spawn(
    "java",
    [
      // Three small members that start at once: no more heap and no more compiler than that takes.
      ...["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
      ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
      ...["-cp", JAR_NAMES.map((name) => path.join(JARS, `${name}.jar`)).join(":")],
      "org.apache.zookeeper.server.quorum.QuorumPeerMain",
      path.join(member.folder, "zoo.cfg"),
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (bytes: Buffer) => appendFileSync(path.join(member.folder, "log"), bytes));
  }
  member.child = child;
}

function isRunning({ child }: PeerMember): boolean {
  return child !== undefined && child.exitCode === null && child.signalCode === null;
}

async function kill(member: PeerMember | undefined): Promise<void> {
  if (member?.child === undefined) throw new Error("no such member runs");
  if (!isRunning(member)) return;
  const ended = once(member.child, "exit");
  member.child.kill("SIGKILL");
  await ended;
}

/** Whether it leads or follows, as it says itself. */
async function serves(member: PeerMember): Promise<boolean> {
  if (!isRunning(member)) throw new Error(`member ${member.id} ended`);
  const socket = connect({ host: "127.0.0.1", port: Number(member.host.split(":")[1]) });
  try {
    socket.write("srvr");
    return /^Mode: (leader|follower)$/m.test(await text(socket));
  } catch {
    return false;
  }
}

/** The end of its log, without stacks. */
function logTail(folder: string): string {
  const file = path.join(folder, "log");
  if (!existsSync(file)) return "it said nothing";
  const lines = readFileSync(file, "utf8").split("\n");
  return lines
    .filter((line) => !line.startsWith("\t"))
    .slice(-LOG_LINES_SHOWN)
    .join("\n");
}
