import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import { Duplex } from "node:stream";

/** How long anything may take until it counts as hanging, ms. */
const ANSWER_TIMEOUT_MS = 20_000;

/** With nothing said for so long, a connection is idle, ms. */
const QUIET_MS = 200;

/** What became of one request. */
export interface Outcome {
  /**
   * `status`: answered with gRPC trailers. `closed`: reset, or the connection closed. `waiting`: the other side waits
   * for the rest of what it was sent, as it may. `hung`: none of these in time.
   */
  readonly end: "status" | "closed" | "waiting" | "hung";
  readonly status: number | undefined;
  readonly message: string;
  /** Bytes that came back. */
  readonly received: number;
}

/** A gRPC frame: not compressed, length, message. */
export function frame(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

const headers = (method: string) => ({
  ":method": "POST",
  ":path": method,
  "content-type": "application/grpc",
  te: "trailers",
});

/** A connection that sends what it is told, right or wrong, and renews itself when the server closes it. */
export class RawGrpc {
  private readonly endpoint: string;
  private session: ClientHttp2Session | undefined;

  constructor(endpoint: string) {
    this.endpoint = endpoint;
  }

  /** Sends bytes as the body of a call and half-closes it. */
  call(method: string, body: readonly Uint8Array[]): Promise<Outcome> {
    const stream = this.connection().request(headers(method));
    return new Promise((resolve) => {
      let status: number | undefined;
      let message = "";
      let received = 0;
      const finish = (end: Outcome["end"]): void => {
        clearTimeout(timer);
        resolve({ end, status, message, received });
      };
      const timer = setTimeout(() => {
        finish("hung");
        stream.destroy();
      }, ANSWER_TIMEOUT_MS);
      const onHeaders = (fields: Record<string, unknown>): void => {
        if (fields["grpc-status"] === undefined) return;
        status = Number(fields["grpc-status"]);
        message = String(fields["grpc-message"] ?? "");
      };
      // Trailers alone come as headers.
      stream.on("response", onHeaders).on("trailers", onHeaders);
      stream.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      stream.on("error", () => {});
      stream.on("close", () => finish(status === undefined ? "closed" : "status"));
      for (const part of body) stream.write(part);
      stream.end();
    });
  }

  close(): void {
    this.session?.destroy();
    this.session = undefined;
  }

  private connection(): ClientHttp2Session {
    if (this.session === undefined || this.session.closed || this.session.destroyed) {
      this.session = connect(`http://${this.endpoint}`);
      this.session.on("error", () => {});
      this.session.setMaxListeners(0);
    }
    return this.session;
  }
}

/**
 * Sends bytes over TCP. With `halfClose` the other side knows that no more will come and must close; without, it may
 * wait for more, and what counts is that it lets go when this side does.
 */
export function sendBytes(endpoint: string, bytes: Uint8Array, halfClose: boolean): Promise<Outcome> {
  const colon = endpoint.lastIndexOf(":");
  return new Promise((resolve) => {
    let received = 0;
    const socket = connectTcp({ host: endpoint.slice(0, colon), port: Number(endpoint.slice(colon + 1)) });
    const finish = (end: Outcome["end"]): void => {
      clearTimeout(timer);
      resolve({ end, status: undefined, message: "", received });
      socket.destroy();
    };
    const timer = setTimeout(() => finish("hung"), ANSWER_TIMEOUT_MS);
    if (!halfClose) socket.setTimeout(QUIET_MS, () => finish("waiting"));
    socket.on("data", (chunk) => {
      received += chunk.length;
    });
    socket.on("error", () => {});
    socket.on("close", () => finish("closed"));
    if (halfClose) socket.end(bytes);
    else socket.write(bytes);
  });
}

/** The bytes a client sends for a call, from the connection preface on: what to mutate below gRPC. */
export async function recordClientBytes(method: string, body: Uint8Array): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  const session = connect("http://recorded", { createConnection: () => wire });
  session.on("error", () => {});
  const stream = session.request(headers(method));
  stream.on("error", () => {});
  await new Promise<void>((resolve) => stream.end(body, () => setImmediate(resolve)));
  session.destroy();
  return Buffer.concat(chunks);
}
