import type { ServiceError } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EnsembleAdmin } from "../src/ensemble-admin.ts";
import { type GetStatusResponse, VotingRole } from "../src/gen/muster/ensemble/v1/ensemble.ts";
import { failure } from "./support/harness.ts";
import { ScriptedServer, wireError } from "./support/scripted-server.ts";

const healthy: GetStatusResponse = {
  ensembleId: "e1",
  memberId: 1,
  leaderId: 1,
  epoch: 1,
  zxid: 1,
  configurationZxid: 0,
  members: [],
  version: "1",
  notReady: [],
  counts: new Map(),
};

let servers: ScriptedServer[];
let asked: { server: number; method: string; request: object }[];

beforeEach(async () => {
  asked = [];
  servers = await Promise.all([ScriptedServer.start(), ScriptedServer.start()]);
  for (const [index, server] of servers.entries()) {
    server.onStatus = () => healthy;
    server.onChange = (change, answer) => {
      asked.push({ server: index, ...change });
      answer(null, { zxid: 50 + index });
    };
  }
});
afterEach(() => Promise.all(servers.map((server) => server[Symbol.asyncDispose]())));

function first(): ScriptedServer {
  return servers[0] as ScriptedServer;
}

function admin(options: { timeoutMs?: number; signal?: AbortSignal } = {}): EnsembleAdmin {
  return new EnsembleAdmin({ endpoints: servers.map(({ endpoint }) => endpoint), ...options });
}

test("each change says what it means, and nothing of what is absent", async () => {
  const of = admin();
  expect(await of.addMember({ id: 4 })).toEqual({ zxid: 50 });
  await of.addMember({ id: 5, role: "observer", peerAddress: "h:1", weight: 0, group: 0 });
  await of.removeMember(3);
  await of.changeMember(2, { role: "voter" });
  await of.changeMember(2, { weight: 0 });
  await of.transferLeadership(2);
  await of.transferLeadership();
  const { VOTER, OBSERVER, UNSPECIFIED } = VotingRole;
  expect(asked.map(({ method, request }) => [method, request])).toEqual([
    ["addMember", { id: 4, votingRole: VOTER }],
    ["addMember", { id: 5, votingRole: OBSERVER, peerAddress: "h:1", weight: 0, group: 0 }],
    ["removeMember", { id: 3 }],
    ["changeMember", { id: 2, votingRole: VOTER }],
    ["changeMember", { id: 2, votingRole: UNSPECIFIED, weight: 0 }],
    ["transferLeadership", { toMemberId: 2 }],
    ["transferLeadership", { toMemberId: 0 }],
  ]);
  expect((await of.status()).ensembleId).toBe("e1");
});

test("a refusal ends it, with what is in the way", async () => {
  first().onChange = (_change, answer) => answer(wireError(9, "INVALID_CONFIGURATION", "member 3 is the last voter"));
  const error = await failure(admin().removeMember(3));
  expect(error).toMatchObject({ reason: "INVALID_CONFIGURATION", maybeApplied: false });
  expect(error.message).toContain("member 3 is the last voter");
  expect(asked).toEqual([]);
});

test.for(["NOT_READY", "STOPPING", "NO_QUORUM"])("a member that says %s leaves it to the next", async (reason) => {
  first().onChange = (_change, answer) => answer(wireError(14, reason));
  expect(await admin().removeMember(3)).toEqual({ zxid: 51 });
});

test("so does one that is not there, or does not answer", async () => {
  first().onStatus = () => undefined;
  expect(await admin({ timeoutMs: 50 }).removeMember(3)).toEqual({ zxid: 51 });
  await first()[Symbol.asyncDispose]();
  expect(await admin().removeMember(3)).toEqual({ zxid: 51 });
  expect(asked.map(({ server }) => server)).toEqual([1, 1]);
});

test.for<[string, () => ServiceError | undefined]>([
  ["a lost answer", () => undefined],
  ["a deadline the member names", () => wireError(4, "DEADLINE_EXCEEDED")],
  ["a broken connection", () => wireError(14)],
])("%s is OUTCOME_UNKNOWN, and nobody else is asked", async ([, how]) => {
  first().onChange = (_change, answer) => {
    const error = how();
    if (error !== undefined) answer(error);
  };
  const error = await failure(admin({ timeoutMs: 50 }).removeMember(3));
  expect(error).toMatchObject({ reason: "OUTCOME_UNKNOWN", maybeApplied: true });
  expect(asked).toEqual([]);
});

test("given up while it is under way, it may have been made", async () => {
  const controller = new AbortController();
  first().onChange = () => controller.abort("enough");
  const error = await failure(admin({ signal: controller.signal }).removeMember(3));
  expect(error).toMatchObject({ reason: "CANCELLED", cause: "enough", maybeApplied: true });
  expect(asked).toEqual([]);
});
