import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VotingRole } from "../src/gen/muster/ensemble/v1/ensemble.ts";
import { readStatus } from "../src/status.ts";
import { failure, Harness } from "./support/harness.ts";
import { ScriptedServer } from "./support/scripted-server.ts";

const member = {
  id: 7,
  role: "leader",
  votingRole: VotingRole.VOTER,
  weight: 1,
  group: 0,
  isReachable: true,
  zxid: 2 ** 40,
  lastZxid: 2 ** 40,
  version: "9.9.9",
  grpcAddress: "127.0.0.1:1",
  httpAddress: "",
  peerAddress: "127.0.0.1:2",
  zookeeperAddress: "127.0.0.1:3",
};
const wire = {
  ensembleId: "e1",
  memberId: 7,
  leaderId: 7,
  zxid: 2 ** 40,
  configurationZxid: 5,
  epoch: 256,
  version: "9.9.9",
  notReady: ["replaying"],
  counts: new Map([["nodes", 5]]),
  members: [member, { ...member, votingRole: VotingRole.OBSERVER }, { ...member, votingRole: VotingRole.JOINING }],
};
const status = {
  ensembleId: "e1",
  memberId: 7,
  leaderId: 7,
  zxid: 2 ** 40,
  configurationZxid: 5,
  epoch: 256,
  version: "9.9.9",
  notReady: ["replaying"],
  counts: { nodes: 5 },
  members: ["voter", "observer", "joining"].map((votingRole) => ({ ...member, votingRole })),
};

let harness: Harness;
beforeEach(async () => {
  harness = await Harness.start();
});
afterEach(() => harness[Symbol.asyncDispose]());

/** An endpoint where nobody listens any more. */
async function deadEndpoint(): Promise<string> {
  const server = await ScriptedServer.start();
  await server[Symbol.asyncDispose]();
  return server.endpoint;
}

describe("readStatus", () => {
  test("gives what a member answers, as plain values, without a session", async () => {
    harness.server.onStatus = () => wire;
    expect(await readStatus({ endpoints: harness.server.endpoint })).toEqual(status);
    expect(harness.server.unseenStreams).toBe(0);
  });

  test("asks the next member where one does not answer", async () => {
    harness.server.onStatus = () => wire;
    const endpoints = [await deadEndpoint(), harness.server.endpoint];
    expect(await readStatus({ endpoints })).toEqual(status);
  });

  test("is UNREACHABLE when nobody answers", async () => {
    const endpoints = [await deadEndpoint(), await deadEndpoint()];
    expect(await failure(readStatus({ endpoints }))).toMatchObject({ reason: "UNREACHABLE" });
  });

  test("is DEADLINE_EXCEEDED where a member says nothing for timeoutMs", async () => {
    harness.server.onStatus = () => undefined;
    const error = await failure(readStatus({ endpoints: harness.server.endpoint, timeoutMs: 50 }));
    expect(error).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  test("is CANCELLED by its signal, before it asks and while it waits", async () => {
    const before = await failure(readStatus({ endpoints: harness.server.endpoint, signal: AbortSignal.abort("no") }));
    expect(before).toMatchObject({ reason: "CANCELLED", cause: "no" });
    const controller = new AbortController();
    harness.server.onStatus = () => {
      controller.abort("enough");
      return undefined;
    };
    const during = readStatus({ endpoints: [harness.server.endpoint, "127.0.0.1:1"], signal: controller.signal });
    expect(await failure(during)).toMatchObject({ reason: "CANCELLED", cause: "enough" });
  });
});

describe("client.status", () => {
  test("asks the member in use, and is no operation of the session", async () => {
    harness.server.onStatus = () => wire;
    const { client, stream } = await harness.opened();
    expect(await client.status()).toEqual(status);
    expect(stream.unread).toBe(0);
  });

  test("of a closed client is CLIENT_CLOSED", async () => {
    const { client } = await harness.opened();
    void client.close();
    expect(await failure(client.status())).toMatchObject({ reason: "CLIENT_CLOSED" });
  });
});
