import type { ClientConnection } from "../core/member/client-connection.ts";
import type { Member } from "../core/member/member.ts";
import type { Identity, ReadOperation, WriteOperation } from "../core/tree/operation.ts";
import type {
  Connection,
  ConnectionListener,
  Coordination,
  MemberInfo,
  ReadOptions,
  Status,
  WatchRequest,
} from "./port.ts";

/** Where this member serves, as it tells its clients. */
export interface OwnAddresses {
  readonly grpc: string;
  readonly http: string;
  readonly peer: string;
}

/** The port over the member of this process. */
export class LocalCoordination implements Coordination {
  private readonly member: Member;
  private readonly onBroken: (error: Error) => void;
  private addresses: OwnAddresses = { grpc: "", http: "", peer: "" };

  /** `onBroken` is told of an error thrown by the member: an invariant is broken, and it must not go on. */
  constructor(member: Member, onBroken: (error: Error) => void) {
    this.member = member;
    this.onBroken = onBroken;
  }

  /** Once the doors are open. */
  setAddresses(addresses: OwnAddresses): void {
    this.addresses = addresses;
  }

  connect(listener: ConnectionListener, identities: readonly Identity[]): Connection {
    return new LocalConnection(this.member.connect(listener, identities), this.onBroken);
  }

  status(): Status {
    const { member } = this;
    const { state } = member.tree;
    return {
      ensembleId: member.configuration.ensembleId,
      memberId: member.id,
      role: member.role,
      epoch: member.epoch,
      zxid: state.zxid,
      notReady: this.notReady(),
      members: member.configuration.members.map(({ id, peerAddress }) => this.infoOf(id, peerAddress)),
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

  private infoOf(id: number, configuredPeer: string): MemberInfo {
    const { member, addresses } = this;
    const own = id === member.id;
    return {
      id,
      role: own ? member.role : "looking",
      zxid: own ? member.tree.zxid : 0,
      grpcAddress: own ? addresses.grpc : "",
      httpAddress: own ? addresses.http : "",
      peerAddress: own && addresses.peer !== "" ? addresses.peer : configuredPeer,
    };
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
    try {
      call();
    } catch (error) {
      this.report(error);
    }
  }

  private report(error: unknown): never {
    this.onBroken(error as Error);
    throw error;
  }
}
