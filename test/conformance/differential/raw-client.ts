import { connect, type Socket } from "node:net";
import { JuteReader, JuteWriter } from "./jute.ts";
import { NOTIFICATION_XID, PASSWORD_BYTES } from "./protocol.ts";

/** What came from the server, in the order it came. */
export type Arrival =
  | {
      readonly kind: "reply";
      /** The number {@link RawConnection.send} gave; -1 if nothing with this xid was asked. */
      readonly ticket: number;
      readonly xid: number;
      readonly zxid: bigint;
      readonly error: number;
      readonly body: Uint8Array;
    }
  | {
      readonly kind: "event";
      readonly zxid: bigint;
      readonly error: number;
      readonly type: number;
      readonly state: number;
      readonly path: string;
    }
  | { readonly kind: "closed" }
  /** A request was not answered within {@link ANSWER_MS}. */
  | { readonly kind: "silent"; readonly ticket: number };

export interface ConnectRequest {
  readonly timeoutMs: number;
  /** 0: a new session. */
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  readonly lastZxidSeen: bigint;
  /** undefined: the byte is not sent, as by old clients. */
  readonly readOnly: boolean | undefined;
}

export interface ConnectResponse {
  readonly protocolVersion: number;
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  readonly readOnly: boolean | undefined;
}

/** How long a server may take for an answer before it counts as none. */
export const ANSWER_MS = 15_000;

interface Pending {
  readonly ticket: number;
  readonly xid: number;
}

/**
 * One connection to a server that speaks the ZooKeeper protocol. Sends exactly the bytes it is told to, and keeps what
 * comes in order; it knows no sessions, does not ping and never connects again.
 */
export class RawConnection {
  private readonly socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private pending: Pending[] = [];
  private arrivals: Arrival[] = [];
  private tickets = 0;
  private xids = 0;
  private connectResponse: ConnectResponse | undefined;
  private wake: (() => void) | undefined;
  /** Whether the other side has closed, or this one. */
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => this.receive(bytes));
    socket.on("error", () => this.end());
    socket.on("close", () => this.end());
  }

  /** Connects and asks for a session. The response is undefined if the server closed instead of answering. */
  static async open(
    address: string,
    request: ConnectRequest,
  ): Promise<{ readonly connection: RawConnection; readonly response: ConnectResponse | undefined }> {
    const colon = address.lastIndexOf(":");
    const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
    const connection = new RawConnection(socket);
    const writer = new JuteWriter().int(0).long(request.lastZxidSeen).int(request.timeoutMs);
    writer.long(request.sessionId).buffer(request.password);
    if (request.readOnly !== undefined) writer.boolean(request.readOnly);
    socket.write(framed(writer.done()));
    await connection.until(() => connection.connectResponse !== undefined || connection.closed);
    return { connection, response: connection.connectResponse };
  }

  /** Sends a request of this type; the xid is the next one unless it is given. Returns the ticket its reply has. */
  send(type: number, body: Uint8Array, xid = ++this.xids): number {
    const ticket = ++this.tickets;
    if (this.closed) return ticket;
    this.pending.push({ ticket, xid });
    this.socket.write(framed(new JuteWriter().int(xid).int(type).raw(body).done()));
    return ticket;
  }

  /** Bytes as they are, without a frame. No answer is waited for. */
  sendRaw(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** All that follows until {@link uncork} leaves at once. */
  cork(): void {
    this.socket.cork();
  }

  uncork(): void {
    this.socket.uncork();
  }

  /** Resolves when everything asked was answered, or the connection is closed; what never was answered is `silent`. */
  async settled(): Promise<void> {
    if (await this.answered(ANSWER_MS)) return;
    for (const { ticket } of this.pending) this.arrivals.push({ kind: "silent", ticket });
    this.pending = [];
  }

  /** Whether everything asked was answered, or the connection is closed, at the latest after this time. */
  answered(patienceMs: number): Promise<boolean> {
    return this.until(() => this.pending.length === 0 || this.closed, patienceMs);
  }

  /** Resolves when the server has closed; false if it does not. */
  untilClosed(patienceMs: number): Promise<boolean> {
    return this.until(() => this.closed, patienceMs);
  }

  /** What has come since the last call. */
  take(): Arrival[] {
    const taken = this.arrivals;
    this.arrivals = [];
    return taken;
  }

  /** Breaks the connection off, without a word to the server. */
  destroy(): void {
    this.closed = true;
    this.socket.destroy();
  }

  private async until(holds: () => boolean, patienceMs = ANSWER_MS): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    let late = false;
    while (!holds() && !late) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timer ??= setTimeout(() => {
          late = true;
          this.wake?.();
        }, patienceMs);
      });
    }
    clearTimeout(timer);
    return !late;
  }

  private receive(bytes: Buffer): void {
    this.received = this.received.length === 0 ? bytes : Buffer.concat([this.received, bytes]);
    let at = 0;
    while (this.received.length - at >= 4) {
      const length = this.received.readInt32BE(at);
      if (this.received.length - at - 4 < length) break;
      this.arrived(Uint8Array.prototype.slice.call(this.received, at + 4, at + 4 + length));
      at += 4 + length;
    }
    this.received = this.received.subarray(at);
    this.wake?.();
  }

  private arrived(frame: Uint8Array): void {
    const reader = new JuteReader(frame);
    if (this.connectResponse === undefined) {
      this.connectResponse = readConnectResponse(reader);
      return;
    }
    const xid = reader.int();
    const zxid = reader.long();
    const error = reader.int();
    if (xid === NOTIFICATION_XID) {
      const event = { type: reader.int(), state: reader.int(), path: reader.string() ?? "(null)" };
      this.arrivals.push({ kind: "event", zxid, error, ...event });
      return;
    }
    const index = this.pending.findIndex((each) => each.xid === xid);
    const [answered] = index < 0 ? [] : this.pending.splice(index, 1);
    const body = frame.subarray(frame.length - reader.left);
    this.arrivals.push({ kind: "reply", ticket: answered?.ticket ?? -1, xid, zxid, error, body });
  }

  private end(): void {
    if (this.closed) return;
    this.closed = true;
    this.arrivals.push({ kind: "closed" });
    this.wake?.();
  }
}

export function framed(payload: Uint8Array): Uint8Array {
  return new JuteWriter().buffer(payload).done();
}

function readConnectResponse(reader: JuteReader): ConnectResponse {
  const protocolVersion = reader.int();
  const timeoutMs = reader.int();
  const sessionId = reader.long();
  const password = Uint8Array.from(reader.buffer() ?? new Uint8Array(PASSWORD_BYTES));
  return { protocolVersion, timeoutMs, sessionId, password, readOnly: reader.left > 0 ? reader.boolean() : undefined };
}
