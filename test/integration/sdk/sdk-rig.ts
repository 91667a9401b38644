import { type ConnectOptions, connect, type DiagnosticEvent, type MusterClient, MusterError } from "@muster/client";
import { connectWith, grpcTransport } from "@muster/client/internal";
import { startMuster } from "@muster/testing";
import { TcpProxy } from "../../support/tcp-proxy.ts";

/** How long a condition may take to come true on a slow machine, ms. Never waited for in full where all is well. */
export const PATIENCE = { timeout: 60_000, interval: 10 };

type Options = Partial<ConnectOptions>;

/** What clients are tried on. */
export interface TriedServer {
  /** The same after a kill. */
  readonly endpoint: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A server, clients of it, networks between them; all gone when it is disposed of. */
export class SdkRig<Server extends TriedServer = TriedServer> implements AsyncDisposable {
  readonly server: Server;
  private readonly clients: MusterClient[] = [];
  private readonly proxies: TcpProxy[] = [];

  constructor(server: Server) {
    this.server = server;
  }

  /** With a server in this process; see `startProcessRig` for where the process, its disk or its HTTP door matters. */
  static async start(): Promise<SdkRig> {
    return new SdkRig(await startMuster());
  }

  get endpoint(): string {
    return this.server.endpoint;
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
    await Promise.all(this.proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    await Promise.all(this.clients.map((client) => client.close()));
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
