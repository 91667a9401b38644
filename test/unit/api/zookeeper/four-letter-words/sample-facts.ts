import {
  ConnectionStatistics,
  DoorStatistics,
} from "../../../../../src/api/zookeeper/four-letter-words/request-statistics.ts";
import type {
  ConnectionFacts,
  EnsembleFacts,
  OptionFacts,
  WordFacts,
} from "../../../../../src/api/zookeeper/four-letter-words/word-facts.ts";
import { SizeStatistics } from "../../../../../src/core/base/size-statistics.ts";

const BUILT_AT = Date.UTC(2026, 1, 3, 4, 5);
const NOW = Date.UTC(2026, 10, 30, 14, 59, 0);

export const SESSION_A = 0x1c7c210000;
export const SESSION_B = 0x1c7c210001;

/** Two clients after some requests, and the connection that says the word, told to the door's statistics. */
export function sampleConnections(door: DoorStatistics): readonly ConnectionFacts[] {
  const a = new ConnectionStatistics(1796050735002, door);
  exchange(a, "SESS", 0, 13, true);
  exchange(a, "CREA", 1, 4, true);
  exchange(a, "PING", -2, 0, false);
  const b = new ConnectionStatistics(1796050735034, door);
  exchange(b, "SESS", 0, 3, true);
  exchange(b, "EXIS", 1, 1, false);
  b.told(60);
  const asking = new ConnectionStatistics(1796050743000, door);
  asking.heard(4);
  return [
    connection("127.0.0.1", 58326, SESSION_A, 10_000, a),
    connection("::ffff:10.0.0.7", 58336, SESSION_B, 20_000, b),
    connection("::1", 58004, 0, 0, asking),
  ];
}

function exchange(
  connection: ConnectionStatistics,
  operation: string,
  cxid: number,
  latencyMs: number,
  isUpdate: boolean,
): void {
  connection.requested(30);
  const reply = { operation, cxid, zxid: 0x100000009, isUpdate, requestedAt: 855_000, repliedAt: 855_000 + latencyMs };
  connection.replied({ ...reply, bytes: 16 + latencyMs });
}

function connection(
  remoteAddress: string,
  remotePort: number,
  sessionId: number,
  timeoutMs: number,
  statistics: ConnectionStatistics,
): ConnectionFacts {
  const expiresAt = NOW + (sessionId === 0 ? 10_000 : timeoutMs);
  return { remoteAddress, remotePort, isSecure: false, sessionId, timeoutMs, expiresAt, statistics };
}

export function sampleEnsemble(leads: boolean): EnsembleFacts {
  const proposalSizes = new SizeStatistics();
  for (const bytes of [48, 120, 36]) proposalSizes.record(bytes);
  const leader = { learners: 2, syncedFollowers: 1, syncedObservers: 1, proposalSizes, uptimeMs: 38_466.7 };
  return { leaderId: 3, votingMembers: 2, leader: leads ? leader : undefined };
}

export function sampleOptions(): OptionFacts {
  return {
    serverId: 3,
    clientPort: 2181,
    secureClientPort: undefined,
    tickMs: 2000,
    connectionsPerAddressMax: 60,
    sessionTimeoutMinMs: 4000,
    sessionTimeoutMaxMs: 40_000,
    ensemble: {
      initLimitTicks: 10,
      syncLimitTicks: 5,
      electionPort: 3888,
      quorumPort: 2888,
      isObserver: false,
      membership: "server.1=a:2888:3888:participant\nserver.3=c:2888:3888:participant\nversion=0",
    },
  };
}

/** A leader with two clients; what is given replaces its own. */
export function sampleFacts(changes: Partial<WordFacts> = {}): WordFacts {
  const statistics = new DoorStatistics();
  const connections = sampleConnections(statistics);
  return {
    version: { text: "3.8.0-muster-0.1.0", builtAt: BUILT_AT },
    mode: "leader",
    statistics,
    tree: () => ({ zxid: 0x10000000f, nodes: 12, ephemerals: 3, dataBytes: 233, sessions: 2, watches: 5 }),
    process: () => ({ uptimeMs: 38_624.4, openFiles: 50, openFilesMax: 20_000 }),
    ensemble: () => sampleEnsemble(true),
    options: sampleOptions,
    folders: () => ({ data: "data/snapshot", dataBytes: 597, journal: "data/journal", journalBytes: 67_109_477 }),
    environment: () => ({
      hostName: "c",
      runtimeVersion: "20.20.2",
      engineVersion: "11.3.244.8-node.38",
      runtimeFolder: "node/bin",
      program: "bin/muster.js",
      temporaryFolder: "tmp",
      systemName: "Linux",
      architecture: "x64",
      systemVersion: "6.18.44",
      userName: "muster",
      userFolder: "home",
      workingFolder: "work",
      freeBytes: 50 * 1024 * 1024 + 1,
      heapBytesMax: 256 * 1024 * 1024,
      heapBytes: 66 * 1024 * 1024,
    }),
    connectionCount: connections.length,
    connections: () => connections,
    sessions: () => [
      { id: SESSION_B, timeoutMs: 20_000, expiresAt: NOW + 20_000, ephemerals: ["/app/e3"] },
      { id: SESSION_A, timeoutMs: 10_000, expiresAt: NOW + 9_999, ephemerals: ["/app/e1", "/app/e2"] },
      { id: SESSION_A - 1, timeoutMs: 10_000, expiresAt: NOW + 8_000, ephemerals: [] },
    ],
    watches: () => [
      { sessionId: SESSION_B, path: "/app/none2" },
      { sessionId: SESSION_B, path: "/app/x" },
      { sessionId: SESSION_A, path: "/app/none" },
      { sessionId: SESSION_A, path: "/app/x" },
      { sessionId: SESSION_A, path: "/app/x" },
    ],
    digests: () => [
      { zxid: 0x100000080, digest: "16458319755" },
      { zxid: 0x100000100, digest: "12937889782" },
    ],
    ...changes,
  };
}
