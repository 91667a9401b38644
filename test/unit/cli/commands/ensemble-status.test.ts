import type { EnsembleStatus, MemberStatus } from "@muster/client";
import { expect, test } from "vitest";
import { statusToJson, statusToText } from "../../../../src/cli/commands/ensemble-status.ts";

const EPOCH = 2 ** 32;
const member = (id: number, fields: Partial<MemberStatus> = {}): MemberStatus => ({
  id,
  role: "follower",
  votingRole: "voter",
  weight: 1,
  group: 0,
  isReachable: true,
  zxid: EPOCH + 5,
  lastZxid: EPOCH + 5,
  version: "0.1.0",
  grpcAddress: `h${id}:7400`,
  httpAddress: `h${id}:7401`,
  peerAddress: `h${id}:7402`,
  zookeeperAddress: "",
  ...fields,
});
const nothing = { zxid: 0, lastZxid: 0, version: "", grpcAddress: "", httpAddress: "" };
const status: EnsembleStatus = {
  ensembleId: "e",
  memberId: 2,
  leaderId: 1,
  zxid: EPOCH + 5,
  configurationZxid: EPOCH + 1,
  epoch: 1,
  version: "0.1.0",
  notReady: [],
  counts: { nodes: 7 },
  members: [
    member(1, { role: "leader", lastZxid: EPOCH + 9 }),
    member(2),
    member(3, { role: "looking", isReachable: false, ...nothing }),
    member(4, { role: "observer", votingRole: "observer", weight: 2, group: 3, zxid: 17, lastZxid: 17 }),
    member(5, { role: "looking", votingRole: "joining", weight: 0, ...nothing }),
  ],
};

test("as a table: who is what, how far, how far behind, and where", () => {
  const row = (...cells: string[]) => new RegExp(`^ *${cells.join(" +")}$`, "m");
  const text = statusToText(status);
  expect(text).toMatch(
    row("ID", "ROLE", "VOTING", "WEIGHT", "ZXID", "LAG", "REACHABLE", "VERSION", "GRPC", "HTTP", "PEERS"),
  );
  const at = "0x100000005";
  expect(text).toMatch(row("1", "leader", "voter", "1", at, "4", "yes", "0.1.0", "h1:7400", "h1:7401", "h1:7402"));
  expect(text).toMatch(row("2", "follower", "voter", "1", at, "4", "yes", "0.1.0", "h2:7400", "h2:7401", "h2:7402"));
  expect(text).toMatch(row("3", "-", "voter", "1", "-", "-", "no", "-", "-", "-", "h3:7402"));
  const observer = ["observer", "observer", "2 of group 3", "0x11", "-", "yes"];
  expect(text).toMatch(row("4", ...observer, "0.1.0", "h4:7400", "h4:7401", "h4:7402"));
  expect(text).toMatch(row("5", "looking", "joining", "0", "-", "-", "yes", "-", "-", "-", "h5:7402"));
  expect(text.split("\n")).toHaveLength(7);
});

test("where one has a ZooKeeper door, that has a column too", () => {
  const members = [member(1, { zookeeperAddress: "h1:2181" }), member(2)];
  const text = statusToText({ ...status, members });
  expect(text).toMatch(/ PEERS +ZOOKEEPER$/m);
  expect(text).toMatch(/^ *1 .* h1:7402 +h1:2181$/m);
  expect(text).toMatch(/^ *2 .* h2:7402 +-$/m);
});

test("names what is not ready, and that nobody leads", () => {
  const text = statusToText({ ...status, leaderId: 0, notReady: ["replaying"] });
  expect(text).toMatch(/\nmember 2 knows no leader\nmember 2 is not ready: replaying\n$/);
  expect(text).not.toMatch(/ 4 +yes/);
});

test("as JSON: {members: [...]} and nothing beside, with zxids in hex and the lag where it can be counted", () => {
  const json = statusToJson(status);
  expect(Object.keys(json)).toEqual(["members"]);
  expect(json.members[0]).toEqual({
    ...member(1, { role: "leader" }),
    zxid: "0x100000005",
    lastZxid: "0x100000009",
    lag: 4,
  });
  expect(json.members.map(({ lag }) => lag)).toEqual([4, 4, null, null, null]);
});

test("as JSON the member asked also says what it alone knows, and who leads in its eyes", () => {
  const [, asked] = statusToJson(status).members;
  const sight = { ensembleId: "e", leaderId: 1, configurationZxid: "0x100000001" };
  expect(asked).toMatchObject({ id: 2, asked: true, epoch: 1, notReady: [], counts: { nodes: 7 }, ...sight });
  expect(statusToJson({ ...status, leaderId: 0 }).members[1]).toMatchObject({ leaderId: null });
});
