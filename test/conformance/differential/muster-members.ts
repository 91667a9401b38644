import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { prepare } from "../../../scripts/prepare.mjs";
import { Prng } from "../../../src/core/base/prng.ts";
import { ADDRESSES_FILE } from "../../../src/server/options-handover.ts";
import { MemberUnderTest } from "../../ensemble/member-under-test.ts";
import { stablePort } from "../../integration/crash/stable-port.ts";
import type { Target } from "./target.ts";
import { untilServing } from "./until-serving.ts";

/** No election because the machine is busy: it would break connections on one side. */
const PATIENT = "20s";
const AS_THE_REAL_ONES = { zookeeperSessionTimeoutMin: "1s", zookeeperSessionTimeoutMax: "10m" };

/** `muster` members in processes of their own, with their ZooKeeper doors open; all of it goes when disposed. */
export class MusterMembers implements Target, AsyncDisposable {
  readonly name = "muster";
  readonly losesWakeUps = false;
  readonly addresses: readonly string[];
  private readonly folder: string;
  private readonly members: readonly MemberUnderTest[];

  private constructor(folder: string, members: readonly MemberUnderTest[], addresses: readonly string[]) {
    this.folder = folder;
    this.members = members;
    this.addresses = addresses;
  }

  /** Resolves when every member serves. */
  static async start(count: number): Promise<MusterMembers> {
    await prepare();
    const random = new Prng(process.pid * 1_000 + (Date.now() % 997));
    const folder = mkdtempSync(path.join(os.tmpdir(), "muster-differential-"));
    const ports = new Set<number>();
    while (ports.size < count) ports.add(await stablePort(random));
    const peers = [...ports].map((port) => `127.0.0.1:${port}`);
    const ensemble = peers.map((address, index) => `${index + 1}@${address}`).join(",");
    const options = { ensemble, zookeeperListen: "127.0.0.1:0", peerTimeout: PATIENT, ...AS_THE_REAL_ONES };
    const members = peers.map((peerListen, index) => {
      const doors = { grpc: "127.0.0.1:0", http: "127.0.0.1:0", peerListen };
      const settings = { id: index + 1, folder, logFolder: folder, ...doors, options, env: {} };
      return new MemberUnderTest(settings, () => undefined);
    });
    try {
      await Promise.all(members.map((member) => member.start()));
      const addresses = members.map(doorOf);
      await Promise.all(addresses.map((address, index) => untilServing(address, () => members[index]!.isRunning)));
      return new MusterMembers(folder, members, addresses);
    } catch (error) {
      await Promise.all(members.map((member) => (member.isRunning ? member.kill() : undefined)));
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The end of each member's log. */
  get logs(): string {
    return this.members.map(({ id, logTail }) => `--- member ${id}\n${logTail}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => (member.isRunning ? member.kill() : undefined)));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** The address a member says it has bound for ZooKeeper clients. */
function doorOf({ dataDir }: MemberUnderTest): string {
  const file = path.join(dataDir, ADDRESSES_FILE);
  const { zookeeper } = JSON.parse(readFileSync(file, "utf8")) as { readonly zookeeper?: string };
  if (zookeeper === undefined) throw new Error(`${file} names no address for ZooKeeper clients`);
  return zookeeper;
}
