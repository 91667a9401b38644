import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { frameKind } from "../../../src/transport/frame-kind.ts";
import { FrameSocket, type FrameSocketOwner } from "../../../src/transport/frame-socket.ts";
import { decodeHello, encodeHello, type Hello } from "../../../src/transport/hello.ts";
import { decodeRefusal, type Refusal } from "../../../src/transport/refusal.ts";
import { bytes, ENSEMBLE } from "./transport-rig.ts";

export function helloOf(senderId: number, targetId: number, changes: Partial<Hello> = {}): Hello {
  return {
    versionMin: 1,
    versionMax: 1,
    purpose: "data",
    ensembleId: ENSEMBLE,
    senderId,
    targetId,
    incarnation: `incarnation-${senderId}`,
    processId: `process-${senderId}`,
    attempt: 1,
    address: `127.0.0.1:${7000 + senderId}`,
    about: bytes("scripted"),
    bulkHeader: new Uint8Array(0),
    ...changes,
  };
}

interface Frame {
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** A member of which a test decides every frame. */
export class ScriptedPeer implements FrameSocketOwner, Disposable {
  readonly frames: FrameSocket;
  readonly received: Frame[] = [];
  closed: string | undefined;
  private waiting: (() => void) | undefined;

  constructor(socket: Socket) {
    this.frames = new FrameSocket(socket);
    this.frames.owner = this;
  }

  static async dial(address: string): Promise<ScriptedPeer> {
    const socket = connect(Number(address.slice(address.lastIndexOf(":") + 1)), "127.0.0.1");
    await once(socket, "connect");
    return new ScriptedPeer(socket);
  }

  /** Dials and shakes hands as `hello` says, up to READY. */
  static async dialAs(address: string, hello: Hello): Promise<ScriptedPeer> {
    const peer = await ScriptedPeer.dial(address);
    peer.say(frameKind.HELLO, encodeHello(hello));
    await peer.hello();
    peer.say(frameKind.READY);
    return peer;
  }

  say(kind: number, payload: Uint8Array = new Uint8Array(0)): void {
    this.frames.add(kind, payload);
    this.frames.flush();
  }

  /** The next frame, or undefined if the connection ended first. */
  async frame(): Promise<Frame | undefined> {
    while (this.received.length === 0 && this.closed === undefined) {
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
    return this.received.shift();
  }

  async hello(): Promise<Hello> {
    const frame = await this.frame();
    if (frame?.kind !== frameKind.HELLO) throw new Error(`no HELLO but ${frame?.kind ?? this.closed}`);
    return decodeHello(frame.payload);
  }

  async refusal(): Promise<Refusal> {
    const frame = await this.frame();
    if (frame?.kind !== frameKind.REFUSE) throw new Error(`no REFUSE but ${frame?.kind ?? this.closed}`);
    return decodeRefusal(frame.payload);
  }

  /** Resolves when the other side has closed. */
  async end(): Promise<string> {
    while ((await this.frame()) !== undefined);
    return this.closed ?? "";
  }

  onFrame(kind: number, payload: Uint8Array): void {
    this.received.push({ kind, payload: payload.slice() });
    this.waiting?.();
  }

  onClosed(why: string): void {
    this.closed = why;
    this.waiting?.();
  }

  [Symbol.dispose](): void {
    this.frames.close();
  }
}

/** An address at which a test decides what happens to each connection. */
export class ScriptedListener implements AsyncDisposable {
  private readonly server: Server;
  private readonly sockets: Socket[] = [];
  private readonly all: Socket[] = [];
  private waiting: (() => void) | undefined;

  private constructor() {
    this.server = createServer((socket) => {
      socket.on("error", () => {});
      this.sockets.push(socket);
      this.all.push(socket);
      this.waiting?.();
    });
  }

  static async start(): Promise<ScriptedListener> {
    const listener = new ScriptedListener();
    listener.server.listen(0, "127.0.0.1");
    await once(listener.server, "listening");
    return listener;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The next connection dialled here. */
  async socket(): Promise<Socket> {
    while (this.sockets.length === 0) {
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
    return this.sockets.shift() as Socket;
  }

  async peer(): Promise<ScriptedPeer> {
    return new ScriptedPeer(await this.socket());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.all) socket.destroy();
    await closed;
  }
}
