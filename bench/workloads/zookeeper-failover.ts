import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { auditDetails, auditEnsemble, must, stateFindings } from "../harness/audit.ts";
import type { BenchRun } from "../harness/bench-run.ts";
import { median } from "../harness/median.ts";
import { PeerEnsemble } from "../harness/peer-ensemble.ts";
import type { Finding, Workload, WorkloadResult } from "./workload.ts";

const run = promisify(execFile);
/** Of the longest stretch without an acknowledged write. */
const ASKED_MEDIAN_MS = 300;
/** Debian's Python, which has Debian's kazoo; another one that comes first in the path may not. */
const PYTHON = "/usr/bin/python3";
/** A script that has not ended by then is given up, ms. */
const SCRIPT_TIMEOUT_MS = 60_000;

interface Round {
  /** Longest stretch without a write that any client had acknowledged, ms. */
  readonly silenceMs: number;
  /** Acknowledged from just before the kill to the end; few of them would mean that the clients hardly wrote. */
  readonly writes: number;
}

/** How long stock clients' writes stop when the leader is killed; they know nothing of Muster. */
export const zookeeperFailover: Workload = {
  name: "zookeeper-failover",
  about: "the leader killed: the longest time without a write, seen by stock clients (--failover-script)",
  defaults: { seconds: 0, clients: 3, outstanding: 1, nodes: 1, bytes: 1, members: 3, rounds: 10 },
  run: runFailover,
};

async function runFailover(bench: BenchRun): Promise<WorkloadResult> {
  const { failoverScript: script, peer: chosen, rounds } = bench.options;
  if (script === undefined) throw new Error("--failover-script is not given");
  if (chosen !== undefined && chosen.kind !== "zookeeper") throw new Error("--peer can only be zookeeper here");
  const theirs =
    chosen === undefined ? [] : await ofPeer(await PeerEnsemble.start(chosen, bench.folder), script, rounds);
  await bench.startMembers({ zookeeper: true });
  const { ensemble } = bench;
  const hosts = ensemble.places.map(({ zookeeper }) => zookeeper);
  const ours: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    const leader = await ensemble.agreed();
    ours.push(await measure("muster", round, script, hosts, ensemble.member(leader).pid));
    // The script killed it: this takes note of that.
    await ensemble.killMember(leader);
    await ensemble.startMember(leader);
  }
  const audit = await auditEnsemble(ensemble, []);
  return {
    findings: [
      ...findings("", ours, { asked: { atMost: ASKED_MEDIAN_MS } }),
      must("rounds without a figure", ours.filter(({ silenceMs }) => Number.isNaN(silenceMs)).length),
      ...(theirs.length === 0 ? [] : findings("zookeeper: ", theirs, {})),
      ...stateFindings(audit),
    ],
    details: { ours, theirs, audit: auditDetails(audit) },
  };
}

/** Before Muster's, not at the same time: three idle JVMs would take their part of the cores. */
async function ofPeer(peer: PeerEnsemble, script: string, rounds: number): Promise<Round[]> {
  const measured: Round[] = [];
  try {
    for (let round = 1; round <= rounds; round++) {
      const id = peer.endpoints.indexOf(await peer.waitForLeader()) + 1;
      const pids = await peer.pids();
      measured.push(await measure("zookeeper", round, script, peer.endpoints, pids[id - 1] as number));
      await peer.startMember(id);
    }
  } finally {
    await peer.stop();
  }
  return measured;
}

async function measure(
  side: string,
  round: number,
  script: string,
  hosts: readonly string[],
  leader: number,
): Promise<Round> {
  const [program, ...args] = script.endsWith(".py") ? [PYTHON, script] : [script];
  const command = [...args, hosts.join(","), `kill -9 ${leader}`];
  const { stdout } = await run(program as string, command, { timeout: SCRIPT_TIMEOUT_MS });
  const match = /resumed after (\S+) ms; (\d+) writes/.exec(stdout);
  if (match === null) throw new Error(`${script} did not say how long writes stopped: ${stdout}`);
  const measured = { silenceMs: Number(match[1]), writes: Number(match[2]) };
  console.log(`${side} ${round}: ${measured.silenceMs} ms without a write, ${measured.writes} writes in all`);
  return measured;
}

function findings(of: string, rounds: readonly Round[], asked: Pick<Finding, "asked">): Finding[] {
  const silences = rounds.map(({ silenceMs }) => silenceMs);
  return [
    { name: `${of}without a write, median of ${rounds.length}`, value: median(silences), unit: "ms", ...asked },
    { name: `${of}without a write, worst`, value: Math.max(...silences), unit: "ms" },
    { name: `${of}writes in a round, median`, value: median(rounds.map(({ writes }) => writes)), unit: "" },
  ];
}
