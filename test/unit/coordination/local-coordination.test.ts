import { describe, expect, test, vi } from "vitest";
import { LocalCoordination } from "../../../src/coordination/local-coordination.ts";
import type { Connection } from "../../../src/coordination/port.ts";
import { type Client, SoloMember, secretHash } from "../../support/solo-member.ts";

const ADDRESSES = { grpc: "127.0.0.1:7400", http: "127.0.0.1:7401", peer: "127.0.0.1:7402" };

/** The port over a member, with a client's listener on a connection made through the port. */
function rig(): {
  solo: SoloMember;
  coordination: LocalCoordination;
  listener: Client;
  connection: Connection;
  broken: Error[];
} {
  const solo = SoloMember.leading();
  const broken: Error[] = [];
  const coordination = new LocalCoordination(solo.member, (error) => broken.push(error));
  const listener = solo.client();
  listener.connection.detach();
  return { solo, coordination, listener, connection: coordination.connect(listener, []), broken };
}

describe("status", () => {
  test("who the member is, what it holds, and where it serves once it does", () => {
    const { solo, coordination, connection } = rig();
    connection.open(secretHash(1), 10_000);
    solo.settle();
    connection.submit(1, 0, { kind: "create", path: "/e", data: new Uint8Array(3), mode: 1 });
    connection.addWatch(2, { watchId: 1, path: "/", mode: "persistent", afterZxid: 0 });
    solo.settle();
    const { zxid } = solo.member.tree;
    expect(coordination.status()).toEqual({
      ensembleId: "00".repeat(16),
      memberId: 1,
      role: "leader",
      epoch: 1,
      zxid,
      notReady: [],
      members: [{ id: 1, role: "leader", zxid, grpcAddress: "", httpAddress: "", peerAddress: "127.0.0.1:1" }],
      counts: {
        nodes: 5,
        sessions: 1,
        ephemerals: 1,
        watches: 1,
        connections: 1,
        outstandingBytes: 0,
        dataBytes: 3,
      },
    });
    coordination.setAddresses(ADDRESSES);
    expect(coordination.status().members).toEqual([
      {
        id: 1,
        role: "leader",
        zxid,
        grpcAddress: ADDRESSES.grpc,
        httpAddress: ADDRESSES.http,
        peerAddress: ADDRESSES.peer,
      },
    ]);
  });

  test("outstanding bytes are those of requests not yet answered, of the connection and of all", () => {
    const { solo, coordination, connection } = rig();
    connection.submit(1, 0, { kind: "create", path: "/a", data: new Uint8Array(1000), mode: 0 });
    expect(connection.outstandingBytes).toBeGreaterThan(1000);
    expect(coordination.status().counts.outstandingBytes).toBe(connection.outstandingBytes);
    solo.settle();
    expect(connection.outstandingBytes).toBe(0);
    expect(coordination.status().counts.outstandingBytes).toBe(0);
  });

  test("what keeps it from serving is said in words", () => {
    const solo = new SoloMember();
    const coordination = new LocalCoordination(solo.member, () => expect.unreachable());
    expect(coordination.status()).toMatchObject({ role: "starting", notReady: ["the member is starting"] });
    solo.member.start();
    expect(coordination.status()).toMatchObject({ role: "looking", notReady: ["the member is looking"] });
    solo.settle();
    expect(coordination.status()).toMatchObject({ role: "leader", notReady: [] });
    solo.member.stop();
    expect(coordination.status().notReady).toEqual(["the member is stopping"]);
    solo.member.shutDown();
    expect(coordination.status()).toMatchObject({ role: "stopped", notReady: ["the member is stopped"] });
  });
});

describe("a connection through the port", () => {
  test("does all a member's connection does", () => {
    const { solo, listener, connection, broken } = rig();
    connection.open(secretHash(1), 10_000);
    solo.settle();
    expect(connection.sessionId).toBe(listener.opened?.sessionId);
    connection.submit(1, 0, { kind: "create", path: "/a", data: Uint8Array.of(0x31), mode: 0 });
    connection.read(2, { kind: "get", path: "/a" }, { minZxid: 0, linearizable: true });
    connection.sync(3);
    connection.addWatch(4, { watchId: 9, path: "/a", mode: "persistent", afterZxid: 0 });
    connection.submit(5, 0, { kind: "set", path: "/a", data: Uint8Array.of(0x32), version: -1 });
    connection.removeWatch(6, 9);
    connection.touch(77);
    solo.settle();
    connection.close();
    solo.settle();
    const told = listener.take();
    expect(told.filter((line) => line !== "touched 77")).toEqual([
      "opened",
      "1 create /a",
      "2 get 1",
      "3 none",
      "4 none",
      "events 9:3:/a",
      "5 stat",
      "6 none",
      "closed as asked",
    ]);
    expect(told).toContain("touched 77");
    expect(broken).toEqual([]);
  });

  test("a session is taken over with its secret, and identities count from the next request on", () => {
    const { solo, coordination, connection } = rig();
    connection.open(secretHash(1), 10_000);
    solo.settle();
    const ada = { scheme: "digest", id: "ada:hash" };
    const acl = [{ ...ada, permissions: 31 }];
    connection.submit(1, 0, { kind: "create", path: "/own", data: new Uint8Array(0), mode: 0, acl });
    solo.settle();
    const listener = solo.client();
    const second = coordination.connect(listener, []);
    second.resume(connection.sessionId, secretHash(1));
    solo.settle();
    second.read(2, { kind: "get", path: "/own" }, { minZxid: 0, linearizable: false });
    second.setIdentities([ada]);
    second.read(3, { kind: "get", path: "/own" }, { minZxid: 0, linearizable: false });
    solo.settle();
    expect(listener.take()).toEqual(["resumed", "2 NO_PERMISSION", "3 get "]);
    expect(second.sessionId).toBe(listener.opened?.sessionId);
  });

  test("detached, it is told nothing more", () => {
    const { solo, listener, connection } = rig();
    connection.submit(1, 0, { kind: "create", path: "/a", data: new Uint8Array(0), mode: 0 });
    connection.detach();
    connection.detach();
    solo.settle();
    expect(listener.take()).toEqual([]);
    expect(solo.member.connectionCount).toBe(0);
    expect(solo.member.tree.state.table.size).toBe(5);
  });
});

test("an error the member throws on a door's stack is reported as a broken invariant before the door sees it", () => {
  const calls: Record<string, (connection: Connection) => void> = {
    open: (connection) => connection.open(secretHash(1), 10_000),
    resume: (connection) => connection.resume(5, secretHash(1)),
    touch: (connection) => connection.touch(1),
    submit: (connection) => connection.submit(1, 0, { kind: "delete", path: "/a", version: -1 }),
    read: (connection) => connection.read(1, { kind: "get", path: "/a" }, { minZxid: 0, linearizable: false }),
    sync: (connection) => connection.sync(1),
    addWatch: (connection) => connection.addWatch(1, { watchId: 1, path: "/", mode: "data", afterZxid: 0 }),
    removeWatch: (connection) => connection.removeWatch(1, 1),
    close: (connection) => connection.close(),
    detach: (connection) => connection.detach(),
  };
  for (const [method, call] of Object.entries(calls)) {
    const { solo, coordination, listener, broken } = rig();
    const connect = solo.member.connect.bind(solo.member);
    const error = new Error(`${method} broke`);
    vi.spyOn(solo.member, "connect").mockImplementation((...args) => {
      const connection = connect(...args);
      Object.defineProperty(connection, method, {
        value: () => {
          throw error;
        },
      });
      return connection;
    });
    const connection = coordination.connect(listener, []);
    expect(() => call(connection), method).toThrow(error);
    expect(broken, method).toEqual([error]);
  }
});
