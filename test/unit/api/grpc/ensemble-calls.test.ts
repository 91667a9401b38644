import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type AddMemberResponse,
  type ChangeMemberResponse,
  EnsembleServiceClient,
  type GetStatusResponse,
  type RemoveMemberResponse,
  type TransferLeadershipResponse,
  VotingRole,
} from "../../../../src/api/grpc/gen/muster/ensemble/v1/ensemble.ts";
import type { GrpcLimits } from "../../../../src/api/grpc/grpc-options.ts";
import type { ChangeOutcome } from "../../../../src/coordination/port.ts";
import type { Reason } from "../../../../src/core/base/errors.ts";
import { ENSEMBLE_ID, EPOCH, FIRST_ZXID } from "../scripted-coordination.ts";
import { type Ending, endingOf, outcome, startDoor } from "./door-fixture.ts";

async function ensembleDoor(limits: Partial<GrpcLimits> = {}) {
  const fixture = await startDoor(limits);
  const ensemble = new EnsembleServiceClient(fixture.address, credentials.createInsecure());
  onTestFinished(() => ensemble.close());
  /** Lets the one change asked for end in some way, once it has been asked for. */
  const settle = async (reason: Reason | undefined, detail = "", zxid = 0): Promise<unknown> => {
    await expect.poll(() => fixture.port.changes.length).toBe(1);
    const [change] = fixture.port.changes.splice(0);
    change?.done({ reason, detail, zxid } satisfies ChangeOutcome);
    return change?.asked;
  };
  return { ...fixture, ensemble, settle };
}

describe("status", () => {
  test("says who leads, since which change, and all that is known of each member", async () => {
    const { ensemble, port } = await ensembleDoor();
    port.notReady = ["looking for a leader"];
    const { response } = await outcome<GetStatusResponse>((done) => ensemble.getStatus({}, done));
    expect(response).toMatchObject({
      ensembleId: ENSEMBLE_ID,
      memberId: 1,
      leaderId: 1,
      epoch: EPOCH,
      zxid: FIRST_ZXID,
      configurationZxid: 0,
      version: "0.0.1",
      notReady: ["looking for a leader"],
    });
    expect(response?.members).toEqual([
      {
        id: 1,
        role: "leader",
        votingRole: VotingRole.VOTER,
        weight: 1,
        group: 0,
        isReachable: true,
        zxid: FIRST_ZXID,
        lastZxid: FIRST_ZXID,
        version: "0.0.1",
        grpcAddress: "127.0.0.1:7400",
        httpAddress: "",
        zookeeperAddress: "127.0.0.1:2181",
        peerAddress: "",
      },
    ]);
    expect(response?.counts.get("nodes")).toBe(5);
  });

  test("is answered by a member that does not serve", async () => {
    const { ensemble, port } = await ensembleDoor();
    port.role = "starting";
    const { response } = await outcome<GetStatusResponse>((done) => ensemble.getStatus({}, done));
    expect(response?.members[0]?.role).toBe("starting");
  });
});

describe("changes", () => {
  test("an addition is of a voter unless told otherwise, and what is absent is left to the ensemble", async () => {
    const { ensemble, settle } = await ensembleDoor();
    const plain = outcome<AddMemberResponse>((done) =>
      ensemble.addMember({ id: 4, votingRole: VotingRole.UNSPECIFIED }, done),
    );
    expect(await settle(undefined, "", 77)).toEqual({ kind: "add", id: 4, role: "voter" });
    expect((await plain).response).toEqual({ zxid: 77 });
    const full = { id: 5, votingRole: VotingRole.OBSERVER, peerAddress: "h:1", weight: 0, group: 0 };
    const observer = outcome<AddMemberResponse>((done) => ensemble.addMember(full, done));
    const asked = await settle(undefined, "", 78);
    expect(asked).toEqual({ kind: "add", id: 5, role: "observer", peerAddress: "h:1", weight: 0, group: 0 });
    expect((await observer).response).toEqual({ zxid: 78 });
  });

  test("a change names what it changes; 0 is a value", async () => {
    const { ensemble, settle } = await ensembleDoor();
    const promise = outcome<ChangeMemberResponse>((done) =>
      ensemble.changeMember({ id: 2, votingRole: VotingRole.UNSPECIFIED, weight: 0 }, done),
    );
    expect(await settle(undefined, "", 79)).toEqual({ kind: "change", id: 2, weight: 0 });
    expect((await promise).response).toEqual({ zxid: 79 });
  });

  test("removal and transfer", async () => {
    const { ensemble, settle } = await ensembleDoor();
    const removal = outcome<RemoveMemberResponse>((done) => ensemble.removeMember({ id: 3 }, done));
    expect(await settle(undefined, "", 80)).toEqual({ kind: "remove", id: 3 });
    expect((await removal).response).toEqual({ zxid: 80 });
    const transfer = outcome<TransferLeadershipResponse>((done) =>
      ensemble.transferLeadership({ toMemberId: 2 }, done),
    );
    expect(await settle(undefined, "", 80)).toBe(2);
    expect((await transfer).response).toEqual({ zxid: 80 });
  });
});

describe("a change that is not made", () => {
  test.for<[Reason, number]>([
    ["INVALID_CONFIGURATION", 9],
    ["CHANGE_IN_PROGRESS", 10],
    ["MEMBER_UNKNOWN", 5],
    ["MEMBER_EXISTS", 6],
    ["MEMBER_NOT_CONNECTED", 9],
    ["NO_QUORUM", 14],
    ["TRANSFER_FAILED", 10],
  ])("%s has its status, its reason and the detail for people", async ([reason, code]) => {
    const { ensemble, settle, door } = await ensembleDoor();
    const promise = outcome<RemoveMemberResponse>((done) => ensemble.removeMember({ id: 3 }, done));
    await settle(reason, "because of member 3", 5);
    const { ending } = await promise;
    expect(ending).toMatchObject({ code, reason, domain: "muster.dev" });
    expect(Object.fromEntries(ending?.metadata ?? [])).toEqual({ detail: "because of member 3", zxid: "5" });
    expect(door.stats()).toMatchObject({ unaryCalls: 1, unaryFailures: 1 });
  });

  test("a role that no member can be given is refused before anything is asked", async () => {
    const { ensemble, port } = await ensembleDoor();
    const { ending } = await outcome<AddMemberResponse>((done) =>
      ensemble.addMember({ id: 4, votingRole: VotingRole.JOINING }, done),
    );
    expect(ending).toMatchObject({ reason: "INVALID_ARGUMENT" });
    expect(port.changes).toEqual([]);
  });

  test("a member that starts or stops takes none", async () => {
    const { ensemble, port } = await ensembleDoor();
    for (const [role, reason] of [
      ["starting", "NOT_READY"],
      ["stopped", "STOPPING"],
    ] as const) {
      port.role = role;
      const { ending } = await outcome<RemoveMemberResponse>((done) => ensemble.removeMember({ id: 3 }, done));
      expect(ending).toMatchObject({ code: 14, reason });
    }
    expect(port.changes).toEqual([]);
  });

  test("one that takes too long may have been made, and its late answer finds nobody", async () => {
    const { ensemble, settle, door } = await ensembleDoor({ unaryTimeoutMs: 1 });
    const { ending } = await outcome<RemoveMemberResponse>((done) => ensemble.removeMember({ id: 3 }, done));
    expect(ending).toMatchObject({ code: 4, reason: "DEADLINE_EXCEEDED" });
    expect(ending?.metadata.get("outcome")).toBe("unknown");
    await settle(undefined);
    expect(door.stats()).toMatchObject({ unaryFailures: 1 });
  });

  test("a call its client gave up is over", async () => {
    const { ensemble, port } = await ensembleDoor();
    const ended = new Promise<ServiceError | null>((resolve) => {
      const call = ensemble.removeMember({ id: 3 }, new Metadata(), resolve);
      void expect
        .poll(() => port.changes.length)
        .toBe(1)
        .then(() => call.cancel());
    });
    expect((await ended)?.code).toBe(1);
    port.changes[0]?.done({ reason: undefined, detail: "", zxid: 1 });
  });

  test("a defect is INTERNAL with an id", async () => {
    const { ensemble, port, door } = await ensembleDoor();
    port.reconfigure = () => {
      throw new Error("secret detail");
    };
    const { ending } = await outcome<RemoveMemberResponse>((done) => ensemble.removeMember({ id: 3 }, done));
    expect(ending).toMatchObject({ code: 13, reason: "INTERNAL" });
    expect(door.stats()).toMatchObject({ defects: 1 });
  });

  test.for(["GetStatus", "AddMember", "RemoveMember", "ChangeMember", "TransferLeadership"])(
    "%s refuses what is not protobuf as MALFORMED",
    async (method) => {
      const { address } = await ensembleDoor();
      const client = new Client(address, credentials.createInsecure());
      onTestFinished(() => client.close());
      const same = (value: Buffer) => value;
      const path = `/muster.ensemble.v1.EnsembleService/${method}`;
      const ending = await new Promise<Ending>((resolve, reject) => {
        client.makeUnaryRequest(path, same, same, Buffer.from([0x0a, 0x7f]), (error) =>
          error === null ? reject(new Error("accepted")) : resolve(endingOf(error)),
        );
      });
      expect(ending).toMatchObject({ code: 3, reason: "MALFORMED" });
    },
  );
});
