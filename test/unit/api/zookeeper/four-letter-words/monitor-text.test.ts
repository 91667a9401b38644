import { describe, expect, test } from "vitest";
import { monitorText } from "../../../../../src/api/zookeeper/four-letter-words/monitor-text.ts";
import { sampleConnections, sampleEnsemble, sampleFacts } from "./sample-facts.ts";

const leaderText = `zk_version	3.8.0-muster-0.1.0, built on 02/03/2026 04:05 GMT
zk_server_state	leader
zk_peer_state	leading - broadcast
zk_ephemerals_count	3
zk_num_alive_connections	3
zk_avg_latency	4.2
zk_min_proposal_size	36
zk_outstanding_requests	0
zk_znode_count	12
zk_global_sessions	2
zk_non_mtls_remote_conn_count	1
zk_last_client_response_size	17
zk_packets_sent	6
zk_packets_received	6
zk_max_proposal_size	120
zk_max_client_response_size	29
zk_synced_followers	1
zk_watch_count	5
zk_synced_observers	1
zk_auth_failed_count	0
zk_min_latency	0
zk_max_file_descriptor_count	20000
zk_approximate_data_size	233
zk_open_file_descriptor_count	50
zk_last_proposal_size	36
zk_leader_uptime	38466
zk_local_sessions	0
zk_uptime	38624
zk_max_latency	13
zk_learners	2
zk_min_client_response_size	16
zk_non_mtls_local_conn_count	2
zk_quorum_size	2
zk_large_requests_rejected	0
zk_connection_rejected	0
zk_sessionless_connections_expired	0
zk_connection_drop_count	0
zk_bytes_received_count	154
zk_connection_request_count	0
zk_response_bytes	161
zk_avg_updatelatency	6.6667
zk_min_updatelatency	3
zk_max_updatelatency	13
zk_cnt_updatelatency	3
zk_sum_updatelatency	20
zk_avg_readlatency	0.5
zk_min_readlatency	0
zk_max_readlatency	1
zk_cnt_readlatency	2
zk_sum_readlatency	1
`;

/** The text without the lines of these names. */
function without(text: string, ...names: readonly string[]): string {
  const unwanted = new Set(names.map((name) => `zk_${name}`));
  return text
    .split("\n")
    .filter((line) => !unwanted.has(line.split("\t")[0] ?? ""))
    .join("\n");
}

const leadersOnly = [
  "min_proposal_size",
  "max_proposal_size",
  "last_proposal_size",
  "synced_followers",
  "synced_observers",
  "leader_uptime",
  "learners",
];

describe("mntr", () => {
  test("of a leader", () => {
    expect(monitorText(sampleFacts())).toBe(leaderText);
  });

  test("of a follower has no figures of a leader", () => {
    const text = without(leaderText, ...leadersOnly)
      .replace("zk_server_state\tleader", "zk_server_state\tfollower")
      .replace("leading", "following");
    expect(monitorText(sampleFacts({ mode: "follower", ensemble: () => sampleEnsemble(false) }))).toBe(text);
  });

  test("of an observer tells whom it follows", () => {
    const text = without(leaderText, ...leadersOnly)
      .replace("zk_server_state\tleader", "zk_server_state\tobserver")
      .replace("leading - broadcast", "observing - broadcast\nzk_observer_master_id\t3");
    expect(monitorText(sampleFacts({ mode: "observer", ensemble: () => sampleEnsemble(false) }))).toBe(text);
  });

  test.for(["standalone", "read-only"] as const)("of one that is %s has nothing of an ensemble", (mode) => {
    const text = without(leaderText, ...leadersOnly, "peer_state", "quorum_size");
    const ensemble = () => (mode === "standalone" ? undefined : sampleEnsemble(true));
    expect(monitorText(sampleFacts({ mode, ensemble }))).toBe(text.replace("\tleader\n", `\t${mode}\n`));
  });

  test("leaves out what the system does not tell", () => {
    const process = () => ({ uptimeMs: 38_624, openFiles: undefined, openFilesMax: undefined });
    expect(monitorText(sampleFacts({ process }))).toBe(
      without(leaderText, "max_file_descriptor_count", "open_file_descriptor_count"),
    );
  });

  test("tells connections without TLS from those with it", () => {
    const facts = sampleFacts();
    const connections = sampleConnections(facts.statistics).map((connection) => ({ ...connection, isSecure: true }));
    const text = monitorText(sampleFacts({ connections: () => connections }));
    expect(text).toContain("zk_non_mtls_remote_conn_count\t0\n");
    expect(text).toContain("zk_non_mtls_local_conn_count\t0\n");
  });

  test("tells what was counted at the door", () => {
    const facts = sampleFacts();
    Object.assign(facts.statistics, {
      authenticationFailures: 1,
      largeRequestsRejected: 2,
      connectionsRejected: 3,
      sessionlessExpired: 4,
      connectionsDropped: 5,
      sessionRequests: 6,
      outstanding: 7,
    });
    const text = monitorText(facts);
    for (const line of [
      "auth_failed_count\t1",
      "large_requests_rejected\t2",
      "connection_rejected\t3",
      "sessionless_connections_expired\t4",
      "connection_drop_count\t5",
      "connection_request_count\t6",
      "outstanding_requests\t7",
    ]) {
      expect(text).toContain(`\nzk_${line}\n`);
    }
  });
});
