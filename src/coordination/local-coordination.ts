import type { Member } from "../core/member/member.ts";
import type { Identity } from "../core/tree/operation.ts";
import type { Connection, ConnectionListener, Coordination, MemberInfo, Status } from "./port.ts";

/** Where this member serves, as it tells its clients. */
export interface OwnAddresses {
  readonly grpc: string;
  readonly http: string;
  readonly peer: string;
}

/** The port over the member of this process. */
export class LocalCoordination implements Coordination {
  private readonly member: Member;
  private addresses: OwnAddresses = { grpc: "", http: "", peer: "" };

  constructor(member: Member) {
    this.member = member;
  }

  /** Once the doors are open. */
  setAddresses(addresses: OwnAddresses): void {
    this.addresses = addresses;
  }

  connect(listener: ConnectionListener, identities: readonly Identity[]): Connection {
    return this.member.connect(listener, identities);
  }

  ready(): Promise<void> {
    return this.member.isServing ? Promise.resolve() : Promise.reject(new Error(this.notReady().join("; ")));
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
