import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  connectFrame,
  type JuteFrame,
  operations,
  PASSWORD_BYTES,
  requestFrame,
  type SessionTicket,
  specialXids,
} from "./wire.ts";

/** In front of a reply's body: request id, zxid, error. */
const REPLY_HEADER_BYTES = 16;
const LENGTH_BYTES = 4;
/** protocol version, time-out, session id, length of the password */
const CONNECT_REPLY_PASSWORD_AT = 20;
/** Answered entries in front of the line are cut off when there are so many. */
const LINE_COMPACTED_AT = 1024;
const PERSISTENT = 0;

/**
 * What every socket of this process is read into. A reader takes what it needs before it returns, so one is enough,
 * and a connection that only waits costs no buffer.
 */
const received = Buffer.allocUnsafeSlow(64 * 1024);

export interface ZookeeperClientOptions {
  /** host:port */
  readonly endpoint: string;
  /** Of the session, ms. */
  readonly timeoutMs: number;
  /** A watch fired. */
  readonly onNotification?: () => void;
}

/** A reply with an error in it; `reason` makes a load's failures countable. */
export class ZookeeperReplyError extends Error {
  override readonly name = "ZookeeperReplyError";
  readonly code: number;
  readonly reason: string;

  constructor(code: number) {
    super(`the server answered with error ${code}`);
    this.code = code;
    this.reason = `error ${code}`;
  }
}

interface Waiting {
  readonly xid: number;
  readonly take: ((body: Buffer) => unknown) | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One connection that speaks ZooKeeper's client protocol, with as little between socket and caller as can be: no
 * reconnecting and no pings of its own. Replies must come in the order of the requests; one that does not, and the
 * end of the connection, reject what is under way.
 */
export class ZookeeperClient {
  readonly session: SessionTicket;
  /** The connection ended, by whomever. */
  ended = false;
  private readonly socket: Socket;
  private readonly onNotification: (() => void) | undefined;
  private line: Waiting[] = [];
  private answered = 0;
  private xid = 0;
  private rest: Buffer | undefined;
  private corked = false;

  private constructor(socket: Socket, session: SessionTicket, options: ZookeeperClientOptions) {
    this.socket = socket;
    this.session = session;
    this.onNotification = options.onNotification;
  }

  /** Resolves once the session is open. */
  static async connect(options: ZookeeperClientOptions): Promise<ZookeeperClient> {
    let client: ZookeeperClient | undefined;
    let take = (_bytes: Buffer): void => {};
    const socket = connectTo(options.endpoint, (bytes) => take(bytes));
    socket.on("error", () => {});
    const ended = once(socket, "close").then(() => {
      if (client !== undefined) client.end("the connection ended");
    });
    const opened = new Promise<SessionTicket>((resolve, reject) => {
      ended.then(() => reject(new Error(`${options.endpoint} ended the connection before there was a session`)));
      let head = Buffer.alloc(0);
      take = (bytes) => {
        head = Buffer.concat([head, bytes]);
        if (head.length < LENGTH_BYTES || head.length < LENGTH_BYTES + head.readInt32BE(0)) return;
        const body = head.subarray(LENGTH_BYTES);
        if (body.readInt32BE(4) === 0) reject(new Error(`${options.endpoint} refused a session`));
        const password = body.subarray(CONNECT_REPLY_PASSWORD_AT, CONNECT_REPLY_PASSWORD_AT + PASSWORD_BYTES);
        const ticket = { id: body.readBigInt64BE(8), password };
        // Whatever comes next is the client's, also what comes before the promise is looked at.
        client = new ZookeeperClient(socket, ticket, options);
        take = (more) => client?.read(more);
        resolve(ticket);
      };
    });
    socket.write(connectFrame(options.timeoutMs));
    await opened;
    if (client === undefined) throw new Error("a session without a client");
    return client;
  }

  get(path: string): Promise<unknown> {
    return this.request(operations.getData, (frame) => frame.text(path).bool(false));
  }

  set(path: string, value: Buffer): Promise<unknown> {
    return this.request(operations.setData, (frame) => frame.text(path).buffer(value).i32(-1));
  }

  create(path: string, value: Buffer): Promise<unknown> {
    return this.request(operations.create, (frame) => frame.text(path).buffer(value).openAcl().i32(0));
  }

  delete(path: string): Promise<unknown> {
    return this.request(operations.delete, (frame) => frame.text(path).i32(-1));
  }

  children(path: string): Promise<string[]> {
    const asked = (frame: JuteFrame) => frame.text(path).bool(false);
    return this.request(operations.getChildren, asked, readTexts) as Promise<string[]>;
  }

  /** A watch that stays, on the znode alone. */
  addWatch(path: string): Promise<unknown> {
    return this.request(operations.addWatch, (frame) => frame.text(path).i32(PERSISTENT));
  }

  ping(): Promise<unknown> {
    return this.send(specialXids.ping, operations.ping, (frame) => frame, undefined);
  }

  /** Ends the session, and with it the connection. */
  async close(): Promise<void> {
    if (this.ended) return;
    await this.request(operations.closeSession, (frame) => frame).catch(() => {});
    this.destroy();
  }

  /** Ends the connection; the session is left to expire. */
  destroy(): void {
    this.socket.destroy();
    this.end("destroyed");
  }

  private request(operation: number, body: (frame: JuteFrame) => JuteFrame, take?: (body: Buffer) => unknown) {
    this.xid++;
    return this.send(this.xid, operation, body, take);
  }

  private send(
    xid: number,
    operation: number,
    body: (frame: JuteFrame) => JuteFrame,
    take: ((body: Buffer) => unknown) | undefined,
  ): Promise<unknown> {
    if (this.ended) return Promise.reject(new Error("the connection has ended"));
    return new Promise((resolve, reject) => {
      this.line.push({ xid, take, resolve, reject });
      this.cork();
      this.socket.write(requestFrame(xid, operation, body));
    });
  }

  /** What is asked in one turn leaves in one write. */
  private cork(): void {
    if (this.corked) return;
    this.corked = true;
    this.socket.cork();
    setImmediate(() => {
      this.corked = false;
      this.socket.uncork();
    });
  }

  private read(chunk: Buffer): void {
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + bytes.readInt32BE(at);
      if (end > bytes.length) break;
      this.reply(bytes, at + LENGTH_BYTES, end);
      at = end;
    }
    // A copy: the buffer is filled again by the next socket.
    this.rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
  }

  private reply(bytes: Buffer, start: number, end: number): void {
    const xid = bytes.readInt32BE(start);
    if (xid === specialXids.notification) {
      this.onNotification?.();
      return;
    }
    // A ping's answer may overtake: it is outside the order of the requests.
    const { answered } = this;
    const index = xid === specialXids.ping ? this.line.findIndex((w, i) => i >= answered && w.xid === xid) : answered;
    const waiting = this.line[index];
    if (waiting === undefined || waiting.xid !== xid) {
      this.socket.destroy();
      this.end(`reply ${xid} is out of order: ${waiting?.xid ?? "nothing"} was next`);
      return;
    }
    if (index === answered) this.advance();
    else this.line.splice(index, 1);
    const code = bytes.readInt32BE(start + 12);
    if (code !== 0) waiting.reject(new ZookeeperReplyError(code));
    else waiting.resolve(waiting.take?.(bytes.subarray(start + REPLY_HEADER_BYTES, end)));
  }

  private advance(): void {
    this.answered++;
    if (this.answered < this.line.length && this.answered < LINE_COMPACTED_AT) return;
    this.line = this.line.slice(this.answered);
    this.answered = 0;
  }

  private end(why: string): void {
    if (this.ended) return;
    this.ended = true;
    const left = this.line.slice(this.answered);
    this.line = [];
    this.answered = 0;
    for (const { reject } of left) reject(new Error(why));
  }
}

/** A connection that is read into the process' one buffer; `take` must not keep what it is given. */
function connectTo(endpoint: string, take: (bytes: Buffer) => void): Socket {
  const [host, port] = splitEndpoint(endpoint);
  const callback = (length: number, bytes: Uint8Array): boolean => {
    take((bytes as Buffer).subarray(0, length));
    return true;
  };
  return connect({ host, port, noDelay: true, onread: { buffer: received, callback } });
}

export function splitEndpoint(endpoint: string): [host: string, port: number] {
  const colon = endpoint.lastIndexOf(":");
  return [endpoint.slice(0, colon), Number(endpoint.slice(colon + 1))];
}

function readTexts(body: Buffer): string[] {
  const texts: string[] = [];
  const count = body.readInt32BE(0);
  let at = 4;
  for (let i = 0; i < count; i++) {
    const length = body.readInt32BE(at);
    texts.push(body.toString("utf8", at + 4, at + 4 + length));
    at += 4 + length;
  }
  return texts;
}
