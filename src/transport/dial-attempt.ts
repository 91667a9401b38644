import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import { FormatError } from "../core/base/bytes.ts";
import { parseListenAddress } from "../core/base/listen-address.ts";
import { checkHello, type OwnIdentity } from "./admission.ts";
import { frameKind } from "./frame-kind.ts";
import { FrameSocket, type FrameSocketOwner } from "./frame-socket.ts";
import { decodeHello, type Hello } from "./hello.ts";
import { certifiesMember } from "./member-certificate.ts";
import { decodeRefusal, encodeRefusal, type Refusal } from "./refusal.ts";
import type { SocketSet } from "./socket-set.ts";
import type { TlsMaterial } from "./tls-material.ts";
import { describeSocketError } from "./transport-error.ts";
import { KEEP_ALIVE_MS } from "./transport-limits.ts";

export interface DialTarget {
  readonly id: number;
  /** `host:port`. */
  readonly address: string;
}

/** What dialling needs of its transport. */
export interface DialContext {
  readonly handshakeMs: number;
  readonly tls: TlsMaterial | undefined;
  /** Where its connections are counted. */
  readonly sockets: SocketSet;
  own(): OwnIdentity;
}

export type DialOutcome =
  | { readonly kind: "up"; readonly frames: FrameSocket; readonly hello: Hello }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly by: "us" | "them" }
  | { readonly kind: "failed"; readonly why: string };

const NO_PAYLOAD = new Uint8Array(0);

/** One connection being dialled: resolved, connected, proven by certificate, introduced. Ends with one outcome. */
export class DialAttempt implements FrameSocketOwner {
  private readonly target: DialTarget;
  private readonly context: DialContext;
  private readonly makeHello: () => Uint8Array;
  private done: ((outcome: DialOutcome) => void) | undefined;
  private socket: Socket | undefined;
  private frames: FrameSocket | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** `done` is called once, never before the constructor returned, and not after {@link cancel}. */
  constructor(
    target: DialTarget,
    context: DialContext,
    makeHello: () => Uint8Array,
    done: (outcome: DialOutcome) => void,
  ) {
    this.target = target;
    this.context = context;
    this.makeHello = makeHello;
    this.done = done;
    const address = parseListenAddress(target.address);
    if (typeof address === "string") {
      setImmediate(() => this.finish({ kind: "failed", why: `its address ${address}` }));
      return;
    }
    this.limit("not connected");
    this.open(address);
  }

  /** True once our HELLO is on its way: the other side may answer it at any moment. */
  get hasSpoken(): boolean {
    return this.frames !== undefined;
  }

  cancel(): void {
    this.done = undefined;
    this.drop();
  }

  onFrame(kind: number, payload: Uint8Array): void {
    if (kind === frameKind.REFUSE) {
      this.finish({ kind: "refused", refusal: decodeRefusal(payload), by: "them" });
      return;
    }
    if (kind !== frameKind.HELLO) {
      this.finish({ kind: "failed", why: `handshake: a frame of kind ${kind}` });
      return;
    }
    let hello: Hello;
    try {
      hello = decodeHello(payload);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.refuse({ rule: "malformed", text: `the handshake cannot be read: ${error.message}` });
      return;
    }
    const refusal = checkHello(this.context.own(), hello, this.target.id);
    if (refusal !== undefined) {
      this.refuse(refusal);
      return;
    }
    const { frames } = this;
    if (frames === undefined) return;
    frames.add(frameKind.READY, NO_PAYLOAD);
    frames.flush();
    this.finish({ kind: "up", frames, hello });
  }

  onClosed(why: string): void {
    this.finish({ kind: "failed", why });
  }

  private open(address: { readonly host: string; readonly port: number }): void {
    const { tls } = this.context;
    const socket =
      tls === undefined
        ? connectPlain({ host: address.host, port: address.port })
        : // The name that counts is the member's id in the certificate, not the host's.
          connectTls({ ...address, secureContext: tls.context, checkServerIdentity: () => undefined });
    this.socket = socket;
    this.context.sockets.add(socket);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("error", (error) => {
      if (this.frames === undefined) this.finish({ kind: "failed", why: describeSocketError(error) });
    });
    socket.on("close", () => {
      if (this.frames === undefined) this.finish({ kind: "failed", why: "closed by the other side" });
    });
    socket.on(tls === undefined ? "connect" : "secureConnect", () => this.introduce(socket));
  }

  private introduce(socket: Socket): void {
    if (this.done === undefined) return;
    const { id } = this.target;
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
    if (socket instanceof TLSSocket && (certificate === undefined || !certifiesMember(certificate, id))) {
      const text = `the certificate at this address is not member ${id}'s`;
      this.finish({ kind: "refused", refusal: { rule: "certificate", text }, by: "us" });
      return;
    }
    this.frames = new FrameSocket(socket);
    this.frames.owner = this;
    this.limit("no handshake");
    this.frames.add(frameKind.HELLO, this.makeHello());
    this.frames.flush();
  }

  private limit(what: string): void {
    clearTimeout(this.timer);
    const ms = this.context.handshakeMs;
    this.timer = setTimeout(() => this.finish({ kind: "failed", why: `${what} within ${ms} ms` }), ms);
  }

  private refuse(refusal: Refusal): void {
    this.frames?.closeWith(frameKind.REFUSE, encodeRefusal(refusal));
    this.frames = undefined;
    this.socket = undefined;
    this.finish({ kind: "refused", refusal, by: "us" });
  }

  private finish(outcome: DialOutcome): void {
    const { done } = this;
    this.done = undefined;
    clearTimeout(this.timer);
    if (outcome.kind !== "up") this.drop();
    done?.(outcome);
  }

  private drop(): void {
    clearTimeout(this.timer);
    if (this.frames !== undefined) this.frames.close();
    else this.socket?.destroy();
  }
}
