import type { ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { ChangeOutcome, ConfigurationChange, MemberInfo, Status } from "../../coordination/port.ts";
import { answerInTime } from "./answer-in-time.ts";
import { decodeMessage } from "./decode-message.ts";
import {
  AddMemberRequest,
  type AddMemberResponse,
  ChangeMemberRequest,
  type ChangeMemberResponse,
  GetStatusRequest,
  type GetStatusResponse,
  type Member,
  RemoveMemberRequest,
  type RemoveMemberResponse,
  TransferLeadershipRequest,
  type TransferLeadershipResponse,
  VotingRole,
} from "./gen/muster/ensemble/v1/ensemble.ts";
import { checkServing } from "./history-check.ts";
import { DoorError, failureOf } from "./status.ts";
import type { UnaryDependencies } from "./unary-call.ts";
import { smallRequest, unaryHandler } from "./unary-handler.ts";

/** EnsembleService's methods. Requests come as bytes, so that a malformed one is refused like any other. */
export function ensembleCalls(deps: UnaryDependencies): UntypedServiceImplementation {
  const { coordination } = deps;
  return {
    getStatus: unaryHandler<GetStatusResponse>(deps, (call, callback) => {
      decodeMessage(GetStatusRequest, smallRequest(deps, call));
      callback(null, statusResponse(coordination.status(), deps.version));
    }),
    addMember: unaryHandler<AddMemberResponse>(deps, (call, callback) => {
      const { id, votingRole, peerAddress, weight, group } = decodeMessage(AddMemberRequest, smallRequest(deps, call));
      const role = roleOf(votingRole) ?? "voter";
      ask(deps, call, callback, change(deps, { kind: "add", id, role, peerAddress, weight, group }));
    }),
    removeMember: unaryHandler<RemoveMemberResponse>(deps, (call, callback) => {
      const { id } = decodeMessage(RemoveMemberRequest, smallRequest(deps, call));
      ask(deps, call, callback, change(deps, { kind: "remove", id }));
    }),
    changeMember: unaryHandler<ChangeMemberResponse>(deps, (call, callback) => {
      const request = decodeMessage(ChangeMemberRequest, smallRequest(deps, call));
      const { id, votingRole, peerAddress, weight, group } = request;
      const role = roleOf(votingRole);
      ask(deps, call, callback, change(deps, { kind: "change", id, role, peerAddress, weight, group }));
    }),
    transferLeadership: unaryHandler<TransferLeadershipResponse>(deps, (call, callback) => {
      const { toMemberId } = decodeMessage(TransferLeadershipRequest, smallRequest(deps, call));
      ask(deps, call, callback, (done) => coordination.transferLeadership(toMemberId, done));
    }),
  };
}

type Ask = (done: (outcome: ChangeOutcome) => void) => void;

function change({ coordination }: UnaryDependencies, asked: ConfigurationChange): Ask {
  return (done) => coordination.reconfigure(asked, done);
}

function ask(
  deps: UnaryDependencies,
  call: ServerUnaryCall<Buffer, { readonly zxid: number }>,
  callback: sendUnaryData<{ readonly zxid: number }>,
  start: Ask,
): void {
  checkServing(deps.coordination.status());
  answerInTime(deps, call, callback, (end) => {
    start(({ reason, detail, zxid }) => {
      if (reason === undefined) end({ response: { zxid } });
      else end({ failure: failureOf(reason, { detail, zxid: `${zxid}` }) });
    });
    return undefined;
  });
}

function roleOf(role: VotingRole): "voter" | "observer" | undefined {
  if (role === VotingRole.UNSPECIFIED) return undefined;
  if (role === VotingRole.VOTER) return "voter";
  if (role === VotingRole.OBSERVER) return "observer";
  throw new DoorError("INVALID_ARGUMENT", { detail: "voting_role is neither VOTER nor OBSERVER" });
}

const votingRoles = { voter: VotingRole.VOTER, observer: VotingRole.OBSERVER, joining: VotingRole.JOINING } as const;

function statusResponse(status: Status, version: string): GetStatusResponse {
  const { ensembleId, memberId, leaderId, epoch, zxid, configurationZxid, notReady, counts } = status;
  const about = { ensembleId, memberId, leaderId, epoch, zxid, configurationZxid, version, notReady };
  return { ...about, members: status.members.map(memberOf), counts: new Map(Object.entries(counts)) };
}

function memberOf(member: MemberInfo): Member {
  return { ...member, votingRole: votingRoles[member.votingRole] };
}
