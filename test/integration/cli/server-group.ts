import type { ChildProcess } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EnsembleAdmin, type EnsembleStatus, type MemberStatus } from "@muster/client";
import { expect, vi } from "vitest";
import { Prng } from "../../../src/core/base/prng.ts";
import { stablePort } from "../crash/stable-port.ts";
import { ended, type MusterHome, type Ran, type ReadyLine, readyOf } from "./muster-process.ts";

/** How long a condition may take to come true on a slow machine, ms. */
const PATIENCE_MS = 90_000;
const LOOK_MS = 50;

/** One `muster server`, over all its processes. */
export interface ServerMember {
  readonly id: number;
  readonly dataDir: string;
  peer: string;
  /** The same over all its processes. */
  readonly grpc: string;
  child: ChildProcess;
  ready: ReadyLine;
  /** What it and its `muster` process said on standard error, over all its processes. */
  log: string;
}

/** What one process of a member is started with, other than the rest. */
export interface Using {
  /** Another build's bin/muster.js. */
  readonly program?: string | undefined;
  readonly args?: readonly string[] | undefined;
}

/** `muster server` processes that make an ensemble, and the commands that operators run on it. */
export class ServerGroup {
  readonly members = new Map<number, ServerMember>();
  private readonly given = new Set<string>();
  private readonly home: MusterHome;
  private readonly args: (id: number) => readonly string[];
  private readonly random = new Prng(process.pid * 1_000 + (Date.now() % 1_000));

  /** @param args for every member, besides its id, its addresses and its directory */
  constructor(home: MusterHome, args: (id: number) => readonly string[] = () => []) {
    this.home = home;
    this.args = args;
  }

  /** Starts members 1 to `count`, which found an ensemble; resolves when all of them serve. */
  async found(count: number, using: Using = {}): Promise<void> {
    const ids = Array.from({ length: count }, (_, index) => index + 1);
    const peers = new Map<number, string>();
    for (const id of ids) peers.set(id, await this.freeAddress());
    await Promise.all(ids.map((id) => this.start(id, peers, using)));
    await this.until(() => this.settled(ids), "all members lead or follow");
  }

  /** Of this machine, never given twice. */
  async freeAddress(): Promise<string> {
    for (;;) {
      const address = `127.0.0.1:${await stablePort(this.random)}`;
      if (this.given.has(address)) continue;
      this.given.add(address);
      return address;
    }
  }

  member(id: number): ServerMember {
    return this.members.get(id) as ServerMember;
  }

  /** Where members are, as `--ensemble` is to have it. */
  peers(): Map<number, string> {
    return new Map([...this.members.values()].map(({ id, peer }) => [id, peer]));
  }

  /** Starts a member, for the first time or again; resolves when it serves. */
  async start(id: number, peers: ReadonlyMap<number, string> | undefined, using: Using = {}): Promise<ServerMember> {
    const member = await this.launch(id, peers, using);
    try {
      member.ready = await readyOf(member.child);
    } catch (error) {
      throw new Error(`member ${id}: ${(error as Error).message}\n${member.log}`);
    }
    return member;
  }

  /** As {@link start}, but it may end before it serves. */
  async launch(id: number, peers: ReadonlyMap<number, string> | undefined, using: Using = {}): Promise<ServerMember> {
    const ensemble = peers && [...peers].map(([other, peer]) => `${other}@${peer}`).join(",");
    const peer = peers?.get(id) ?? this.member(id).peer;
    const dataDir = join(this.home.directory, `member-${id}`);
    const grpc = this.members.get(id)?.grpc ?? (await this.freeAddress());
    const args = [
      ...["server", "--id", `${id}`, "--data-dir", dataDir, "--memory", "512MiB", "--log-format", "json"],
      ...["--grpc-listen", grpc, "--http-listen", "127.0.0.1:0", "--peer-listen", peer],
      ...(ensemble === undefined ? [] : ["--ensemble", ensemble]),
      ...this.args(id),
      ...(using.args ?? []),
    ];
    const child = this.home.start(args, {}, using.program);
    const before = this.members.get(id)?.log ?? "";
    const member: ServerMember = { id, dataDir, peer, grpc, child, ready: {} as ReadyLine, log: before };
    this.members.set(id, member);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      member.log += text;
    });
    return member;
  }

  /** Ends the member's process itself, as a machine that fails does. */
  async kill(id: number): Promise<void> {
    const { child, ready } = this.member(id);
    process.kill(ready.pid, "SIGKILL");
    await ended(child);
  }

  /** Asks it to stop, which ends with code 0. */
  async stop(id: number): Promise<void> {
    const { child } = this.member(id);
    child.kill("SIGTERM");
    expect(await ended(child)).toBe(0);
  }

  /** Its data directory is lost. */
  wipe(id: number): void {
    const { dataDir } = this.member(id);
    rmSync(dataDir, { recursive: true });
    mkdirSync(dataDir);
  }

  get running(): ServerMember[] {
    return [...this.members.values()].filter(({ child }) => child.exitCode === null && child.signalCode === null);
  }

  /** Runs a command of the CLI against the members named, or all that run. */
  run(args: readonly string[], ...ids: number[]): Promise<Ran> {
    const asked = ids.length === 0 ? this.running : ids.map((id) => this.member(id));
    return this.home.run(args, { MUSTER_ENDPOINTS: asked.map(({ grpc }) => grpc).join(",") });
  }

  /** Runs a command that has to work, and returns what it printed. */
  async succeed(args: readonly string[], ...ids: number[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, ...ids);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return String(stdout);
  }

  /** Runs a command that has to be refused, with this code, and returns the one line it said. */
  async refused(code: number, args: readonly string[], ...ids: number[]): Promise<string> {
    const ran = await this.run(args, ...ids);
    expect({ code: ran.code, stdout: String(ran.stdout) }, ran.stderr).toEqual({ code, stdout: "" });
    expect(ran.stderr).toMatch(/^muster: [^\n]+\n$/);
    return ran.stderr.slice("muster: ".length, -1);
  }

  /** As one member sees it. */
  status(id: number): Promise<EnsembleStatus> {
    return new EnsembleAdmin({ endpoints: this.member(id).grpc, timeoutMs: PATIENCE_MS }).status();
  }

  /** Every one of these says so of each of them: one leader, the rest follow or observe, all have applied the same. */
  async settled(ids: readonly number[]): Promise<boolean> {
    const all = await Promise.all(ids.map((id) => this.status(id)));
    const [first] = all as [EnsembleStatus];
    return all.every((status) => {
      const seen = ids.map((id) => status.members.find((member) => member.id === id));
      const roles = seen.map((member) => member?.role);
      const isLed = status.leaderId === first.leaderId && ids.includes(status.leaderId);
      const isSame = seen.every((member) => member?.isReachable === true && member.zxid === first.members[0]?.zxid);
      return isLed && isSame && roles.every((role) => role === "leader" || role === "follower" || role === "observer");
    });
  }

  async leader(id: number): Promise<number> {
    return (await this.status(id)).leaderId;
  }

  /** One member as another one sees it. */
  async seen(id: number, by: number): Promise<MemberStatus | undefined> {
    return (await this.status(by)).members.find((member) => member.id === id);
  }

  async until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
    try {
      await vi.waitUntil(isSo, { timeout: PATIENCE_MS, interval: LOOK_MS });
    } catch (error) {
      const logs = this.running.map(({ id, log }) => `--- member ${id}\n${log.slice(-4_000)}`).join("\n");
      throw new Error(`it was never so that ${what}: ${(error as Error).message}\n${logs}`);
    }
  }

  /** Stops all that run, and has every data directory verified. */
  async stopAndVerify(): Promise<void> {
    for (const { id } of this.running) await this.stop(id);
    for (const { dataDir } of this.members.values()) {
      const { code, stdout, stderr } = await this.home.run(["verify", dataDir]);
      expect({ code, stderr }, String(stdout)).toEqual({ code: 0, stderr: "" });
    }
  }
}
