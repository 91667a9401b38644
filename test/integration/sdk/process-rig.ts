import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Member } from "../../../bench/harness/member.ts";
import { Prng } from "../../../src/core/base/prng.ts";
import { stablePort } from "../crash/stable-port.ts";
import { SdkRig, type TriedServer } from "./sdk-rig.ts";

/** A member in its own process, with its data on disk, where `kill` is kill -9. */
class ServerProcess implements TriedServer {
  private readonly folder = mkdtempSync(path.join(os.tmpdir(), "muster-sdk-"));
  private readonly port: number;
  private member: Member | undefined;

  constructor(port: number) {
    this.port = port;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  async kill(): Promise<void> {
    await this.member?.kill();
  }

  /** Starts it, the first time too, where it was before. */
  async restart(): Promise<void> {
    this.member = await Member.start({ dataDir: path.join(this.folder, "member"), grpcListen: this.endpoint });
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  /** One of the member's metrics, as it is now. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://${this.member?.http}/metrics`)).text();
    const line = text.split("\n").find((each) => each.startsWith(`${name} `));
    if (line === undefined) throw new Error(`there is no metric ${name}`);
    return Number(line.slice(name.length));
  }
}

export type ProcessRig = SdkRig<ServerProcess>;

export async function startProcessRig(): Promise<ProcessRig> {
  const server = new ServerProcess(await stablePort(new Prng(process.pid)));
  try {
    await server.restart();
    return new SdkRig(server);
  } catch (error) {
    await server.stop();
    throw error;
  }
}
