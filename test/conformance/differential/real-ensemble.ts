import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Prng } from "../../../src/core/base/prng.ts";
import { stablePort } from "../../integration/crash/stable-port.ts";
import type { Target } from "./target.ts";
import { untilServing } from "./until-serving.ts";

/** Where Debian puts the jars of `libzookeeper-java` and of what it needs. */
const JARS = "/usr/share/java";
const NAMES = "zookeeper zookeeper-jute slf4j-api slf4j-simple netty-all commons-cli snappy-java metrics-core";
const NEEDED = new RegExp(`^(${NAMES.replaceAll(" ", "|")}|jackson-.*)[.]jar$`);
const MAIN_JAR = path.join(JARS, "zookeeper.jar");
/** Of each server's log. */
const LINES_KEPT = 30;
const SETTINGS = [
  // Bounds of session time-outs as Muster has them by default.
  "minSessionTimeout=1000",
  "maxSessionTimeout=600000",
  "initLimit=60",
  "syncLimit=40",
  "maxClientCnxns=0",
];

export interface RealOptions {
  readonly members: number;
  /** How often containers and TTL znodes are looked at, ms. */
  readonly reapEveryMs: number;
}

/** What is missing for a real ZooKeeper on this machine; undefined if nothing is. */
export function whyNoZooKeeper(): string | undefined {
  if (!existsSync(MAIN_JAR)) return `${MAIN_JAR} is not there: install libzookeeper-java and a Java runtime`;
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  if (!folders.some((folder) => existsSync(path.join(folder, "java")))) return "there is no java on the PATH";
  return undefined;
}

/** A real Apache ZooKeeper ensemble in processes of its own, on free ports of loopback; all of it goes with it. */
export class RealEnsemble implements Target, AsyncDisposable {
  readonly name = "zookeeper";
  readonly addresses: readonly string[];
  readonly losesWakeUps = true;
  private readonly folder: string;
  private readonly children: readonly RealMember[];

  private constructor(folder: string, addresses: readonly string[], children: readonly RealMember[]) {
    this.folder = folder;
    this.addresses = addresses;
    this.children = children;
  }

  /** Resolves when every member serves. */
  static async start({ members, reapEveryMs }: RealOptions): Promise<RealEnsemble> {
    const missing = whyNoZooKeeper();
    if (missing !== undefined) throw new Error(missing);
    const folder = mkdtempSync(path.join(os.tmpdir(), "muster-zookeeper-"));
    const ports = await distinctPorts(3 * members);
    const ids = Array.from({ length: members }, (_, index) => index + 1);
    const peers = ids.map((id) => `server.${id}=127.0.0.1:${ports[members + id - 1]}:${ports[2 * members + id - 1]}`);
    const children = ids.map((id) => {
      const own = path.join(folder, String(id));
      mkdirSync(own);
      writeFileSync(path.join(own, "myid"), String(id));
      const place = [`dataDir=${own}`, "clientPortAddress=127.0.0.1", `clientPort=${ports[id - 1]}`];
      const lines = ["tickTime=500", ...SETTINGS, ...place, ...(members > 1 ? peers : [])];
      writeFileSync(path.join(own, "zoo.cfg"), `${lines.join("\n")}\n`);
      return startMember(path.join(own, "zoo.cfg"), reapEveryMs);
    });
    const addresses = ids.map((id) => `127.0.0.1:${ports[id - 1]}`);
    const ensemble = new RealEnsemble(folder, addresses, children);
    try {
      await Promise.all(addresses.map((address, index) => untilServing(address, () => isRunning(children[index]))));
    } catch (error) {
      await ensemble[Symbol.asyncDispose]();
      throw error;
    }
    return ensemble;
  }

  get logs(): string {
    return this.children.map(({ said }, index) => `--- server ${index + 1}\n${said.join("\n")}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.children.filter(isRunning).map(({ child }) => child);
    const ends = running.map((child) => once(child, "exit"));
    for (const child of running) child.kill("SIGKILL");
    await Promise.all(ends);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface RealMember {
  readonly child: ChildProcess;
  /** The end of its log, without stacks. */
  readonly said: readonly string[];
}

function startMember(config: string, reapEveryMs: number): RealMember {
  const jars = readdirSync(JARS).filter((name) => NEEDED.test(name));
  const properties = {
    "zookeeper.extendedTypesEnabled": true,
    "zookeeper.enforceQuota": true,
    "zookeeper.admin.enableServer": false,
    "zookeeper.jmx.log4j.disable": true,
    "org.slf4j.simpleLogger.defaultLogLevel": "error",
    // What it answers is compared here, not what a power failure leaves.
    "zookeeper.forceSync": "no",
    "zookeeper.preAllocSize": 1024,
    "znode.container.checkIntervalMs": reapEveryMs,
  };
  const child = spawn(
    "java",
    [
      ...["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"],
      ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
      ...["-cp", jars.map((name) => path.join(JARS, name)).join(":")],
      ...["org.apache.zookeeper.server.quorum.QuorumPeerMain", config],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const said: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (line.startsWith("\t")) return;
    said.push(line);
    if (said.length > LINES_KEPT) said.shift();
  });
  // Not to outlive a run that is broken off.
  const kill = (): unknown => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return { child, said };
}

function isRunning(member: RealMember | undefined): boolean {
  return member !== undefined && member.child.exitCode === null && member.child.signalCode === null;
}

async function distinctPorts(count: number): Promise<number[]> {
  const random = new Prng(process.pid * 1_000 + (Date.now() % 997));
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await stablePort(random));
  return [...ports];
}
