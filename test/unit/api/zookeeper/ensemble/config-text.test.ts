import fc from "fast-check";
import { expect, test } from "vitest";
import { configText } from "../../../../../src/api/zookeeper/ensemble/config-text.ts";
import { parseServerList } from "../../../../../src/api/zookeeper/ensemble/server-list.ts";
import { formatListenAddress } from "../../../../../src/core/base/listen-address.ts";
import "../../../../support/fixed-seed.ts";
import { anyConfigStatus, memberInfo } from "./listed-members.ts";

test("a line for each member and the zxid in hex, as ZooKeeper 3.8 prints them", () => {
  const members = [
    memberInfo(1, { peerAddress: "127.0.0.1:7402", zookeeperAddress: "0.0.0.0:2181" }),
    memberInfo(2, { votingRole: "observer", peerAddress: "[::1]:7412", zookeeperAddress: "[::1]:2182" }),
    memberInfo(9, { zookeeperAddress: "" }),
  ];
  expect(configText({ members, configurationZxid: 2 ** 33 + 25 })).toBe(
    "server.1=127.0.0.1:7402:0:participant;0.0.0.0:2181\n" +
      "server.2=[::1]:7412:0:observer;[::1]:2182\n" +
      "server.9=db9:7402:0:participant\n" +
      "version=200000019",
  );
});

test("those that wait to join are not in it, and the first configuration is version 0", () => {
  const members = [memberInfo(1), memberInfo(2, { votingRole: "joining", weight: 0 })];
  expect(configText({ members, configurationZxid: 0 })).toBe("server.1=db1:7402:0:participant;db1:2181\nversion=0");
});

test("groups and weights of those with a vote, once one of them is not what every member is by itself", () => {
  const members = [
    memberInfo(1, { group: 2 }),
    memberInfo(2),
    memberInfo(3, { group: 2, weight: 5 }),
    memberInfo(4, { votingRole: "observer", group: 7, weight: 3 }),
  ];
  const lines = configText({ members, configurationZxid: 31 }).split("\n");
  expect(lines.slice(4)).toEqual(["group.0=2", "group.2=1:3", "weight.1=1", "weight.2=1", "weight.3=5", "version=1f"]);
  const weighted = configText({ members: [memberInfo(1, { weight: 2 }), memberInfo(2)], configurationZxid: 0 });
  expect(weighted.split("\n").slice(2)).toEqual(["group.0=1:2", "weight.1=2", "weight.2=1", "version=0"]);
  const observed = configText({ members: [memberInfo(1), ...members.slice(3)], configurationZxid: 0 });
  expect(observed).not.toMatch(/group|weight/);
});

/** Java's QuorumServer throws when they are equal, so that no list of such members can be read by Java clients. */
test("the two ports of a member differ", () => {
  fc.assert(
    fc.property(anyConfigStatus, (status) => {
      for (const line of configText(status).split("\n")) {
        const [, one, other] = /^server\.\d+=(?:\[[^\]]*\]|[^:]*):(\d+):(\d+):/.exec(line) ?? [];
        if (line.startsWith("server.")) expect(one, line).toMatch(/^\d+$/);
        if (line.startsWith("server.")) expect(one, line).not.toBe(other);
      }
    }),
  );
});

test("it reads back as the members it was made of", () => {
  fc.assert(
    fc.property(anyConfigStatus, (status) => {
      const { servers, quorum } = parseServerList(configText(status));
      const listed = status.members.filter(({ votingRole }) => votingRole !== "joining");
      expect([...servers.keys()]).toEqual(listed.map(({ id }) => id));
      for (const { id, votingRole, peerAddress, zookeeperAddress, weight, group } of listed) {
        const server = servers.get(id);
        expect(server).toMatchObject({ role: votingRole, peerAddress });
        const client = server?.clientAddress;
        expect(client === undefined ? "" : formatListenAddress(client)).toBe(zookeeperAddress);
        if (votingRole !== "voter") continue;
        expect([quorum?.weights.get(id) ?? 1, quorum?.groups.get(id) ?? 0]).toEqual([weight, group]);
      }
    }),
  );
});
