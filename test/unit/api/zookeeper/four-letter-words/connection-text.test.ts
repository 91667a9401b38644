import { describe, expect, test } from "vitest";
import {
  addressText,
  briefLine,
  connectionsText,
  isLoopback,
} from "../../../../../src/api/zookeeper/four-letter-words/connection-text.ts";
import {
  ConnectionStatistics,
  DoorStatistics,
} from "../../../../../src/api/zookeeper/four-letter-words/request-statistics.ts";
import type { ConnectionFacts } from "../../../../../src/api/zookeeper/four-letter-words/word-facts.ts";
import { sampleConnections } from "./sample-facts.ts";

function connection(sessionId: number, statistics: ConnectionStatistics): ConnectionFacts {
  const address = { remoteAddress: "10.0.0.7", remotePort: 41_000, isSecure: false };
  return { ...address, sessionId, timeoutMs: 10_000, expiresAt: 0, statistics };
}

describe("cons", () => {
  test("has a line for each connection and an empty one", () => {
    expect(connectionsText(sampleConnections(new DoorStatistics()))).toBe(
      " /127.0.0.1:58326[1](queued=0,recved=3,sent=3,sid=0x1c7c210000,lop=PING,est=1796050735002,to=10000,lcxid=0x1," +
        "lzxid=0x100000009,lresp=855000,llat=0,minlat=0,avglat=5,maxlat=13)\n" +
        " /10.0.0.7:58336[1](queued=0,recved=2,sent=3,sid=0x1c7c210001,lop=EXIS,est=1796050735034,to=20000,lcxid=0x1," +
        "lzxid=0x100000009,lresp=855001,llat=1,minlat=1,avglat=2,maxlat=3)\n" +
        " /[::1]:58004[0](queued=0,recved=1,sent=0)\n\n",
    );
  });

  test("is one empty line of no connection", () => {
    expect(connectionsText([])).toBe("\n");
  });

  test("has no lcxid before a client's first request and after a reset", () => {
    const statistics = new ConnectionStatistics(17.5, new DoorStatistics());
    statistics.requested(10);
    expect(connectionsText([connection(255, statistics)])).toBe(
      " /10.0.0.7:41000[1](queued=1,recved=1,sent=0,sid=0xff,lop=NA,est=17,to=10000,lzxid=0xffffffffffffffff,lresp=0," +
        "llat=0,minlat=0,avglat=0,maxlat=0)\n\n",
    );
  });

  test("is shorter in stat", () => {
    const statistics = new ConnectionStatistics(0, new DoorStatistics());
    expect(briefLine(connection(255, statistics))).toBe(" /10.0.0.7:41000[1](queued=0,recved=0,sent=0)");
  });
});

describe("an address", () => {
  test.for([
    ["10.0.0.7", "/10.0.0.7:5"],
    ["::ffff:10.0.0.7", "/10.0.0.7:5"],
    ["fe80::1", "/[fe80::1]:5"],
  ] as const)("%s is %s", ([address, text]) => {
    expect(addressText(address, 5)).toBe(text);
  });

  test.for([
    ["127.0.0.1", true],
    ["127.9.9.9", true],
    ["::ffff:127.0.0.1", true],
    ["::1", true],
    ["10.0.0.1", false],
    ["::127", false],
  ] as const)("%s is of the own machine: %s", ([address, isLocal]) => {
    expect(isLoopback(address)).toBe(isLocal);
  });
});
