import { isLoopback } from "./connection-text.ts";
import type { LatencyStatistics } from "./latency-statistics.ts";
import { versionText } from "./version-text.ts";
import type { ConnectionFacts, EnsembleFacts, LeaderFacts, ProcessFacts, TreeFacts, WordFacts } from "./word-facts.ts";

/** The facts gathered once for all lines. */
interface Gathered {
  readonly facts: WordFacts;
  readonly tree: TreeFacts;
  readonly process: ProcessFacts;
  readonly connections: readonly ConnectionFacts[];
  readonly ensemble: EnsembleFacts | undefined;
  readonly leader: LeaderFacts | undefined;
}

/** Undefined leaves the line out. */
type Read = (gathered: Gathered) => number | string | undefined;

/** The member's part in the ensemble, which does not say whether it is still catching up: it serves only after that. */
const peerStates = {
  leader: "leading - broadcast",
  follower: "following - broadcast",
  observer: "observing - broadcast",
} as const;

/** ZooKeeper 3.8's order, which is that of a hash table; parsers read by name, people compare side by side. */
const rows: readonly (readonly [name: string, read: Read])[] = [
  ["version", ({ facts }) => versionText(facts.version)],
  ["server_state", ({ facts }) => facts.mode],
  ["peer_state", ({ facts, ensemble }) => (ensemble === undefined ? undefined : peerStateOf(facts))],
  ["observer_master_id", ({ facts, ensemble }) => (facts.mode === "observer" ? ensemble?.leaderId : undefined)],
  ["ephemerals_count", ({ tree }) => tree.ephemerals],
  ["num_alive_connections", ({ facts }) => facts.connectionCount],
  ["avg_latency", ({ facts }) => facts.statistics.latency.averageText],
  ["min_proposal_size", ({ leader }) => leader?.proposalSizes.min],
  ["outstanding_requests", ({ facts }) => facts.statistics.outstanding],
  ["znode_count", ({ tree }) => tree.nodes],
  ["global_sessions", ({ tree }) => tree.sessions],
  ["non_mtls_remote_conn_count", ({ connections }) => plainConnections(connections, false)],
  ["last_client_response_size", ({ facts }) => facts.statistics.responseSizes.last],
  ["packets_sent", ({ facts }) => facts.statistics.sent],
  ["packets_received", ({ facts }) => facts.statistics.received],
  ["max_proposal_size", ({ leader }) => leader?.proposalSizes.max],
  ["max_client_response_size", ({ facts }) => facts.statistics.responseSizes.max],
  ["synced_followers", ({ leader }) => leader?.syncedFollowers],
  ["watch_count", ({ tree }) => tree.watches],
  ["synced_observers", ({ leader }) => leader?.syncedObservers],
  ["auth_failed_count", ({ facts }) => facts.statistics.authenticationFailures],
  ["min_latency", ({ facts }) => facts.statistics.latency.min],
  ["max_file_descriptor_count", ({ process }) => process.openFilesMax],
  ["approximate_data_size", ({ tree }) => tree.dataBytes],
  ["open_file_descriptor_count", ({ process }) => process.openFiles],
  ["last_proposal_size", ({ leader }) => leader?.proposalSizes.last],
  ["leader_uptime", ({ leader }) => (leader === undefined ? undefined : Math.trunc(leader.uptimeMs))],
  // Every session is known to the whole ensemble.
  ["local_sessions", () => 0],
  ["uptime", ({ process }) => Math.trunc(process.uptimeMs)],
  ["max_latency", ({ facts }) => facts.statistics.latency.max],
  ["learners", ({ leader }) => leader?.learners],
  ["min_client_response_size", ({ facts }) => facts.statistics.responseSizes.min],
  ["non_mtls_local_conn_count", ({ connections }) => plainConnections(connections, true)],
  ["quorum_size", ({ ensemble }) => ensemble?.votingMembers],
  ["large_requests_rejected", ({ facts }) => facts.statistics.largeRequestsRejected],
  ["connection_rejected", ({ facts }) => facts.statistics.connectionsRejected],
  ["sessionless_connections_expired", ({ facts }) => facts.statistics.sessionlessExpired],
  ["connection_drop_count", ({ facts }) => facts.statistics.connectionsDropped],
  ["bytes_received_count", ({ facts }) => facts.statistics.receivedBytes],
  ["connection_request_count", ({ facts }) => facts.statistics.sessionRequests],
  ["response_bytes", ({ facts }) => facts.statistics.sentBytes],
  ...latencyRows("updatelatency", ({ facts }) => facts.statistics.updateLatency),
  ...latencyRows("readlatency", ({ facts }) => facts.statistics.readLatency),
];

/** ZooKeeper adds percentiles of a sample it keeps; the histograms of the member's own metrics take their place. */
function latencyRows(
  name: string,
  read: (gathered: Gathered) => LatencyStatistics,
): readonly (readonly [name: string, read: Read])[] {
  return [
    [`avg_${name}`, (gathered) => read(gathered).averageText],
    [`min_${name}`, (gathered) => read(gathered).min],
    [`max_${name}`, (gathered) => read(gathered).max],
    [`cnt_${name}`, (gathered) => read(gathered).count],
    [`sum_${name}`, (gathered) => read(gathered).sum],
  ];
}

/** The answer to `mntr`: a line `zk_name`, tab, value for each figure that means something here. */
export function monitorText(facts: WordFacts): string {
  const ensemble = facts.mode === "read-only" ? undefined : facts.ensemble();
  const gathered: Gathered = {
    facts,
    tree: facts.tree(),
    process: facts.process(),
    connections: facts.connections(),
    ensemble,
    leader: facts.mode === "leader" ? ensemble?.leader : undefined,
  };
  const lines = rows.map(([name, read]) => {
    const value = read(gathered);
    return value === undefined ? "" : `zk_${name}\t${value}\n`;
  });
  return lines.join("");
}

function peerStateOf({ mode }: WordFacts): string | undefined {
  return mode === "leader" || mode === "follower" || mode === "observer" ? peerStates[mode] : undefined;
}

function plainConnections(connections: readonly ConnectionFacts[], isLocal: boolean): number {
  return connections.filter(({ isSecure, remoteAddress }) => !isSecure && isLoopback(remoteAddress) === isLocal).length;
}
