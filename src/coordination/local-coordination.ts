import type { ClientConnection } from "../core/member/client-connection.ts";
import type { Member } from "../core/member/member.ts";
import { emptyAnswer } from "../core/tree/answer-codec.ts";
import type { Identity, ReadOperation, WriteOperation } from "../core/tree/operation.ts";
import { AskDesk, type AskDeskOptions, type AskLinks } from "./ask-desk.ts";
import { type EnsembleControl, ensembleOfOne, type KnownMember } from "./ensemble-control.ts";
import type {
  AskOutcome,
  ChangeOutcome,
  ConfigurationChange,
  Connection,
  ConnectionListener,
  Coordination,
  DigestInfo,
  MemberInfo,
  MemberRole,
  Question,
  ReadOptions,
  SessionInfo,
  Status,
  WatchRequest,
} from "./port.ts";

/** Where this member serves, as it tells its clients. */
export interface OwnAddresses {
  readonly grpc: string;
  readonly http: string;
  /** "": that door is closed. */
  readonly zookeeper: string;
  readonly peer: string;
}

/** What {@link LocalCoordination} is told beside its member. */
export interface LocalCoordinationOptions {
  /** Of this program, for the status. */
  readonly version?: string;
  /** The ensemble around the member; by default there is none. */
  readonly ensemble?: EnsembleControl;
  /** To the other members, which are asked and ask over them. */
  readonly links?: AskLinks | undefined;
  /** For the log: what went wrong and ends nothing. */
  readonly onNotice?: AskDeskOptions["onNotice"];
}

/** The port over the member of this process. */
export class LocalCoordination implements Coordination {
  private readonly member: Member;
  private readonly onBroken: (error: Error) => void;
  private readonly ensemble: EnsembleControl;
  private readonly version: string;
  private readonly asks: AskDesk;
  private addresses: OwnAddresses = { grpc: "", http: "", zookeeper: "", peer: "" };

  /** `onBroken` is told of an error thrown by the member: an invariant is broken, and it must not go on. */
  constructor(member: Member, onBroken: (error: Error) => void, options: LocalCoordinationOptions = {}) {
    this.member = member;
    this.onBroken = onBroken;
    this.ensemble = options.ensemble ?? ensembleOfOne(member);
    this.version = options.version ?? "";
    this.asks = new AskDesk({
      memberId: member.id,
      memberIds: () => member.configuration.members.map(({ id }) => id),
      links: options.links,
      onNotice: options.onNotice ?? (() => undefined),
    });
  }

  /** Once the doors are open. */
  setAddresses(addresses: OwnAddresses): void {
    this.addresses = addresses;
  }

  connect(listener: ConnectionListener, identities: readonly Identity[]): Connection {
    return new LocalConnection(this.member.connect(listener, identities), this.onBroken);
  }

  reconfigure(change: ConfigurationChange, done: (outcome: ChangeOutcome) => void): void {
    guard(this.onBroken, () => this.ensemble.reconfigure(change, done));
  }

  transferLeadership(to: number, done: (outcome: ChangeOutcome) => void): void {
    guard(this.onBroken, () => this.ensemble.transferLeadership(to, done));
  }

  ask(to: number | "all", topic: string, bytes: Uint8Array, done: (outcome: AskOutcome) => void): void {
    this.asks.ask(to, topic, bytes, done);
  }

  answer(topic: string, answerer: (question: Question) => void): () => void {
    return this.asks.answer(topic, answerer);
  }

  get role(): MemberRole {
    return this.member.role;
  }

  get zxid(): number {
    return this.member.tree.zxid;
  }

  sessions(): SessionInfo[] {
    const { tree } = this.member;
    const answer = emptyAnswer();
    return [...tree.state.sessions.all()].map(({ id: sessionId, timeoutMs }) => {
      tree.read({ sessionId, identities: [] }, { kind: "ephemerals", path: "/" }, answer);
      return { sessionId, timeoutMs, ephemerals: answer.names };
    });
  }

  digests(): DigestInfo[] {
    return this.member.digests.recent().map(({ zxid, lane0, lane1 }) => ({ zxid, digest: hex(lane0) + hex(lane1) }));
  }

  status(): Status {
    const { member, ensemble } = this;
    const { state } = member.tree;
    return {
      ensembleId: member.configuration.ensembleId,
      memberId: member.id,
      role: member.role,
      epoch: member.epoch,
      leaderId: ensemble.leaderId,
      configurationZxid: ensemble.configurationZxid,
      zxid: state.zxid,
      notReady: this.notReady(),
      members: this.members(),
      counts: {
        nodes: state.table.size,
        sessions: state.sessions.size,
        ephemerals: state.ephemeralCount,
        watches: member.hub.count,
        connections: member.connectionCount,
        outstandingBytes: member.outstandingBytes,
        dataBytes: state.dataBytes,
      },
    };
  }

  /** Those of the configuration in its order, then joiners; this member is among one or the other. */
  private members(): MemberInfo[] {
    const { member, ensemble } = this;
    const known = new Map<number, KnownMember>();
    for (const each of ensemble.known()) known.set(each.id, each);
    known.set(member.id, this.self());
    const infos = member.configuration.members.map((configured): MemberInfo => {
      const { id, role: votingRole, weight, group } = configured;
      const about = known.get(id) ?? unheardOf(id);
      known.delete(id);
      const peerAddress = about.peerAddress === "" ? configured.peerAddress : about.peerAddress;
      return { ...about, votingRole, weight, group, peerAddress };
    });
    const joiners = [...known.values()].sort((one, other) => one.id - other.id);
    return [
      ...infos,
      ...joiners.map((about): MemberInfo => ({ ...about, votingRole: "joining", weight: 0, group: 0 })),
    ];
  }

  private self(): KnownMember {
    const { member, addresses, version } = this;
    const { id, role } = member;
    const { zxid } = member.tree;
    const { lastZxid } = this.ensemble;
    const { grpc: grpcAddress, http: httpAddress, zookeeper: zookeeperAddress, peer: peerAddress } = addresses;
    const about = { version, grpcAddress, httpAddress, zookeeperAddress, peerAddress };
    return { id, role, isReachable: true, zxid, lastZxid, ...about };
  }

  private notReady(): string[] {
    const { member } = this;
    if (member.isServing) return [];
    return [member.role === "leader" ? "the member is stopping" : `the member is ${member.role}`];
  }
}

/**
 * A connection as the doors see it. The member is called on the door's stack here, so what it throws - a broken
 * invariant - is reported before the door can take it for a mistake of its own.
 */
class LocalConnection implements Connection {
  private readonly connection: ClientConnection;
  private readonly onBroken: (error: Error) => void;

  constructor(connection: ClientConnection, onBroken: (error: Error) => void) {
    this.connection = connection;
    this.onBroken = onBroken;
  }

  get sessionId(): number {
    return this.connection.sessionId;
  }

  get outstandingBytes(): number {
    return this.connection.outstandingBytes;
  }

  setIdentities(identities: readonly Identity[]): void {
    this.connection.setIdentities(identities);
  }

  open(secretHash: Uint8Array, timeoutMs: number): void {
    this.guard(() => this.connection.open(secretHash, timeoutMs));
  }

  resume(sessionId: number, secretHash: Uint8Array): void {
    this.guard(() => this.connection.resume(sessionId, secretHash));
  }

  touch(token: number): void {
    this.guard(() => this.connection.touch(token));
  }

  submit(number: number, answeredBelow: number, operation: WriteOperation): void {
    // Written out: the hot path makes no closure.
    try {
      this.connection.submit(number, answeredBelow, operation);
    } catch (error) {
      this.report(error);
    }
  }

  read(number: number, operation: ReadOperation, options: ReadOptions): void {
    try {
      this.connection.read(number, operation, options);
    } catch (error) {
      this.report(error);
    }
  }

  sync(number: number): void {
    this.guard(() => this.connection.sync(number));
  }

  addWatch(number: number, request: WatchRequest): void {
    this.guard(() => this.connection.addWatch(number, request));
  }

  removeWatch(number: number, watchId: number): void {
    this.guard(() => this.connection.removeWatch(number, watchId));
  }

  close(): void {
    this.guard(() => this.connection.close());
  }

  detach(): void {
    this.guard(() => this.connection.detach());
  }

  private guard(call: () => void): void {
    guard(this.onBroken, call);
  }

  private report(error: unknown): never {
    this.onBroken(error as Error);
    throw error;
  }
}

function guard(onBroken: (error: Error) => void, call: () => void): void {
  try {
    call();
  } catch (error) {
    onBroken(error as Error);
    throw error;
  }
}

function hex(lane: number): string {
  return lane.toString(16).padStart(8, "0");
}

function unheardOf(id: number): KnownMember {
  return {
    id,
    role: "looking",
    isReachable: false,
    zxid: 0,
    lastZxid: 0,
    version: "",
    grpcAddress: "",
    httpAddress: "",
    zookeeperAddress: "",
    peerAddress: "",
  };
}
