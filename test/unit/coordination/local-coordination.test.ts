import { describe, expect, test, vi } from "vitest";
import type { EnsembleControl, KnownMember } from "../../../src/coordination/ensemble-control.ts";
import { LocalCoordination } from "../../../src/coordination/local-coordination.ts";
import type { AskOutcome, ChangeOutcome, Connection } from "../../../src/coordination/port.ts";
import { type Client, SoloMember, secretHash } from "../../support/solo-member.ts";

const ADDRESSES = {
  grpc: "127.0.0.1:7400",
  http: "127.0.0.1:7401",
  zookeeper: "127.0.0.1:2181",
  peer: "127.0.0.1:7402",
};
const closed = { grpcAddress: "", httpAddress: "", zookeeperAddress: "" };

const own = {
  id: 1,
  role: "leader",
  votingRole: "voter",
  weight: 1,
  group: 0,
  isReachable: true,
  version: "",
} as const;

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
      leaderId: 1,
      configurationZxid: 0,
      zxid,
      notReady: [],
      members: [{ ...own, zxid, lastZxid: zxid, ...closed, peerAddress: "127.0.0.1:1" }],
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
        ...own,
        zxid,
        lastZxid: zxid,
        version: "",
        grpcAddress: ADDRESSES.grpc,
        httpAddress: ADDRESSES.http,
        zookeeperAddress: ADDRESSES.zookeeper,
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

test("role and zxid are those of the status, for whoever asks often", () => {
  const { solo, coordination, connection } = rig();
  expect(coordination.role).toBe("leader");
  connection.submit(1, 0, { kind: "create", path: "/a", data: new Uint8Array(0), mode: 0 });
  solo.settle();
  expect(coordination.zxid).toBe(coordination.status().zxid);
  solo.member.shutDown();
  expect(coordination.role).toBe("stopped");
});

test("all sessions are shown, each with its ephemerals in the order of creation", () => {
  const { solo, coordination, connection } = rig();
  connection.open(secretHash(1), 10_000);
  const other = solo.session(20_000);
  const create = (number: number, path: string, mode: 0 | 1) => {
    connection.submit(number, 0, { kind: "create", path, data: new Uint8Array(0), mode });
  };
  create(1, "/z", 1);
  create(2, "/parent", 0);
  create(3, "/parent/a", 1);
  solo.settle();
  expect(coordination.sessions()).toEqual([
    { sessionId: connection.sessionId, timeoutMs: 10_000, ephemerals: ["/z", "/parent/a"] },
    { sessionId: other.connection.sessionId, timeoutMs: 20_000, ephemerals: [] },
  ]);
});

test("core.md 29: recent digests are shown as 16 hexadecimal digits, oldest first, and are those of the tree", () => {
  const { solo, coordination, connection } = rig();
  for (let number = 1; number <= 3; number++) {
    connection.submit(number, 0, { kind: "create", path: `/${number}`, data: new Uint8Array(0), mode: 0 });
    solo.settle();
  }
  const digests = coordination.digests();
  expect(digests.every(({ digest }) => /^[0-9a-f]{16}$/.test(digest))).toBe(true);
  expect(digests.map(({ zxid }) => zxid)).toEqual([...digests.map(({ zxid }) => zxid)].sort((a, b) => a - b));
  expect(new Set(digests.map(({ digest }) => digest)).size).toBe(digests.length);
  const { lane0, lane1 } = solo.member.tree.state.digest;
  const last = [lane0, lane1].map((lane) => lane.toString(16).padStart(8, "0")).join("");
  expect(digests.at(-1)).toEqual({ zxid: coordination.zxid, digest: last });
});

test("core.md 9: a session's owners are counted: the first, and each that takes it over", () => {
  const { solo, coordination, connection, listener } = rig();
  connection.open(secretHash(1), 10_000);
  solo.settle();
  expect(listener.opened?.generation).toBe(1);
  for (const generation of [2, 3]) {
    const next = solo.client();
    coordination.connect(next, []).resume(connection.sessionId, secretHash(1));
    solo.settle();
    expect(next.opened).toMatchObject({ resumed: true, generation });
  }
});

describe("the ensemble around the member", () => {
  const about = { grpcAddress: "g", httpAddress: "h", zookeeperAddress: "z", peerAddress: "", version: "0.2.0" };
  const joiner: KnownMember = { id: 7, role: "looking", isReachable: true, zxid: 0, lastZxid: 0, ...about };

  function ensemble(fields: Partial<EnsembleControl> = {}): EnsembleControl {
    const silent = { reconfigure: () => undefined, transferLeadership: () => undefined };
    return { leaderId: 3, configurationZxid: 9, lastZxid: 40, known: () => [joiner], ...silent, ...fields };
  }

  test("shows in the status: who leads, since when it is so composed, and who wants to join", () => {
    const { member } = SoloMember.leading();
    const options = { ensemble: ensemble(), version: "0.1.0" };
    const status = new LocalCoordination(member, () => expect.unreachable(), options).status();
    expect(status).toMatchObject({ leaderId: 3, configurationZxid: 9 });
    expect(status.members).toEqual([
      expect.objectContaining({ id: 1, votingRole: "voter", lastZxid: 40, version: "0.1.0", isReachable: true }),
      { ...joiner, votingRole: "joining", weight: 0, group: 0 },
    ]);
  });

  test("a configured member is shown as it is known, and as unreachable while nothing is known of it", () => {
    const { member } = SoloMember.leading();
    const peers = [member.configuration.members[0], { ...member.configuration.members[0], id: 2, peerAddress: "b:1" }];
    vi.spyOn(member, "configuration", "get").mockReturnValue({
      ensembleId: "e",
      members: [...peers, { ...peers[1], id: 5, role: "observer", weight: 3, group: 2, peerAddress: "c:1" }],
    } as typeof member.configuration);
    const known = [{ ...joiner, id: 5, role: "observer", zxid: 33 } as const];
    const options = { ensemble: ensemble({ known: () => known }) };
    const { members } = new LocalCoordination(member, () => expect.unreachable(), options).status();
    expect(members.map(({ id, isReachable, peerAddress }) => [id, isReachable, peerAddress])).toEqual([
      [1, true, "127.0.0.1:1"],
      [2, false, "b:1"],
      [5, true, "c:1"],
    ]);
    expect(members[2]).toMatchObject({ role: "observer", votingRole: "observer", weight: 3, group: 2, zxid: 33 });
  });

  test("is asked for changes, and says what became of them", () => {
    const { member } = SoloMember.leading();
    const asked: unknown[] = [];
    const outcome = { reason: undefined, detail: "", zxid: 5 };
    const options = {
      ensemble: ensemble({
        reconfigure: (change, done) => {
          asked.push(change);
          done(outcome);
        },
        transferLeadership: (to, done) => {
          asked.push(to);
          done({ ...outcome, reason: "TRANSFER_FAILED" });
        },
      }),
    };
    const coordination = new LocalCoordination(member, () => expect.unreachable(), options);
    const told: ChangeOutcome[] = [];
    coordination.reconfigure({ kind: "remove", id: 2 }, (each) => told.push(each));
    coordination.transferLeadership(3, (each) => told.push(each));
    expect(asked).toEqual([{ kind: "remove", id: 2 }, 3]);
    expect(told.map(({ reason }) => reason)).toEqual([undefined, "TRANSFER_FAILED"]);
  });

  test("an error it throws is a broken invariant, too", () => {
    const { member } = SoloMember.leading();
    const error = new Error("broken");
    const throwing = () => {
      throw error;
    };
    const broken: Error[] = [];
    const options = { ensemble: ensemble({ reconfigure: throwing, transferLeadership: throwing }) };
    const coordination = new LocalCoordination(member, (each) => broken.push(each), options);
    expect(() => coordination.reconfigure({ kind: "remove", id: 2 }, () => expect.unreachable())).toThrow(error);
    expect(() => coordination.transferLeadership(0, () => expect.unreachable())).toThrow(error);
    expect(broken).toEqual([error, error]);
  });

  test("without one, nobody can be added and nobody can take over", () => {
    const { coordination } = rig();
    const told: ChangeOutcome[] = [];
    coordination.reconfigure({ kind: "remove", id: 2 }, (each) => told.push(each));
    coordination.transferLeadership(0, (each) => told.push(each));
    expect(told).toEqual(Array(2).fill({ reason: "UNSUPPORTED", detail: expect.stringContaining("links"), zxid: 0 }));
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

test("products.md 2: the port asks its own member as any other, and says in the log what fails there", () => {
  const { member } = SoloMember.leading();
  const notices: string[] = [];
  const onNotice = (_level: string, message: string) => notices.push(message);
  const coordination = new LocalCoordination(member, () => expect.unreachable(), { onNotice });
  const stop = coordination.answer("size", (asked) => asked.answer(Uint8Array.of(asked.from, asked.bytes.length)));
  const told: AskOutcome[] = [];
  coordination.ask("all", "size", new Uint8Array(5), (outcome) => told.push(outcome));
  stop();
  coordination.ask(1, "size", new Uint8Array(5), (outcome) => told.push(outcome));
  expect(told.map(({ answers: [answer] }) => answer?.reason ?? [...(answer?.bytes ?? [])])).toEqual([
    [1, 5],
    "UNSUPPORTED",
  ]);
  expect(notices).toEqual([]);
});
