import { describe, expect, test } from "vitest";
import { devMemberCounts, resolveDevEnsemble } from "../../../src/server/dev-ensemble.ts";
import { OptionsError, resolveOptions } from "../../../src/server/options.ts";

const GIB = 2 ** 30;
const input = (flags: Record<string, unknown> = {}) => {
  return { command: "dev" as const, flags, env: {}, cwd: "/home/ann", terminal: false, machineMemoryBytes: 12 * GIB };
};

function problemsOf(flags: Record<string, unknown>, count = 3): readonly string[] {
  try {
    resolveDevEnsemble(input(flags), count);
  } catch (error) {
    if (error instanceof OptionsError) return error.problems;
    throw error;
  }
  return [];
}

test("one member is what it always was", () => {
  const { options, warnings } = resolveOptions(input({ id: "4", dataDir: "d" }));
  expect(resolveDevEnsemble(input({ id: "4", dataDir: "d" }), 1)).toEqual({ members: [options], warnings });
});

test.for(devMemberCounts.slice(1))(
  "%i members: ports 10 apart, ZooKeeper's 1 apart, directories beside each other",
  (count) => {
    const tls = { zookeeperTlsListen: "127.0.0.1:2281", zookeeperTlsCert: "c", zookeeperTlsKey: "k" };
    const flags = { ...tls, zookeeperListen: "127.0.0.1:2181", logLevel: "warn" };
    const { members } = resolveDevEnsemble(input(flags), count);
    expect(members).toHaveLength(count);
    const ensemble = members.map(({ id, peerListen }) => ({ id, ...peerListen }));
    for (const [index, member] of members.entries()) {
      expect(member).toMatchObject({
        id: index + 1,
        dataDir: `/home/ann/.muster/member-${index + 1}`,
        grpcListen: { host: "127.0.0.1", port: 7400 + 10 * index },
        httpListen: { host: "127.0.0.1", port: 7401 + 10 * index },
        peerListen: { host: "127.0.0.1", port: 7402 + 10 * index },
        zookeeperListen: { host: "127.0.0.1", port: 2181 + index },
        zookeeper: { tls: { listen: { host: "127.0.0.1", port: 2281 + index } }, anyPortWillDo: false },
        logLevel: "warn",
      });
      expect(member.ensemble).toEqual(ensemble);
    }
  },
);

test("their ZooKeeper doors are from 2181 on where nobody says another place, and any free port will do", () => {
  const { members } = resolveDevEnsemble(input(), 3);
  expect(members.map(({ zookeeperListen }) => zookeeperListen?.port)).toEqual([2181, 2182, 2183]);
  expect(members.map(({ zookeeper }) => zookeeper.anyPortWillDo)).toEqual([true, true, true]);
  const closed = resolveDevEnsemble(input({ zookeeperListen: "off" }), 3).members;
  expect(closed.map(({ zookeeperListen }) => zookeeperListen)).toEqual([null, null, null]);
});

test("they share the memory that one would have, unless it is said what each may use", () => {
  expect(resolveDevEnsemble(input(), 3).members.map(({ memoryBytes }) => memoryBytes)).toEqual(Array(3).fill(2 * GIB));
  const { members } = resolveDevEnsemble(input({ memory: "1GiB" }), 3);
  expect(members.map(({ memoryBytes }) => memoryBytes)).toEqual(Array(3).fill(GIB));
});

test("any free port is any free port for each, but members must know where to find each other", () => {
  const flags = { grpcListen: "127.0.0.1:0", httpListen: "127.0.0.1:0" };
  const { members } = resolveDevEnsemble(input(flags), 3);
  expect(members.map(({ grpcListen }) => grpcListen.port)).toEqual([0, 0, 0]);
  expect(problemsOf({ ...flags, peerListen: "127.0.0.1:0" })).toEqual([
    expect.stringMatching(/^--peer-listen: port 0/),
  ]);
});

describe("is refused", () => {
  const tls = { peerTlsCa: "a", peerTlsCert: "b", peerTlsKey: "c" };

  test.for<[string, Record<string, unknown>]>([
    ["--id", { id: "2" }],
    ["--ensemble", { ensemble: "1@127.0.0.1:7402,2@127.0.0.1:7412" }],
    ["--grpc-advertise", { grpcAdvertise: "h:1" }],
    ["--http-advertise", { httpAdvertise: "h:1" }],
    ["--peer-advertise", { peerAdvertise: "h:1" }],
    ["--zookeeper-advertise", { zookeeperAdvertise: "h:1" }],
    ["--peer-tls-cert", tls],
  ])("%s, which is each member's own", ([flag, flags]) => {
    expect(problemsOf(flags)).toEqual([`${flag}: is each member's own, and --members 3 sets it; leave it out`]);
  });

  test("a port beyond the last", () => {
    expect(problemsOf({ httpListen: "127.0.0.1:65530" })).toEqual([
      "--members: the last of 3 would be at port 65550; choose lower ports for the first",
    ]);
    expect(problemsOf({ zookeeperListen: "127.0.0.1:65535" })).toEqual([
      "--members: the last of 3 would be at port 65537; choose lower ports for the first",
    ]);
  });

  test("members in each other's way", () => {
    expect(problemsOf({ httpListen: "127.0.0.1:7410" })).toEqual([
      "--members: members 1 and 2 would both be at 127.0.0.1:7410; choose other ports for the first",
      "--members: members 2 and 3 would both be at 127.0.0.1:7420; choose other ports for the first",
    ]);
  });

  test("what would be for one member, too", () => {
    expect(problemsOf({ memory: "1" })).toHaveLength(1);
  });
});
