import { describe, expect, test } from "vitest";
import {
  ConnectionStatistics,
  DoorStatistics,
  type Reply,
} from "../../../../../src/api/zookeeper/four-letter-words/request-statistics.ts";

function reply(changes: Partial<Reply> = {}): Reply {
  const times = { requestedAt: 1000, repliedAt: 1004 };
  return { operation: "GETD", cxid: 7, zxid: 90, isUpdate: false, ...times, bytes: 20, ...changes };
}

describe("the statistics of a connection", () => {
  test("follow a request and its reply, and the door's with them", () => {
    const door = new DoorStatistics();
    const connection = new ConnectionStatistics(500, door);
    connection.requested(40);
    connection.requested(41);
    expect([connection.outstanding, door.outstanding]).toEqual([2, 2]);
    connection.replied(reply());
    connection.replied(reply({ operation: "SETD", cxid: 8, zxid: 91, isUpdate: true, repliedAt: 1010.9, bytes: 88 }));
    expect(connection).toMatchObject({
      establishedAt: 500,
      received: 2,
      sent: 2,
      outstanding: 0,
      lastOperation: "SETD",
      lastCxid: 8,
      lastZxid: 91,
      lastResponseAt: 1010.9,
      lastLatencyMs: 10,
      latency: { count: 2, sum: 14, min: 4, max: 10 },
    });
    expect(door).toMatchObject({
      received: 2,
      sent: 2,
      receivedBytes: 81,
      sentBytes: 108,
      outstanding: 0,
      latency: { count: 2, sum: 14 },
      readLatency: { count: 1, sum: 4 },
      updateLatency: { count: 1, sum: 10 },
      responseSizes: { last: 88, min: 20, max: 88 },
    });
  });

  test("keep the id of the last request of the client's own", () => {
    const connection = new ConnectionStatistics(0, new DoorStatistics());
    connection.requested(1);
    connection.replied(reply({ cxid: 5 }));
    connection.requested(1);
    connection.replied(reply({ operation: "PING", cxid: -2, zxid: 99 }));
    expect(connection).toMatchObject({ lastCxid: 5, lastOperation: "PING", lastZxid: 99 });
  });

  test("have neither operation nor latency of credentials, events and words", () => {
    const door = new DoorStatistics();
    const connection = new ConnectionStatistics(0, door);
    connection.requested(30);
    connection.answered(16);
    connection.told(50);
    connection.heard(4);
    expect(connection).toMatchObject({ received: 2, sent: 2, outstanding: 0, lastOperation: "NA", lastLatencyMs: 0 });
    expect(door).toMatchObject({ received: 2, sent: 2, outstanding: 0, receivedBytes: 34, sentBytes: 66 });
    expect([connection.latency.count, door.latency.count, door.responseSizes.last]).toEqual([0, 0, -1]);
  });

  test("take a clock that went back for no time at all", () => {
    const connection = new ConnectionStatistics(0, new DoorStatistics());
    connection.requested(1);
    connection.replied(reply({ requestedAt: 10, repliedAt: 9 }));
    expect([connection.lastLatencyMs, connection.latency.min]).toEqual([0, 0]);
  });

  test("leave nothing outstanding at the door when the connection is closed, however often that is said", () => {
    const door = new DoorStatistics();
    const [one, other] = [new ConnectionStatistics(0, door), new ConnectionStatistics(0, door)];
    one.requested(1);
    one.requested(1);
    other.requested(1);
    one.closed();
    one.closed();
    expect([one.outstanding, door.outstanding]).toEqual([0, 1]);
  });
});

describe("a reset", () => {
  test("of a connection forgets all but its begin and what is outstanding, and leaves the door's alone", () => {
    const door = new DoorStatistics();
    const connection = new ConnectionStatistics(500, door);
    for (let i = 0; i < 3; i += 1) connection.requested(10);
    connection.replied(reply());
    connection.reset();
    const fresh = new ConnectionStatistics(500, door);
    fresh.outstanding = 2;
    expect(connection).toEqual(fresh);
    expect(door).toMatchObject({ received: 3, sent: 1, outstanding: 2 });
  });

  test("of the door forgets all but what is outstanding", () => {
    const door = new DoorStatistics();
    const connection = new ConnectionStatistics(500, door);
    for (let i = 0; i < 3; i += 1) connection.requested(10);
    connection.replied(reply());
    connection.replied(reply({ isUpdate: true }));
    door.authenticationFailures = 1;
    door.sessionRequests = 1;
    door.connectionsRejected = 1;
    door.connectionsDropped = 1;
    door.sessionlessExpired = 1;
    door.largeRequestsRejected = 1;
    door.reset();
    const fresh = new DoorStatistics();
    fresh.outstanding = 1;
    expect(door).toEqual(fresh);
  });
});
