import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  parseJoining,
  parseLeaving,
  parseServerList,
  ReconfigFault,
} from "../../../../../src/api/zookeeper/ensemble/server-list.ts";
import "../../../../support/fixed-seed.ts";

test("joining servers, by the names ZooKeeper takes", () => {
  const servers = parseJoining(" server.3 = h:1:2;3 ,4=i:1:2:observer,");
  expect([...servers]).toEqual([
    [3, { role: "voter", peerAddress: "h:1", clientAddress: { host: "0.0.0.0", port: 3 } }],
    [4, { role: "observer", peerAddress: "i:1", clientAddress: undefined }],
  ]);
  expect(parseJoining("").size).toBe(0);
});

test("leaving servers", () => {
  expect([...parseLeaving("3, 4,3")]).toEqual([3, 4]);
  expect(parseLeaving("").size).toBe(0);
});

/** As ZooKeeper 3.8.0 printed it, and as a file or a command line has it. */
test("a whole list, by lines or commas", () => {
  const printed =
    "server.1=127.0.0.1:27881:27891:participant;0.0.0.0:27181\n" +
    "server.2=localhost:27882:27892:participant;localhost:27182\n" +
    "server.3=127.0.0.1:27883:27893:observer;0.0.0.0:27183\n" +
    "group.1=1:2\nweight.1=1\nweight.2=3\nversion=200000027";
  const list = parseServerList(printed);
  expect([...list.servers.keys()]).toEqual([1, 2, 3]);
  expect([...(list.quorum?.groups ?? [])]).toEqual([
    [1, 1],
    [2, 1],
  ]);
  expect(list.quorum?.weights.get(2)).toBe(3);
  expect(parseServerList(`# of ours\r\n! \r\n${printed.replaceAll("\n", ",")}`)).toEqual(list);
});

test("without groups and weights a majority of all voters decides", () => {
  expect(parseServerList("server.1=h:1:2").quorum).toBeUndefined();
});

describe("is refused, and says why", () => {
  test.for([
    ["server.3", '"server.3" has no "="'],
    ["foo.3=h:1:2", '"foo.3" is not the name of a server'],
    ["server.x=h:1:2", '"server.x" is not the name of a server'],
    ["server.0=h:1:2", '"server.0": a member\'s id is a whole number from 1 to 255'],
    ["256=h:1:2", '"256": a member\'s id'],
    ["3=h:1:2,server.3=h:1:2", "server.3 is given twice"],
    ["server.3=h:1", 'server.3: "h:1" is not of the form of a server; write host:port:port'],
  ])("of the joining: %s", ([text, why]) => {
    expect(() => parseJoining(text as string)).toThrow(why as string);
  });

  test.for(["x", "server.3", "-1", "3;4"])("of the leaving: %s", (text) => {
    expect(() => parseLeaving(text)).toThrow(`leaving: "${text}" is not a member's id; write its number`);
  });

  const one = "server.1=h:1:2";
  test.for([
    ["version=5", "the new members are none"],
    ["3=h:1:2", '"3" is not of a configuration'],
    [`${one},clientPort=1`, '"clientPort" is not of a configuration'],
    [`${one}\n${one}`, "server.1 is given twice"],
    [`${one},weight.1=2`, "server.1 has a vote and is in no group"],
    [`${one},server.2=h:3:4,group.1=1`, "server.2 has a vote and is in no group"],
    [`${one},group.1=1,group.2=1`, "member 1 is in two groups"],
    [`${one},group.1=1:8`, "there is no server.8"],
    [`${one},group.1=1,weight.9=1`, "there is no server.9"],
    [`${one},group.1=1,weight.1=x`, 'weight.1: "x" is not a whole number'],
    [`${one},group.1=1:`, 'group.1: "" is not a whole number'],
  ])("of a whole list: %s", ([text, why]) => {
    expect(() => parseServerList(text as string)).toThrow(why);
  });

  test("with a text that is short, however long the value", () => {
    expect(() => parseJoining("x".repeat(1_000_000))).toThrow(/^"x{120}\.\.\." has no "="/);
  });

  test("whatever it is, as a fault of the request and nothing else", () => {
    const word = fc.constantFrom(
      "server.1",
      "=",
      ":",
      ";",
      ",",
      "|",
      "\n",
      "[::1]",
      "h",
      "7",
      "group.1",
      "weight.1",
      "#",
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(word, { maxLength: 14 }).map((words) => words.join("")),
    );
    fc.assert(
      fc.property(fc.constantFrom(parseJoining, parseLeaving, parseServerList), text, (parse, given) => {
        try {
          parse(given);
        } catch (error) {
          expect(error).toBeInstanceOf(ReconfigFault);
        }
      }),
    );
  });
});
