import { FormatError } from "../core/base/bytes.ts";
import { FEATURE_LEVEL } from "../core/tree/feature-level.ts";
import type { EnsembleConfiguration } from "../core/zab/ensemble-configuration.ts";
import type { BulkReceiver, BulkSender, PeerAddress, PeerInfo, PeerTransport } from "../transport/peer-transport.ts";
import { startPeerTransport } from "../transport/tcp-peer-transport.ts";
import type { TlsFiles } from "../transport/tls-material.ts";
import { TransportError } from "../transport/transport-error.ts";
import { EnsembleStart, type StartDecision } from "./bootstrap.ts";
import { decodePeerAbout, encodePeerAbout, type PeerAbout } from "./peer-about.ts";

export interface LinkOptions {
  /** `host:port`. */
  readonly listen: string;
  /** What others are told; by default where it listens. */
  readonly advertise?: string | undefined;
  /** All initial members, or some to join. */
  readonly members: readonly PeerAddress[];
  readonly tls?: TlsFiles | undefined;
  readonly insecure?: boolean | undefined;
  readonly bulkBytesPerSecond?: number | undefined;
  /** Emits `SIGHUP` when the files of `tls` are to be read again. */
  readonly hangups?: NodeJS.EventEmitter | undefined;
  /** The program's. */
  readonly version: string;
}

/** Where clients reach the member's doors. */
export interface DoorAddresses {
  readonly grpc: string;
  readonly http: string;
  /** "": that door is closed. */
  readonly zookeeper: string;
}

/** Another member, while there is a link to it. */
export interface LinkedPeer extends PeerInfo {
  /** undefined when it says something this program cannot read. */
  readonly said: PeerAbout | undefined;
}

/** What the links tell. */
export interface LinkEvents {
  linkUp(peer: PeerInfo): void;
  linkDown(peer: number): void;
  received(peer: number, frame: Uint8Array): void;
  heard(peer: number): void;
  bulkArrived(peer: number, stream: BulkReceiver): void;
  onNotice(level: "info" | "warn", message: string, details: object): void;
}

export interface LinkedSelf {
  readonly id: number;
  readonly incarnation: string;
  readonly configuration: EnsembleConfiguration | undefined;
  /** The ensemble it was of before it lost its data: it can only be a member of that again. */
  readonly damagedOf?: string | undefined;
}

/** Who is told what comes beside the core's messages. */
export interface AsideListener {
  /** The view is valid until return. */
  aside(peer: number, bytes: Uint8Array): void;
  /** What was on its way from or to the peer is lost. */
  linkDown(peer: number): void;
}

const NO_HEADER = new Uint8Array(0);

/** This member's links to the others, and what each side says of itself. */
export class EnsembleLinks {
  readonly peers = new Map<number, LinkedPeer>();
  private readonly self: LinkedSelf;
  private readonly options: LinkOptions;
  private readonly events: LinkEvents;
  private transport: PeerTransport | undefined;
  private configuration: EnsembleConfiguration | undefined;
  private doors: DoorAddresses = { grpc: "", http: "", zookeeper: "" };
  private start: EnsembleStart | undefined;
  private asides: AsideListener | undefined;

  private constructor(self: LinkedSelf, options: LinkOptions, events: LinkEvents) {
    this.self = self;
    this.configuration = self.configuration;
    this.options = options;
    this.events = events;
  }

  /** Listens, and dials; rejects with TransportError when it cannot listen. */
  static async open(self: LinkedSelf, options: LinkOptions, events: LinkEvents): Promise<EnsembleLinks> {
    const links = new EnsembleLinks(self, options, events);
    await links.listen();
    return links;
  }

  /** `host:port` as bound. */
  get address(): string {
    return this.live.address;
  }

  /** As others are told to dial it. */
  get advertised(): string {
    return this.options.advertise ?? this.address;
  }

  /** How this empty member begins: waits until that is clear (core.md 26). */
  async decide(): Promise<StartDecision> {
    const { id, incarnation, damagedOf } = this.self;
    const own = { id, incarnation, address: this.advertised };
    const all = this.options.members.map((member) => member.id);
    // One that has lost its data does not begin anything new.
    const initialIds = damagedOf === undefined ? all : all.filter((other) => other !== id);
    this.start = new EnsembleStart({ own, initialIds, onNotice: (...notice) => this.events.onNotice(...notice) });
    for (const peer of this.peers.values()) this.start.onUp(peer);
    return this.start.decided;
  }

  /** The configuration in force: whom to dial, and what to tell of it. */
  configure(configuration: EnsembleConfiguration): void {
    this.configuration = configuration;
    this.live.setPeers(this.addresses());
    this.announce();
  }

  /** Once the doors are open. */
  announceDoors(doors: DoorAddresses): void {
    this.doors = doors;
    this.announce();
  }

  send(peer: number, frame: Uint8Array): void {
    this.transport?.send(peer, frame);
  }

  /** From now on the others are told that this member can be asked. */
  listenAside(listener: AsideListener): void {
    this.asides = listener;
    this.announce();
  }

  /** To a peer that says it takes them (`answersAsks`); false if it is lost already. */
  sendAside(peer: number, bytes: Uint8Array): boolean {
    return this.transport?.sendAside(peer, bytes) === true;
  }

  /** Writes what has been sent in this turn; it would be written at the next one's end otherwise. */
  flush(): void {
    this.transport?.flush();
  }

  disconnect(peer: number, why: string): void {
    this.transport?.disconnect(peer, why);
  }

  openBulk(peer: number): Promise<BulkSender> {
    return this.live.openBulk(peer, NO_HEADER);
  }

  async stop(): Promise<void> {
    this.options.hangups?.off("SIGHUP", this.reloadCertificates);
    this.start?.stop();
    await this.transport?.stop();
    this.transport = undefined;
  }

  private get live(): PeerTransport {
    if (this.transport === undefined) throw new Error("the links to other members are closed");
    return this.transport;
  }

  private async listen(): Promise<void> {
    const { options, events } = this;
    this.transport = await startPeerTransport(
      {
        id: this.self.id,
        incarnation: this.self.incarnation,
        ensembleId: this.ensembleId,
        about: this.about(),
        listen: options.listen,
        ...(options.advertise === undefined ? {} : { advertise: options.advertise }),
        ...(options.tls === undefined ? {} : { tls: options.tls }),
        ...(options.insecure === undefined ? {} : { insecure: options.insecure }),
        ...(options.bulkBytesPerSecond === undefined ? {} : { bulkBytesPerSecond: options.bulkBytesPerSecond }),
      },
      {
        onUp: (peer) => this.up(peer),
        onDown: (peer, why) => this.down(peer, why),
        onIdentity: (peer) => this.identified(peer),
        onFrame: (peer, frame) => events.received(peer, frame),
        onAside: (peer, bytes) => this.asides?.aside(peer, bytes),
        onHeard: (peer) => events.heard(peer),
        onBulk: (peer, _header, stream) => events.bulkArrived(peer, stream),
        onNotice: (...notice) => events.onNotice(...notice),
      },
    );
    options.hangups?.on("SIGHUP", this.reloadCertificates);
    this.transport.setPeers(this.addresses());
  }

  /** Reads the files of TLS again: connections made from now on use them. Unusable ones change nothing. */
  private readonly reloadCertificates = (): void => {
    try {
      const facts = this.live.reloadCertificates();
      if (facts === undefined) this.events.onNotice("info", "there are no TLS files to read again", {});
      else this.events.onNotice("info", "the TLS files were read again; new connections use them", facts);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      const text = `the TLS files cannot be used, and those read before stay in use: ${error.message}`;
      this.events.onNotice("warn", text, {});
    }
  };

  /** Whom to dial: the configuration's members; without one, those given at the start. */
  private addresses(): PeerAddress[] {
    const { configuration, options, self } = this;
    const members = configuration?.members.map(({ id, peerAddress }) => ({ id, address: peerAddress }));
    const isMember = members?.some(({ id }) => id === self.id) === true;
    const all = isMember || members === undefined ? (members ?? options.members) : [...options.members, ...members];
    const byId = new Map(all.map((member) => [member.id, member]));
    byId.delete(self.id);
    return [...byId.values()];
  }

  private about(): Uint8Array {
    const { configuration, options, doors } = this;
    return encodePeerAbout({
      isEmpty: configuration === undefined && this.self.damagedOf === undefined,
      configuration,
      initialIds: options.members.map(({ id }) => id).sort((one, other) => one - other),
      grpcAddress: doors.grpc,
      httpAddress: doors.http,
      version: options.version,
      featureLevel: FEATURE_LEVEL,
      answersMending: true,
      zookeeperAddress: doors.zookeeper,
      answersAsks: this.asides !== undefined,
    });
  }

  private announce(): void {
    this.transport?.setIdentity({ ensembleId: this.ensembleId, about: this.about() });
  }

  private get ensembleId(): string {
    return this.configuration?.ensembleId ?? this.self.damagedOf ?? "";
  }

  private up(peer: PeerInfo): void {
    this.note(peer);
    this.start?.onUp(peer);
    this.events.onNotice("info", `linked with member ${peer.id}`, { peer: peer.id, address: peer.address });
    this.events.linkUp(peer);
  }

  private down(peer: number, why: string): void {
    this.peers.delete(peer);
    this.start?.onDown(peer);
    this.events.onNotice("info", `the link to member ${peer} is down`, { peer, why });
    this.events.linkDown(peer);
    this.asides?.linkDown(peer);
  }

  private identified(peer: PeerInfo): void {
    this.note(peer);
    this.start?.onIdentity(peer);
  }

  private note(peer: PeerInfo): void {
    let said: PeerAbout | undefined;
    try {
      said = decodePeerAbout(peer.about);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
    this.peers.set(peer.id, { ...peer, said });
  }
}

/** For what only a member among others does. */
export function requireLinks(links: EnsembleLinks | undefined): EnsembleLinks {
  if (links !== undefined) return links;
  throw new Error("this member has no links to others");
}
