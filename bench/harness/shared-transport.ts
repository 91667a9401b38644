import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { MusterError } from "@muster/client";
import { grpcTransport, type SessionStream, type SessionTransport, type StreamListener } from "@muster/client/internal";
// What the SDK itself makes of a stream's error; not part of what it exports.
import { grpcError } from "../../sdk/typescript/dist/grpc-error.js";

const SESSION_PATH = "/muster.coordination.v1.CoordinationService/Session";
const identity = (message: Buffer): Buffer => message;

/**
 * Session streams that share TCP connections, so that many thousands of sessions need few of them: `perConnection`
 * streams of a member on each, at most 256, as many as a member takes. The SDK gives each client one of its own.
 */
export class SharedTransport implements SessionTransport {
  /** Asks a member how it is: on a connection of its own, as the SDK does. */
  readonly probe: SessionTransport["probe"];
  private readonly perConnection: number;
  private readonly connections = new Map<string, { readonly client: Client; streams: number }[]>();

  constructor(perConnection: number) {
    this.perConnection = perConnection;
    this.probe = grpcTransport({ userAgent: "muster-bench" }).probe;
  }

  /** TCP connections in use. */
  get size(): number {
    return [...this.connections.values()].flat().length;
  }

  open(endpoint: string, listener: StreamListener): SessionStream {
    const connection = this.connectionTo(endpoint);
    connection.streams++;
    const call = connection.client.makeBidiStreamRequest(SESSION_PATH, identity, identity, new Metadata());
    let over = false;
    const destroy = (): void => {
      if (over) return;
      over = true;
      call.cancel();
      this.leave(endpoint, connection);
    };
    const end = (error: MusterError): void => {
      if (over) return;
      destroy();
      listener.onEnd(error);
    };
    call.on("data", (message: Buffer) => {
      if (!over) listener.onMessage(message);
    });
    call.on("drain", () => {
      if (!over) listener.onDrain();
    });
    call.on("error", (error: unknown) => end(grpcError(error)));
    call.on("status", () => end(new MusterError("UNREACHABLE", { message: "the member ended the stream" })));
    return { write: (message) => (over ? true : call.write(message)), destroy };
  }

  private connectionTo(endpoint: string) {
    const open = this.connections.get(endpoint) ?? [];
    this.connections.set(endpoint, open);
    let connection = open.find(({ streams }) => streams < this.perConnection);
    if (connection === undefined) {
      const channel = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_retries": 0 };
      connection = { client: new Client(endpoint, credentials.createInsecure(), channel), streams: 0 };
      open.push(connection);
    }
    return connection;
  }

  /** A connection without streams is closed: what a dead member leaves must not be dialled for ever. */
  private leave(endpoint: string, connection: { readonly client: Client; streams: number }): void {
    connection.streams--;
    if (connection.streams > 0) return;
    connection.client.close();
    const left = (this.connections.get(endpoint) ?? []).filter((each) => each !== connection);
    this.connections.set(endpoint, left);
  }
}
