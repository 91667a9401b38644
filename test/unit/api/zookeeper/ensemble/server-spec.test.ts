import { describe, expect, test } from "vitest";
import {
  formatServerSpec,
  isSameClientAddress,
  parseServerSpec,
} from "../../../../../src/api/zookeeper/ensemble/server-spec.ts";

const client = (host: string, port: number) => ({ clientAddress: { host, port } });

/** All of them taken by Apache ZooKeeper 3.8.0. */
test.for([
  ["h:2888:3888", { role: "voter", peerAddress: "h:2888", clientAddress: undefined }],
  ["h:2888:3888:participant", { role: "voter", peerAddress: "h:2888" }],
  ["h:2888:3888:PARTICIPANT", { role: "voter", peerAddress: "h:2888" }],
  ["h:2888:3888:observer;2181", { role: "observer", peerAddress: "h:2888", ...client("0.0.0.0", 2181) }],
  ["h:2888:3888;c.example:2181", { role: "voter", peerAddress: "h:2888", ...client("c.example", 2181) }],
  ["h:2888:0:participant;0.0.0.0:2181", { peerAddress: "h:2888", ...client("0.0.0.0", 2181) }],
  ["[::1]:2888:3888:participant;[::1]:2181", { peerAddress: "[::1]:2888", ...client("::1", 2181) }],
  ["[0:0:0:0:0:0:0:1]:1:2;1", { peerAddress: "[0:0:0:0:0:0:0:1]:1", ...client("0.0.0.0", 1) }],
] as const)("%s is a server", ([text, spec]) => {
  expect(parseServerSpec(text)).toMatchObject(spec);
});

/** ZooKeeper refuses it, for its members have two. */
test("so is one whose two ports are equal, as people write it who know that there is one", () => {
  expect(parseServerSpec("h:7402:7402")).toMatchObject({ peerAddress: "h:7402" });
});

describe("is refused, and says why", () => {
  test.for([
    ["", "is not of the form of a server"],
    ["h", "is not of the form of a server"],
    ["h:1", "is not of the form of a server"],
    ["::1:1:2", "is not of the form of a server"],
    ["h:1:2:observer:x", "is not of the form of a server"],
    ["h:1:2:leader", 'has "leader" for a role'],
    ["h:1:2:", 'has "" for a role'],
    ["h:0:2", "has port 0"],
    [":1:2", "has no host"],
    ["h h:1:2", "has a host that is neither an address nor a name"],
    ["[x]:1:2", "has no IPv6 address between its brackets"],
    ["h:x:2", "has a port that is not a number"],
    ["h:99999:2", "has a port above 65535"],
    ["h:1:99999", "has a second port above 65535"],
    ["h:1:", "has no second port"],
    ["h:1:2|i:1:2", "has several addresses"],
    ["h:1:2;3;4", 'has more than one ";"'],
    ["h:1:2;", 'has no port behind the ";"'],
    ["h:1:2;x", 'has no port behind the ";"'],
    ["h:1:2;0", 'has port 0, at which nobody is reached behind the ";"'],
    ["h:1:2;::1:5", 'is an IPv6 address without brackets behind the ";"'],
  ])("%s", ([text, why]) => {
    expect(parseServerSpec(text as string)).toContain(why);
  });
});

test("what is written reads back", () => {
  expect(formatServerSpec("observer", "[::1]:7402", "h:2181")).toBe("[::1]:7402:0:observer;h:2181");
  expect(parseServerSpec(formatServerSpec("voter", "h:1", ""))).toEqual({
    role: "voter",
    peerAddress: "h:1",
    clientAddress: undefined,
  });
});

test("a port of every interface is one of any host", () => {
  const at = (host: string, port = 2181) => ({ host, port });
  expect(isSameClientAddress(at("0.0.0.0"), at("db1"))).toBe(true);
  expect(isSameClientAddress(at("db1"), at("::"))).toBe(true);
  expect(isSameClientAddress(at("DB1.example"), at("db1.EXAMPLE"))).toBe(true);
  expect(isSameClientAddress(at("db1"), at("db2"))).toBe(false);
  expect(isSameClientAddress(at("0.0.0.0"), at("db1", 2182))).toBe(false);
});
