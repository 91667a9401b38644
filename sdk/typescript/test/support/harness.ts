import type { MusterClient } from "../../src/client.ts";
import { type ConnectOptions, connectWith } from "../../src/connect.ts";
import type { DiagnosticEvent } from "../../src/diagnostics.ts";
import { MusterError } from "../../src/errors.ts";
import { Stat } from "../../src/gen/muster/coordination/v1/znode.ts";
import { grpcTransport } from "../../src/grpc-transport.ts";
import type { SessionTransport } from "../../src/transport.ts";
import { FakeEnvironment } from "./fake-environment.ts";
import { ScriptedServer, type ScriptedStream } from "./scripted-server.ts";

/** The time-out a scripted server grants unless told otherwise, ms. */
export const TIMEOUT_MS = 30_000;

export const stat = (fields: Partial<Stat> = {}): Stat => Stat.fromPartial(fields as Stat);

export interface Opened {
  readonly client: MusterClient;
  readonly stream: ScriptedStream;
  /** What the client has told since it was open. */
  readonly events: DiagnosticEvent[];
}

/** A scripted server, a clock that stands still, and the clients made with them. */
export class Harness implements AsyncDisposable {
  readonly server: ScriptedServer;
  readonly environment = new FakeEnvironment();
  readonly clients: MusterClient[] = [];
  /** Endpoints that were asked how they are. */
  readonly probes: string[] = [];
  /** What a member says when it is asked how it is: at once, since the clock stands still. */
  onProbe: SessionTransport["probe"] = (_endpoint, done) => {
    done("serving");
    return () => {};
  };

  private constructor(server: ScriptedServer) {
    this.server = server;
  }

  static async start(): Promise<Harness> {
    return new Harness(await ScriptedServer.start());
  }

  connect(options: Partial<ConnectOptions> = {}): Promise<MusterClient> {
    const transport: SessionTransport = {
      open: grpcTransport({ userAgent: "test" }).open,
      probe: (endpoint, done) => {
        this.probes.push(endpoint);
        return this.onProbe(endpoint, done);
      },
    };
    return connectWith({ endpoints: this.server.endpoint, ...options }, { environment: this.environment, transport });
  }

  async opened(options: Partial<ConnectOptions> = {}): Promise<Opened> {
    const connecting = this.connect(options);
    const stream = await this.server.stream();
    await stream.open();
    const client = await connecting;
    this.clients.push(client);
    const events: DiagnosticEvent[] = [];
    client.diagnostics.subscribe((event) => events.push(event));
    return { client, stream, events };
  }

  /** Breaks the stream, lets the client notice, and waits for its next one. */
  async nextStream(client: MusterClient, breakIt: () => void): Promise<ScriptedStream> {
    const reconnecting = told(client, "reconnecting");
    breakIt();
    const { delayMs } = (await reconnecting) as { delayMs: number };
    this.environment.advance(delayMs);
    return this.server.stream();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Promise.all(this.clients.splice(0).map((client) => client.close()));
  }
}

/** Resolves when the client has told of it. */
export function told(client: MusterClient, type: DiagnosticEvent["type"]): Promise<DiagnosticEvent> {
  return new Promise((resolve) => {
    const stop = client.diagnostics.on(type, (event) => {
      stop();
      resolve(event);
    });
  });
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
