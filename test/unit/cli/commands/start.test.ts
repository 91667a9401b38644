import { expect, test } from "vitest";
import { banner } from "../../../../src/cli/commands/dev.ts";
import { statusToJson, statusToText } from "../../../../src/cli/commands/ensemble-status.ts";
import { readyLine } from "../../../../src/cli/commands/server.ts";
import { resolveOptions } from "../../../../src/server/options.ts";

const at = (port: number) => ({ host: "127.0.0.1", port });
const addresses = { grpc: at(7400), http: at(7401), peer: null };
const { options } = resolveOptions({ command: "dev", flags: {}, env: {}, cwd: "/home/ann", terminal: false });

test("server's ready line is one line of JSON with the addresses bound", () => {
  const line = readyLine(3, 42, { ...addresses, peer: at(5) });
  expect(line.indexOf("\n")).toBe(line.length - 1);
  const doors = { grpc: "127.0.0.1:7400", http: "127.0.0.1:7401", peer: "127.0.0.1:5" };
  expect(JSON.parse(line)).toEqual({ ready: true, id: 3, pid: 42, ...doors });
});

test("dev's banner says where everything is and names three commands to try", () => {
  const text = banner(options, addresses, "/home/ann");
  for (const part of ["127.0.0.1:7400", "http://127.0.0.1:7401", "./.muster/member-1"]) expect(text).toContain(part);
  expect(text.match(/^ {4}npx muster znode /gm)).toHaveLength(3);
});

test("dev's commands to try reach the member on other ports too", () => {
  const text = banner(options, { ...addresses, grpc: at(9) }, "/elsewhere");
  expect(text.match(/^ {4}MUSTER_ENDPOINTS=127\.0\.0\.1:9 npx muster znode /gm)).toHaveLength(3);
  expect(text).toContain("/home/ann/.muster/member-1");
});

const member = {
  id: 1,
  role: "leader",
  zxid: 2 ** 32 + 5,
  grpcAddress: "127.0.0.1:7400",
  httpAddress: "127.0.0.1:7401",
  peerAddress: "",
};
const status = {
  ensembleId: "e",
  memberId: 1,
  zxid: 2 ** 32 + 5,
  epoch: 1,
  members: [member],
  version: "0.1.0",
  notReady: ["replaying"],
  counts: { nodes: 7 },
};

test("ensemble status -o json is {members: [{id, role, zxid in hex, ...}]} and nothing beside", () => {
  const json = statusToJson(status);
  expect(Object.keys(json)).toEqual(["members"]);
  expect(json.members).toMatchObject([{ id: 1, role: "leader", zxid: "0x100000005", counts: { nodes: 7 } }]);
});

test("ensemble status as a table names what is not ready", () => {
  expect(statusToText(status)).toBe(
    "ID  ROLE    ZXID         GRPC            HTTP            PEERS\n" +
      " 1  leader  0x100000005  127.0.0.1:7400  127.0.0.1:7401  -\n" +
      "member 1 is not ready: replaying\n",
  );
});
