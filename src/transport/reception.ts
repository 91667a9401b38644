import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { checkHello, type OwnIdentity } from "./admission.ts";
import type { DataLink } from "./data-link.ts";
import { FrameSocket } from "./frame-socket.ts";
import type { Hello, Purpose } from "./hello.ts";
import { type InboundGate, InboundHandshake } from "./inbound-handshake.ts";
import { certifiesMember } from "./member-certificate.ts";
import type { PeerDialler } from "./peer-dialler.ts";
import type { Refusal } from "./refusal.ts";
import { HOLD_MS, PENDING_HANDSHAKES_MAX } from "./transport-limits.ts";

export interface ReceptionHost {
  readonly handshakeMs: number;
  own(): OwnIdentity;
  linkTo(peerId: number): DataLink | undefined;
  diallerOf(peerId: number): PeerDialler | undefined;
  helloTo(peerId: number, purpose: Purpose): Uint8Array;
  /** A connection came up. */
  onTaken(frames: FrameSocket, hello: Hello): void;
  /** `from` is what the trouble is remembered by: one notice per change. */
  onTrouble(from: string, text: string, details: object): void;
}

const SUPERSEDED: Refusal = { rule: "superseded", text: "another connection of these two members is kept" };

interface Held {
  readonly handshake: InboundHandshake;
  readonly timer: NodeJS.Timeout;
}

/**
 * Decides about connections that others dial. When two members dial each other at once, the connection dialled by the
 * higher id is kept: the higher id holds the other one back while its own HELLO is out, and only takes it if its own
 * leads nowhere. So never do both come up, and none that came up is given away again.
 */
export class Reception implements InboundGate {
  private readonly host: ReceptionHost;
  private readonly pending = new Set<InboundHandshake>();
  private readonly held = new Map<number, Held>();

  constructor(host: ReceptionHost) {
    this.host = host;
  }

  take(socket: Socket): void {
    if (this.pending.size >= PENDING_HANDSHAKES_MAX) {
      const [oldest] = this.pending;
      if (oldest !== undefined) this.forget(oldest).close();
      this.host.onTrouble("strangers", `more than ${PENDING_HANDSHAKES_MAX} connections in their handshake`, {});
    }
    this.pending.add(new InboundHandshake(new FrameSocket(socket), this, this.host.handshakeMs));
  }

  onHello(handshake: InboundHandshake, hello: Hello): void {
    const refusal = this.judge(handshake, hello);
    if (refusal !== undefined) {
      this.refuse(handshake, hello, refusal);
      return;
    }
    const dialler = hello.purpose === "data" ? this.host.diallerOf(hello.senderId) : undefined;
    if (dialler !== undefined && this.host.linkTo(hello.senderId) === undefined) {
      if (dialler.hasSpoken && this.host.own().id > hello.senderId) {
        this.hold(handshake, hello.senderId);
        return;
      }
      if (!dialler.hasSpoken) dialler.standBack();
    }
    this.answer(handshake, hello);
  }

  onReady(handshake: InboundHandshake, hello: Hello): void {
    this.forget(handshake);
    // The world may have changed since the answer.
    const refusal = this.judge(handshake, hello);
    if (refusal !== undefined) {
      this.refuse(handshake, hello, refusal);
      return;
    }
    this.host.onTaken(handshake.frames, hello);
  }

  onEnded(handshake: InboundHandshake, hello: Hello | undefined, why: string | undefined): void {
    this.forget(handshake);
    if (why !== undefined) this.tell(handshake, hello, why);
    if (hello?.purpose === "data" && this.host.linkTo(hello.senderId) === undefined) {
      this.host.diallerOf(hello.senderId)?.comeForward();
    }
  }

  /** There is a link to the peer: its held connection is not needed. */
  linkUp(peerId: number): void {
    const held = this.release(peerId);
    if (held !== undefined) this.forget(held).refuse(SUPERSEDED);
  }

  /** Our own dial led nowhere: the held connection is taken. */
  dialFailed(peerId: number): void {
    const held = this.release(peerId);
    if (held === undefined || held.isClosed) return;
    this.host.diallerOf(peerId)?.standBack();
    held.answer(this.host.helloTo(peerId, "data"));
  }

  stop(): void {
    for (const handshake of [...this.pending]) this.forget(handshake).close();
  }

  private judge(handshake: InboundHandshake, hello: Hello): Refusal | undefined {
    const distrust = distrustOf(handshake.frames.socket, hello.senderId);
    if (distrust !== undefined) return { rule: "certificate", text: distrust };
    const refusal = checkHello(this.host.own(), hello, undefined);
    if (refusal !== undefined || hello.purpose !== "data") return refusal;
    const link = this.host.linkTo(hello.senderId);
    if (link === undefined) return undefined;
    const other = link.hello;
    if (other.incarnation !== hello.incarnation) {
      const incarnations = `${other.incarnation}, connected from ${link.remote}, and ${hello.incarnation}`;
      return { rule: "identity", text: `two members claim id ${hello.senderId}: incarnations ${incarnations}` };
    }
    // The same process meant the link there is later than this: a remnant of dialling each other at once.
    return other.processId === hello.processId && hello.attempt < other.attempt ? SUPERSEDED : undefined;
  }

  private refuse(handshake: InboundHandshake, hello: Hello, refusal: Refusal): void {
    this.forget(handshake);
    if (refusal.rule !== "superseded") this.tell(handshake, hello, refusal.text);
    handshake.refuse(refusal);
  }

  private answer(handshake: InboundHandshake, hello: Hello): void {
    handshake.answer(this.host.helloTo(hello.senderId, hello.purpose));
  }

  private hold(handshake: InboundHandshake, peerId: number): void {
    const older = this.release(peerId);
    if (older !== undefined) this.forget(older).close();
    this.held.set(peerId, { handshake, timer: setTimeout(() => this.dialFailed(peerId), HOLD_MS) });
  }

  private release(peerId: number): InboundHandshake | undefined {
    const held = this.held.get(peerId);
    if (held === undefined) return undefined;
    clearTimeout(held.timer);
    this.held.delete(peerId);
    return held.handshake;
  }

  /** Out of all lists; returns it. */
  private forget(handshake: InboundHandshake): InboundHandshake {
    this.pending.delete(handshake);
    for (const [peerId, held] of this.held) if (held.handshake === handshake) this.release(peerId);
    return handshake;
  }

  private tell(handshake: InboundHandshake, hello: Hello | undefined, why: string): void {
    const { remote } = handshake;
    const who = hello === undefined ? "a stranger" : `member ${hello.senderId}`;
    const from = hello === undefined ? `from ${remote}` : `from member ${hello.senderId} at ${remote}`;
    const details = { remote, memberId: hello?.senderId, incarnation: hello?.incarnation };
    this.host.onTrouble(from, `a connection from ${who} at ${remote} came to nothing: ${why}`, details);
  }
}

/** Why a connection is not the member's it says it is; undefined if it is, or if links are plain. */
function distrustOf(socket: Socket, memberId: number): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  // A resumed session counts as authorized without a certificate: there must be one as well.
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return "no certificate was presented";
  if (!socket.authorized) return `the certificate presented is not trusted: ${socket.authorizationError}`;
  return certifiesMember(certificate, memberId) ? undefined : `the certificate presented is not member ${memberId}'s`;
}
