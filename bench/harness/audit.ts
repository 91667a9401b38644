import { connect } from "@muster/client";
import type { Finding } from "../workloads/workload.ts";
import { closeClients, forEachOf } from "./clients.ts";
import type { Ensemble, VerifiedMember } from "./ensemble.ts";

/** Reads under way while the versions are added up. */
const READS_UNDER_WAY = 500;

export interface Writes {
  /** Sets that were answered as done. */
  readonly acknowledged: number;
  /** Sets that may or may not have been done. */
  readonly unknown: number;
}

export interface Audit {
  /** The last zxid, the same on every member that runs. */
  readonly zxid: number;
  /** By member: all versions added up, which is how many sets were applied. */
  readonly setsApplied: ReadonlyMap<number, number>;
  readonly verified: readonly VerifiedMember[];
}

/**
 * Looks whether the members hold what was answered, when nobody writes any more: the same last zxid; each set
 * acknowledged applied once (versions begin at 0 and count sets); then, with all of them ended by SIGKILL, the same
 * digest by `muster verify`. The members are down afterwards.
 */
export async function auditEnsemble(ensemble: Ensemble, paths: readonly string[]): Promise<Audit> {
  const zxid = await ensemble.settled();
  const setsApplied = new Map<number, number>();
  for (const id of ensemble.runningIds) setsApplied.set(id, await addVersionsUp(ensemble.place(id).grpc, paths));
  // The auditors' own sessions have ended since: a member may be killed before it has heard of the last.
  await ensemble.settled();
  return { zxid, setsApplied, verified: await ensemble.verifyStopped() };
}

/** What is to be true of an ensemble after a load, whatever was done to it. */
export function auditFindings(audit: Audit, { acknowledged, unknown }: Writes): Finding[] {
  const counts = [...audit.setsApplied.values()];
  const wrong = counts.filter((count) => count < acknowledged || count > acknowledged + unknown);
  return [
    { name: "sets acknowledged", value: acknowledged, unit: "" },
    { name: "sets of unknown outcome", value: unknown, unit: "" },
    { name: "sets applied, fewest", value: Math.min(...counts), unit: "", asked: { atLeast: acknowledged } },
    { name: "sets applied, most", value: Math.max(...counts), unit: "", asked: { atMost: acknowledged + unknown } },
    must("members that lost or doubled a set", wrong.length),
    ...stateFindings(audit),
  ];
}

/** The same state on every member's disk. */
export function stateFindings({ verified }: Audit): Finding[] {
  const states = new Set(verified.map(({ zxid, digest }) => `${zxid} ${digest}`));
  if (states.size > 1) console.log(`the members ended at ${[...states].join(", ")}`);
  return [
    must("members whose files are not in order", verified.filter(({ ok }) => !ok).length),
    must("further last zxids and digests", states.size - 1),
  ];
}

/** For the results kept. */
export function auditDetails({ zxid, setsApplied, verified }: Audit): unknown {
  return { zxid, setsApplied: Object.fromEntries(setsApplied), verified };
}

/** A figure that must be 0, or the run fails. */
export function must(name: string, value: number): Finding {
  return { name, value, unit: "", asked: { exactly: 0 } };
}

async function addVersionsUp(endpoint: string, paths: readonly string[]): Promise<number> {
  const client = await connect({ endpoints: [endpoint] });
  let sum = 0;
  try {
    await forEachOf(paths.length, READS_UNDER_WAY, async (index) => {
      const path = paths[index] as string;
      const stat = await client.znodes.exists(path);
      if (stat === undefined) throw new Error(`${path} is gone from ${endpoint}`);
      sum += stat.version;
    });
    if (client.endpoint !== endpoint) throw new Error(`the auditor of ${endpoint} was moved to ${client.endpoint}`);
  } finally {
    await closeClients([client]);
  }
  return sum;
}
