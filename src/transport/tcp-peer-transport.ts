import { randomBytes } from "node:crypto";
import { assert } from "../core/base/assert.ts";
import { checkHello, type OwnIdentity } from "./admission.ts";
import { BulkReceiverEnd } from "./bulk-receiver.ts";
import { BulkSenderEnd } from "./bulk-sender.ts";
import { DataLink, type DataLinkHost } from "./data-link.ts";
import { DialAttempt, type DialOutcome } from "./dial-attempt.ts";
import { frameKind } from "./frame-kind.ts";
import type { FrameSocket } from "./frame-socket.ts";
import { encodeHello, type Hello, PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN, type Purpose } from "./hello.ts";
import { type AnnouncedIdentity, encodeIdentity } from "./identity-codec.ts";
import { NoticeBook } from "./notice-book.ts";
import { type DiallerHost, PeerDialler } from "./peer-dialler.ts";
import { PeerListener } from "./peer-listener.ts";
import type { BulkSender, PeerAddress, PeerTransport, PeerTransportEvents } from "./peer-transport.ts";
import { Reception, type ReceptionHost } from "./reception.ts";
import { SocketSet } from "./socket-set.ts";
import type { TcpTransportOptions } from "./tcp-transport-options.ts";
import { type CertificateFacts, readTlsMaterial, type TlsMaterial } from "./tls-material.ts";
import { TokenBucket } from "./token-bucket.ts";
import { TransportError } from "./transport-error.ts";
import {
  ABOUT_BYTES_MAX,
  BULK_BURST_BYTES,
  BULK_BYTES_PER_SECOND_DEFAULT,
  BULK_HEADER_BYTES_MAX,
  BULK_IDLE_MS_DEFAULT,
  HANDSHAKE_MS_DEFAULT,
  LAST_WORDS_BEHIND_MAX,
  QUEUE_BYTES_DEFAULT,
  STOP_MS,
} from "./transport-limits.ts";

/** Starts listening; rejects with TransportError ("listen", "insecure", "certificates"). */
export async function startPeerTransport(
  options: TcpTransportOptions,
  events: PeerTransportEvents,
): Promise<PeerTransport> {
  const transport = new TcpPeerTransport(options, events);
  await transport.listen();
  return transport;
}

const NO_HEADER = new Uint8Array(0);

class TcpPeerTransport implements PeerTransport, DiallerHost, ReceptionHost, DataLinkHost {
  readonly handshakeMs: number;
  readonly sockets = new SocketSet();
  tls: TlsMaterial | undefined;
  private readonly options: TcpTransportOptions;
  private readonly events: PeerTransportEvents;
  private readonly processId = randomBytes(8).toString("hex");
  private readonly notices = new NoticeBook();
  private readonly reception = new Reception(this);
  private readonly diallers = new Map<number, PeerDialler>();
  private readonly links = new Map<number, DataLink>();
  private readonly bulkDials = new Set<() => void>();
  private readonly bulkEnds = new Set<BulkSenderEnd | BulkReceiverEnd>();
  private readonly bucket: TokenBucket;
  private readonly queueBytesMax: number;
  private readonly bulkIdleMs: number;
  private listener: PeerListener | undefined;
  private identity: AnnouncedIdentity;
  private hasNewIdentity = false;
  private helloCount = 0;
  private dirty: DataLink[] = [];
  private downs: [peerId: number, why: string][] = [];
  private turnEnd: NodeJS.Immediate | undefined;
  private stopped = false;

  constructor(options: TcpTransportOptions, events: PeerTransportEvents) {
    assert(options.about.length <= ABOUT_BYTES_MAX, "an about beyond ABOUT_BYTES_MAX");
    this.options = options;
    this.events = events;
    this.identity = { ensembleId: options.ensembleId, about: options.about };
    this.handshakeMs = options.handshakeMs ?? HANDSHAKE_MS_DEFAULT;
    this.queueBytesMax = options.queueBytesMax ?? QUEUE_BYTES_DEFAULT;
    this.bulkIdleMs = options.bulkIdleMs ?? BULK_IDLE_MS_DEFAULT;
    this.bucket = new TokenBucket(options.bulkBytesPerSecond ?? BULK_BYTES_PER_SECOND_DEFAULT, BULK_BURST_BYTES);
    this.tls = options.tls === undefined ? undefined : readTlsMaterial(options.tls, options.id);
  }

  async listen(): Promise<void> {
    const { options, tls, handshakeMs, sockets } = this;
    this.listener = await PeerListener.start({
      listen: options.listen,
      insecure: options.insecure ?? false,
      tls,
      handshakeMs,
      sockets,
      onSocket: (socket) => (this.stopped ? socket.destroy() : this.reception.take(socket)),
      onTlsFailure: (remote, why) =>
        this.onTrouble(`from ${remote}`, `a connection from ${remote} did not prove itself a member: ${why}`, {
          remote,
        }),
    });
  }

  get address(): string {
    return this.listener?.address ?? this.options.listen;
  }

  setPeers(peers: readonly PeerAddress[]): void {
    if (this.stopped) return;
    const wanted = new Map(peers.filter(({ id }) => id !== this.options.id).map(({ id, address }) => [id, address]));
    for (const [id, dialler] of this.diallers) {
      if (wanted.has(id)) continue;
      dialler.stop();
      this.diallers.delete(id);
    }
    for (const [id, address] of wanted) {
      const known = this.diallers.get(id);
      if (known !== undefined) {
        known.setAddress(address);
        continue;
      }
      const dialler = new PeerDialler(id, address, this);
      this.diallers.set(id, dialler);
      if (!this.links.has(id)) dialler.dialLater();
    }
  }

  send(peerId: number, frame: Uint8Array): void {
    const link = this.links.get(peerId);
    if (link !== undefined) this.queue(link, frameKind.MESSAGE, frame);
  }

  sendAside(peerId: number, aside: Uint8Array): boolean {
    const link = this.links.get(peerId);
    if (link?.queueAside(aside) !== true) return false;
    this.flushLater(link);
    return true;
  }

  flush(): void {
    const { dirty } = this;
    if (dirty.length === 0) return;
    this.dirty = [];
    for (const link of dirty) {
      link.isDirty = false;
      link.frames.flush();
    }
  }

  queuedBytes(peerId: number): number {
    return this.links.get(peerId)?.frames.queuedBytes ?? 0;
  }

  disconnect(peerId: number, why: string): void {
    const link = this.links.get(peerId);
    if (link === undefined) return;
    // Last words behind megabytes would be read by nobody.
    if (link.frames.queuedBytes <= LAST_WORDS_BEHIND_MAX) link.frames.closeWith(frameKind.GOODBYE, why);
    this.drop(link, why);
  }

  async openBulk(peerId: number, header: Uint8Array): Promise<BulkSender> {
    assert(header.length <= BULK_HEADER_BYTES_MAX, "a bulk header beyond BULK_HEADER_BYTES_MAX");
    const address = this.diallers.get(peerId)?.currentAddress ?? this.links.get(peerId)?.hello.address;
    if (this.stopped) throw new TransportError("stopped", "the transport has stopped");
    if (address === undefined) throw new TransportError("unknown-peer", `no address of member ${peerId} is known`);
    const frames = await this.dialBulk(peerId, address, header);
    const end = new BulkSenderEnd(peerId, frames, this.bucket, this.bulkIdleMs, (gone) => this.bulkEnds.delete(gone));
    this.bulkEnds.add(end);
    await end.whenAccepted();
    return end;
  }

  setIdentity(identity: AnnouncedIdentity): void {
    assert(identity.about.length <= ABOUT_BYTES_MAX, "an about beyond ABOUT_BYTES_MAX");
    this.identity = identity;
    this.hasNewIdentity = true;
    for (const link of [...this.links.values()]) if (!this.dropStrange(link)) this.announce(link);
  }

  reloadCertificates(): CertificateFacts | undefined {
    if (this.options.tls === undefined) return undefined;
    this.tls = readTlsMaterial(this.options.tls, this.options.id);
    this.listener?.setTls(this.tls);
    return this.tls.facts;
  }

  async stop(): Promise<void> {
    if (!this.stopped) {
      this.stopped = true;
      for (const dialler of this.diallers.values()) dialler.stop();
      this.reception.stop();
      for (const cancel of [...this.bulkDials]) cancel();
      const why = `member ${this.options.id} is stopping`;
      for (const end of [...this.bulkEnds]) end.abort(why);
      for (const peerId of [...this.links.keys()]) this.disconnect(peerId, why);
      this.listener?.close();
      this.reportDowns();
    }
    await this.sockets.drain(STOP_MS);
  }

  // What diallers, the reception and links ask and tell.

  own(): OwnIdentity {
    const { id, incarnation } = this.options;
    return { id, incarnation, ensembleId: this.identity.ensembleId };
  }

  linkTo(peerId: number): DataLink | undefined {
    return this.links.get(peerId);
  }

  diallerOf(peerId: number): PeerDialler | undefined {
    return this.diallers.get(peerId);
  }

  helloTo(peerId: number, purpose: Purpose, bulkHeader: Uint8Array = NO_HEADER): Uint8Array {
    return encodeHello({
      versionMin: PROTOCOL_VERSION_MIN,
      versionMax: PROTOCOL_VERSION_MAX,
      purpose,
      ...this.own(),
      senderId: this.options.id,
      targetId: peerId,
      processId: this.processId,
      attempt: ++this.helloCount,
      address: this.options.advertise ?? this.address,
      about: this.identity.about,
      bulkHeader,
    });
  }

  onDialled(peerId: number, address: string, outcome: DialOutcome): void {
    if (outcome.kind === "up") {
      this.linkUp(outcome.frames, outcome.hello);
      return;
    }
    this.tellDialTrouble(peerId, address, outcome);
    this.reception.dialFailed(peerId);
  }

  onTaken(frames: FrameSocket, hello: Hello): void {
    if (hello.purpose === "data") {
      this.linkUp(frames, hello);
      return;
    }
    const end = new BulkReceiverEnd(hello.senderId, frames, this.bulkIdleMs, (gone) => this.bulkEnds.delete(gone));
    this.bulkEnds.add(end);
    this.events.onBulk(hello.senderId, hello.bulkHeader, end);
  }

  onTrouble(from: string, text: string, details: object): void {
    if (!this.stopped && this.notices.isNews(from, text)) this.events.onNotice("warn", text, details);
  }

  onMessage(link: DataLink, payload: Uint8Array): void {
    this.events.onFrame(link.peerId, payload);
  }

  onAside(link: DataLink, payload: Uint8Array): void {
    this.events.onAside?.(link.peerId, payload);
  }

  onHeard(link: DataLink): void {
    this.events.onHeard(link.peerId);
  }

  onIdentity(link: DataLink): void {
    if (!this.dropStrange(link)) this.events.onIdentity?.(link.info);
  }

  onLost(link: DataLink, why: string, brokeRule: boolean): void {
    const { peerId, remote } = link;
    if (brokeRule) {
      const text = `the link to member ${peerId} at ${remote} was dropped, it broke a rule of the protocol: ${why}`;
      this.events.onNotice("warn", text, { memberId: peerId, remote, rule: why });
    }
    this.unlink(link);
    this.reportDowns();
    this.events.onDown(peerId, why);
  }

  private linkUp(frames: FrameSocket, hello: Hello): void {
    const peerId = hello.senderId;
    this.reportDowns();
    const older = this.links.get(peerId);
    if (older !== undefined) {
      older.frames.close();
      this.links.delete(peerId);
      this.events.onDown(peerId, "replaced: the member opened a new connection");
    }
    const link = new DataLink(frames, hello, this, this.queueBytesMax);
    this.links.set(peerId, link);
    this.diallers.get(peerId)?.stop();
    this.reception.linkUp(peerId);
    this.notices.clear(`to member ${peerId}`);
    this.notices.clear(`from member ${peerId} at ${link.remote}`);
    this.events.onUp(link.info);
    // What our HELLO said may be old by now.
    if (this.hasNewIdentity && this.links.get(peerId) === link) this.announce(link);
  }

  private announce(link: DataLink): void {
    this.queue(link, frameKind.IDENTITY, encodeIdentity(this.identity));
  }

  private queue(link: DataLink, kind: number, payload: Uint8Array): void {
    const why = link.queue(kind, payload);
    if (why !== undefined) {
      this.events.onNotice("warn", `the link to member ${link.peerId} was dropped, ${why}`, { memberId: link.peerId });
      this.drop(link, why);
      return;
    }
    this.flushLater(link);
  }

  private flushLater(link: DataLink): void {
    if (link.isDirty) return;
    link.isDirty = true;
    this.dirty.push(link);
    this.requestTurnEnd();
  }

  /** Both sides found their ensembles, and they are two. */
  private dropStrange(link: DataLink): boolean {
    const hello = { ...link.hello, ensembleId: link.info.ensembleId };
    const refusal = checkHello(this.own(), hello, undefined);
    if (refusal === undefined) return false;
    this.events.onNotice("warn", `the link to member ${link.peerId} was dropped: ${refusal.text}`, {});
    this.disconnect(link.peerId, refusal.text);
    return true;
  }

  /** Drops a link from our side. The report follows when the turn is over: whoever asked is not called back inside. */
  private drop(link: DataLink, why: string): void {
    link.frames.close();
    this.unlink(link);
    this.downs.push([link.peerId, why]);
    this.requestTurnEnd();
  }

  private unlink(link: DataLink): void {
    this.links.delete(link.peerId);
    if (!this.stopped) this.diallers.get(link.peerId)?.linkLost(performance.now() - link.since);
  }

  private reportDowns(): void {
    for (const [peerId, why] of this.downs.splice(0)) this.events.onDown(peerId, why);
  }

  private requestTurnEnd(): void {
    this.turnEnd ??= setImmediate(() => {
      this.turnEnd = undefined;
      this.flush();
      this.reportDowns();
    });
  }

  private tellDialTrouble(peerId: number, address: string, outcome: DialOutcome): void {
    if (outcome.kind === "up" || this.stopped) return;
    const details = { memberId: peerId, address };
    if (outcome.kind === "failed") {
      const text = `member ${peerId} at ${address} cannot be reached: ${outcome.why}`;
      if (this.notices.isNews(`to member ${peerId}`, text)) this.events.onNotice("info", text, details);
      return;
    }
    if (outcome.refusal.rule === "superseded") return;
    const who =
      outcome.by === "them" ? `member ${peerId} at ${address} refused` : `refused member ${peerId} at ${address}`;
    this.onTrouble(`to member ${peerId}`, `${who}: ${outcome.refusal.text}`, {
      ...details,
      rule: outcome.refusal.rule,
    });
  }

  private dialBulk(peerId: number, address: string, header: Uint8Array): Promise<FrameSocket> {
    return new Promise((resolve, reject) => {
      const attempt = new DialAttempt(
        { id: peerId, address },
        this,
        () => this.helloTo(peerId, "bulk", header),
        (outcome) => {
          this.bulkDials.delete(cancel);
          if (outcome.kind === "up") return resolve(outcome.frames);
          const why = outcome.kind === "refused" ? outcome.refusal.text : outcome.why;
          const reason = outcome.kind === "refused" ? "refused" : "unreachable";
          reject(new TransportError(reason, `no bulk connection to member ${peerId} at ${address}: ${why}`));
        },
      );
      const cancel = (): void => {
        attempt.cancel();
        this.bulkDials.delete(cancel);
        reject(new TransportError("stopped", "the transport has stopped"));
      };
      this.bulkDials.add(cancel);
    });
  }
}
