import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { type ConnectOptions, connect, type MusterClient } from "@muster/client";
import { onTestFinished } from "vitest";
import { prepare } from "../../scripts/prepare.mjs";
import { Prng } from "../../src/core/base/prng.ts";
import { stablePort } from "../integration/crash/stable-port.ts";
import { FaultyLinks } from "./faulty-links.ts";
import { MemberUnderTest } from "./member-under-test.ts";
import { SmallDisk } from "./small-disk.ts";

export interface RigOptions {
  readonly members?: number;
  /** Options of every member, by their names in code; a function gives each its own. */
  readonly options?: Readonly<Record<string, unknown>> | ((id: number) => Readonly<Record<string, unknown>>);
  /** Members whose data is on a disk of so many MiB. */
  readonly smallDisks?: ReadonlyMap<number, number>;
  /** The environment of a member's process; `folder` is a place of its own beside its data directory. */
  readonly env?: (id: number, dataDir: string, folder: string) => Readonly<Record<string, string>>;
}

/** What the whole history needs that the checker reads at the end: no journal is pruned. */
export const KEEP_ALL = { journalKeepCommands: "100000000", journalKeepBytes: "1TiB" };

/** How long a condition may take to come true on a slow machine, ms. Never waited for in full where all is well. */
export const PATIENCE_MS = 60_000;

let prepared: Promise<void> | undefined;
let rigs = 0;

/**
 * Real members in processes of their own, a faulty network between them, and clients. All of it is gone when the test
 * has ended; when it failed, the logs stay, and their ends are shown. ENSEMBLE_LOGS=1 keeps them in any case.
 */
export class EnsembleRig {
  readonly members: readonly MemberUnderTest[];
  readonly links: FaultyLinks;
  readonly folder: string;
  readonly clients: MusterClient[] = [];
  readonly disks = new Map<number, SmallDisk>();
  private waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  /** Where logs stay when the test has failed. */
  readonly logFolder = mkdtempSync(path.join(os.tmpdir(), "muster-ensemble-logs-"));

  private constructor(folder: string, links: FaultyLinks, settings: readonly Settings[]) {
    this.folder = folder;
    this.links = links;
    const { logFolder } = this;
    this.members = settings.map((each) => {
      return new MemberUnderTest({ ...each, folder, logFolder }, () => this.onLine());
    });
  }

  /** Starts all members and waits until each of them serves. */
  static async start(options: RigOptions = {}): Promise<EnsembleRig> {
    const rig = await EnsembleRig.make(options);
    await Promise.all(rig.members.map((member) => member.start()));
    return rig;
  }

  /** As {@link start}, but no member is started. */
  static async make(options: RigOptions = {}): Promise<EnsembleRig> {
    prepared ??= prepare();
    await prepared;
    const { members = 3 } = options;
    const random = new Prng(process.pid * 1_000 + rigs++ * 7 + (Date.now() % 997));
    const folder = mkdtempSync(path.join(os.tmpdir(), "muster-ensemble-"));
    const ids = Array.from({ length: members }, (_, index) => index + 1);
    const ports = await distinctPorts(3 * members, random);
    const ends = ids.map((id, index) => ({ id, port: ports[index] as number }));
    const links = await FaultyLinks.start(ends, () => random.uint32() / 2 ** 32);
    const ensemble = ids.map((id) => `${id}@${links.addressOf(id)}`).join(",");
    const settings = ends.map(({ id, port }, index): Settings => {
      const own = typeof options.options === "function" ? options.options(id) : options.options;
      return {
        id,
        grpc: `127.0.0.1:${ports[members + index]}`,
        http: `127.0.0.1:${ports[2 * members + index]}`,
        peerListen: `127.0.0.1:${port}`,
        options: { ensemble, peerAdvertise: links.addressOf(id), ...own },
        env: options.env?.(id, path.join(folder, `member-${id}`), ownFolder(folder, id)) ?? {},
      };
    });
    const rig = new EnsembleRig(folder, links, settings);
    onTestFinished(async ({ task }) => {
      await rig.dispose();
      rig.report(task.result?.state === "fail");
    });
    for (const [id, mib] of options.smallDisks ?? []) rig.disks.set(id, new SmallDisk(rig.member(id).dataDir, mib));
    return rig;
  }

  member(id: number): MemberUnderTest {
    const found = this.members.find((member) => member.id === id);
    if (found === undefined) throw new Error(`there is no member ${id}`);
    return found;
  }

  get endpoints(): string[] {
    return this.members.map(({ grpc }) => grpc);
  }

  /** The awake member that leads the highest epoch, as the logs have it. */
  get leader(): MemberUnderTest | undefined {
    const leaders = this.members.filter((member) => member.isAwake && member.role === "leader");
    return leaders.sort((one, other) => other.epoch - one.epoch)[0];
  }

  get followers(): MemberUnderTest[] {
    return this.members.filter((member) => member.isAwake && member.role === "follower");
  }

  /** Resolves once a member other than `not` leads an epoch above `above`. */
  async newLeader(not?: MemberUnderTest, above = 0): Promise<MemberUnderTest> {
    const found = () => (this.leader !== not && (this.leader?.epoch ?? 0) > above ? this.leader : undefined);
    await this.until(() => found() !== undefined, "a new leader");
    return found() as MemberUnderTest;
  }

  /** Resolves once every awake member leads or follows in the highest epoch there is. */
  async settled(): Promise<MemberUnderTest> {
    const isSettled = () => {
      const awake = this.members.filter(({ isAwake }) => isAwake);
      const { leader } = this;
      const led = awake.every(({ role }) => role === "leader" || role === "follower");
      return leader !== undefined && led && awake.filter(({ role }) => role === "leader").length === 1;
    };
    await this.until(isSettled, "every member to lead or follow");
    return this.leader as MemberUnderTest;
  }

  /** Resolves once something the logs tell is so. */
  async until(holds: () => boolean, what: string): Promise<void> {
    if (holds()) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const roles = () => this.members.map(({ id, role, epoch }) => `${id}: ${role || "down"} (${epoch})`).join(", ");
      timer = setTimeout(() => reject(new Error(`waited ${PATIENCE_MS} ms for ${what}; ${roles()}`)), PATIENCE_MS);
    });
    try {
      await Promise.race([new Promise<void>((resolve) => this.waiting.push({ holds, resolve })), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A client of all members, or of those named. */
  async connect(options: Partial<ConnectOptions> = {}): Promise<MusterClient> {
    const client = await connect({ endpoints: this.endpoints, connectTimeoutMs: PATIENCE_MS, ...options });
    this.clients.push(client);
    return client;
  }

  /** All members have applied the same, and have it in their journals; the zxid. */
  async converged(): Promise<number> {
    const begin = performance.now();
    let zxids: number[] = [];
    while (performance.now() - begin < PATIENCE_MS) {
      zxids = (await Promise.all(this.members.map((member) => member.zxids()))).flat();
      const [first = 0] = zxids;
      if (first > 0 && zxids.every((zxid) => zxid === first)) return first;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the members have not come to one zxid within ${PATIENCE_MS} ms: ${zxids.join(", ")}`);
  }

  /** Stops every member; each must end with code 0. */
  async stopAll(): Promise<void> {
    const ends = await Promise.all(this.members.filter((member) => member.isRunning).map((member) => member.stop()));
    const bad = ends.find(({ code }) => code !== 0);
    if (bad !== undefined) throw new Error(`a member asked to stop ended with ${bad.signal ?? bad.code}`);
  }

  private async dispose(): Promise<void> {
    await Promise.all(this.members.map((member) => (member.isRunning ? member.kill() : undefined)));
    await this.links[Symbol.asyncDispose]();
    await Promise.all(this.clients.map((client) => client.close()));
    for (const disk of this.disks.values()) disk.unmount();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  private onLine(): void {
    const due = this.waiting.filter(({ holds }) => holds());
    if (due.length === 0) return;
    this.waiting = this.waiting.filter((each) => !due.includes(each));
    for (const { resolve } of due) resolve();
  }

  private report(failed: boolean): void {
    if (!failed && process.env["ENSEMBLE_LOGS"] === undefined) {
      rmSync(this.logFolder, { recursive: true, force: true });
      return;
    }
    if (failed)
      for (const { id, logTail } of this.members) process.stderr.write(`\n===== member ${id} =====\n${logTail}\n`);
    process.stderr.write(`===== whole logs are in ${this.logFolder}\n`);
  }
}

function ownFolder(folder: string, id: number): string {
  const own = path.join(folder, `beside-${id}`);
  mkdirSync(own);
  return own;
}

type Settings = Omit<ConstructorParameters<typeof MemberUnderTest>[0], "folder" | "logFolder">;

async function distinctPorts(count: number, random: Prng): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await stablePort(random));
  return [...ports];
}
