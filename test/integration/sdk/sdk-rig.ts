import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type ConnectOptions, connect, type DiagnosticEvent, type MusterClient, MusterError } from "@muster/client";
import { connectWith, grpcTransport } from "@muster/client/internal";
import { Member } from "../../../bench/harness/member.ts";
import { Prng } from "../../../src/core/base/prng.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { stablePort } from "../crash/stable-port.ts";

/** How long a condition may take to come true on a slow machine, ms. Never waited for in full where all is well. */
export const PATIENCE = { timeout: 60_000, interval: 10 };

type Options = Partial<ConnectOptions>;

/** A member in its own process, clients of it, networks between them; all gone when it is disposed of. */
export class SdkRig implements AsyncDisposable {
  private readonly folder: string;
  private readonly port: number;
  private readonly clients: MusterClient[] = [];
  private readonly proxies: TcpProxy[] = [];
  private member!: Member;

  private constructor(port: number) {
    this.port = port;
    this.folder = mkdtempSync(path.join(os.tmpdir(), "muster-sdk-"));
  }

  static async start(): Promise<SdkRig> {
    const rig = new SdkRig(await stablePort(new Prng(process.pid)));
    try {
      await rig.restart();
      return rig;
    } catch (error) {
      await rig[Symbol.asyncDispose]();
      throw error;
    }
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** kill -9 of the member. */
  async kill(): Promise<void> {
    await this.member.kill();
  }

  /** Starts the member, where it was before. */
  async restart(): Promise<void> {
    this.member = await Member.start({ dataDir: path.join(this.folder, "member"), grpcListen: this.endpoint });
  }

  async connect(options: Options = {}): Promise<MusterClient> {
    const client = await connect({ endpoints: this.endpoint, ...options });
    this.clients.push(client);
    return client;
  }

  /** A client whose every connection goes through one network, whatever addresses the member names. */
  async proxied(options: Options = {}): Promise<{ client: MusterClient; proxy: TcpProxy }> {
    const proxy = await TcpProxy.start(this.endpoint);
    this.proxies.push(proxy);
    const grpc = grpcTransport({ userAgent: "muster-test" });
    const transport: typeof grpc = {
      ...grpc,
      probe: (_, done) => grpc.probe(proxy.endpoint, done),
      open: (_: string, listener: Parameters<typeof grpc.open>[1]) => grpc.open(proxy.endpoint, listener),
    };
    const client = await connectWith({ endpoints: proxy.endpoint, ...options }, { transport });
    this.clients.push(client);
    return { client, proxy };
  }

  /** One of the member's metrics, as it is now. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://${this.member.http}/metrics`)).text();
    const line = text.split("\n").find((each) => each.startsWith(`${name} `));
    if (line === undefined) throw new Error(`there is no metric ${name}`);
    return Number(line.slice(name.length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.member?.kill();
    await Promise.all(this.proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    await Promise.all(this.clients.map((client) => client.close()));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** Resolves when the client next tells of it. */
export function told<T extends DiagnosticEvent["type"]>(
  client: MusterClient,
  type: T,
): Promise<Extract<DiagnosticEvent, { type: T }>> {
  return new Promise((resolve) => {
    const stop = client.diagnostics.on(type, (event) => {
      stop();
      resolve(event);
    });
  });
}

/** All that a client tells from now on. */
export function record(client: MusterClient): DiagnosticEvent[] {
  const events: DiagnosticEvent[] = [];
  client.diagnostics.subscribe((event) => events.push(event));
  return events;
}

/** The error a promise rejects with, which must be ours. */
export async function failure(promise: Promise<unknown>): Promise<MusterError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof MusterError)) throw new Error(`expected a MusterError, got ${String(error)}`);
  return error;
}

export const text = (data: Uint8Array): string => Buffer.from(data).toString();
