import { connect, type Socket } from "node:net";
import { JuteReader } from "../../../conformance/differential/jute.ts";
import { fixedXids } from "../../../conformance/differential/protocol.ts";
import type { Request } from "../../../conformance/differential/request.ts";
import { type Hello, helloFrame, requestFrame } from "../../../support/zookeeper-frames.ts";

export interface Reply {
  readonly xid: number;
  readonly zxid: number;
  readonly error: number;
  readonly body: JuteReader;
}

export interface Told {
  readonly zxid: number;
  readonly type: number;
  readonly state: number;
  readonly path: string;
}

export interface Welcome {
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  readonly readOnly: boolean | undefined;
}

/** A client's end of a connection, which can also say what no client would, and can stop reading. */
export class TestClient {
  /** The other side has ended or cut the connection. */
  readonly ended: Promise<void>;
  readonly socket: Socket;
  private chunks: Buffer[] = [];
  /** Bytes that have come and are not taken. */
  unread = 0;
  private isOver = false;
  private wake: () => void = () => undefined;
  private xids = 0;

  /** Over a socket that is connected. */
  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.unread += chunk.length;
      this.wake();
    });
    // A connection that is cut may be reset.
    socket.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      socket.on("close", () => {
        this.isOver = true;
        this.wake();
        resolve();
      });
    });
  }

  static async at(port: number): Promise<TestClient> {
    const socket = connect({ host: "127.0.0.1", port });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new TestClient(socket);
  }

  /** Bytes as they are. */
  write(bytes: Uint8Array): this {
    this.socket.write(bytes);
    return this;
  }

  /** Asks; the xid is the next one, or the one the operation always has. */
  ask(...requests: readonly Request[]): this {
    return this.write(
      Buffer.concat(requests.map((each) => requestFrame(each, fixedXids[each.op as never] ?? ++this.xids))),
    );
  }

  async hello(hello: Hello = {}): Promise<Welcome> {
    this.write(helloFrame(hello));
    const reader = new JuteReader(await this.frame());
    if (reader.int() !== 0) throw new Error("a connect response of another protocol");
    const timeoutMs = reader.int();
    const sessionId = reader.long();
    const password = reader.buffer() ?? new Uint8Array(0);
    return { timeoutMs, sessionId, password, readOnly: reader.left > 0 ? reader.boolean() : undefined };
  }

  /** The payload of the next frame; rejects when the connection ends before one. */
  async frame(): Promise<Uint8Array> {
    for (;;) {
      const size = this.unread < 4 ? undefined : this.ahead(4).readInt32BE(0);
      if (size !== undefined && this.unread >= 4 + size) {
        const bytes = this.ahead(4 + size);
        this.chunks[0] = bytes.subarray(4 + size);
        this.unread -= 4 + size;
        return Uint8Array.from(bytes.subarray(4, 4 + size));
      }
      if (this.isOver) throw new Error(`the connection has ended with ${this.unread} bytes of a frame`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async reply(): Promise<Reply> {
    const body = new JuteReader(await this.frame());
    return { xid: body.int(), zxid: Number(body.long()), error: body.int(), body };
  }

  /** xid and error of the next replies. */
  async outcomes(count: number): Promise<[number, number][]> {
    const outcomes: [number, number][] = [];
    for (let left = count; left > 0; left--) {
      const { xid, error } = await this.reply();
      outcomes.push([xid, error]);
    }
    return outcomes;
  }

  async told(): Promise<Told> {
    const { xid, zxid, body } = await this.reply();
    if (xid !== -1) throw new Error(`a reply to ${xid} where a notification is expected`);
    return { zxid, type: body.int(), state: body.int(), path: body.string() ?? "" };
  }

  /** All that comes until the connection ends. */
  async rest(): Promise<Buffer> {
    await this.ended;
    return Buffer.concat(this.chunks);
  }

  /** What has come, at least so many bytes of it. */
  private ahead(bytes: number): Buffer {
    const [first] = this.chunks;
    if (first !== undefined && first.length >= bytes) return first;
    const all = Buffer.concat(this.chunks);
    this.chunks = [all];
    return all;
  }
}
