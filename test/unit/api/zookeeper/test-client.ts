import { connect, type Socket } from "node:net";
import { encodeRequest, type Meaning, typeOf } from "../../../conformance/differential/encode-request.ts";
import { JuteReader, JuteWriter } from "../../../conformance/differential/jute.ts";
import { fixedXids } from "../../../conformance/differential/protocol.ts";
import type { Request } from "../../../conformance/differential/request.ts";
import { FIRST_ZXID } from "../scripted-coordination.ts";

/** Paths are as they are; a recent zxid is one after the scripted port's first. */
const meaning: Meaning = {
  prefix: "",
  zxid: (shared) =>
    typeof shared === "object" ? BigInt(FIRST_ZXID + shared.recent) : shared === "zero" ? 0n : 2n ** 60n,
};

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

export interface Hello {
  readonly lastZxidSeen?: bigint;
  readonly timeoutMs?: number;
  readonly sessionId?: bigint;
  readonly password?: Uint8Array;
  /** undefined: the byte is not sent, as by old clients. */
  readonly readOnly?: boolean | undefined;
  readonly protocolVersion?: number;
}

export interface Welcome {
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  readonly readOnly: boolean | undefined;
}

/** A frame around a payload. */
export function framed(payload: Uint8Array): Uint8Array {
  return new JuteWriter().buffer(payload).done();
}

/** A request with its header, framed. */
export function requestFrame(request: Request, xid: number): Uint8Array {
  return framed(new JuteWriter().int(xid).int(typeOf(request)).raw(encodeRequest(request, meaning)).done());
}

export function helloFrame(hello: Hello = {}): Uint8Array {
  const writer = new JuteWriter().int(hello.protocolVersion ?? 0).long(hello.lastZxidSeen ?? 0n);
  writer
    .int(hello.timeoutMs ?? 10_000)
    .long(hello.sessionId ?? 0n)
    .buffer(hello.password ?? new Uint8Array(16));
  if (hello.readOnly !== undefined) writer.boolean(hello.readOnly);
  return framed(writer.done());
}

/** A client's end of a connection, which can also say what no client would, and can stop reading. */
export class TestClient {
  /** The other side has ended or cut the connection. */
  readonly ended: Promise<void>;
  readonly socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private isOver = false;
  private wake: () => void = () => undefined;
  private xids = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
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
      const size = this.received.length < 4 ? undefined : this.received.readInt32BE(0);
      if (size !== undefined && this.received.length >= 4 + size) {
        const frame = Uint8Array.from(this.received.subarray(4, 4 + size));
        this.received = this.received.subarray(4 + size);
        return frame;
      }
      if (this.isOver) throw new Error(`the connection has ended with ${this.received.length} bytes of a frame`);
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
    return this.received;
  }

  /** Bytes that have come and are not taken. */
  get unread(): number {
    return this.received.length;
  }
}
