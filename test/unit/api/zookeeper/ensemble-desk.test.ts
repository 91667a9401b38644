import { beforeEach, expect, test } from "vitest";
import type { ReconfigRequest } from "../../../../src/api/zookeeper/ensemble/reconfig-request.ts";
import { EnsembleDesk, readReconfig } from "../../../../src/api/zookeeper/ensemble-desk.ts";
import { JuteReader } from "../../../../src/api/zookeeper/jute-reader.ts";
import { JuteWriter } from "../../../conformance/differential/jute.ts";
import { ScriptedCoordination } from "../scripted-coordination.ts";

const nothing: ReconfigRequest = { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: -1 };
const joining: ReconfigRequest = { ...nothing, joiningServers: "server.2=h2:7402:7402:observer;h2:2181" };
const root = [{ scheme: "super", id: "" }];

let port: ScriptedCoordination;
let desk: EnsembleDesk;
let replies: [number | string, number][];

beforeEach(() => {
  port = new ScriptedCoordination();
  const silent = () => undefined;
  desk = new EnsembleDesk(port, { debug: silent, info: silent, warn: silent, error: silent });
  replies = [];
});

function reconfigure(request: ReconfigRequest, identities = root): void {
  desk.reconfigure(request, identities, (reply, zxid) => replies.push([reply, zxid]));
}

test("the fields of a reconfig, null where the client sent null", () => {
  const bytes = new JuteWriter().string("a").string(null).string("").long(-1n).done();
  expect(readReconfig(new JuteReader().reset(bytes, 0, bytes.length))).toEqual({
    joiningServers: "a",
    leavingServers: null,
    newMembers: "",
    curConfigId: -1,
  });
});

test("the configuration is told with the stat ZooKeeper shows for it", () => {
  const { data, stat } = desk.configuration();
  expect(data.toString()).toMatch(/^server\.1=.*\nversion=0$/);
  expect(stat).toMatchObject({ mzxid: 0, version: -1, aversion: -1, dataLength: data.length });
});

test("for super alone; but a version that is not the one in force is told to anybody, as ZooKeeper does", () => {
  reconfigure(joining, [{ scheme: "digest", id: "ann:x" }]);
  reconfigure({ ...joining, curConfigId: 77 }, []);
  expect([replies, port.changes]).toEqual([
    [
      [-102, 0],
      [-103, 0],
    ],
    [],
  ]);
});

test("what cannot be planned is refused without asking the ensemble", () => {
  reconfigure({ ...nothing, joiningServers: "server.x=nonsense" });
  expect([replies, port.changes]).toEqual([[[-8, 0]], []]);
});

test("a change is asked of the ensemble, and answered with the zxid of the configuration then", () => {
  reconfigure(joining);
  expect([replies, port.changes.length]).toEqual([[], 1]);
  expect(port.changes[0]?.asked).toMatchObject({ kind: "add" });
  port.changes[0]?.done({ reason: undefined, detail: "", zxid: 55 });
  expect(replies).toEqual([[0, 55]]);
});

test.each([
  ["OUTCOME_UNKNOWN", "end the connection"],
  ["NOT_READY", "end the connection"],
  ["CONFIGURATION_CHANGED", -103],
] as const)("a change that failed for %s is answered with %s", (reason, reply) => {
  reconfigure(joining);
  port.changes[0]?.done({ reason, detail: "why", zxid: 0 });
  expect(replies).toEqual([[reply, 0]]);
});
