import type { EnsembleRig } from "./ensemble-rig.ts";
import { type Checked, type CheckOptions, checkHistory } from "./history-check.ts";
import { commonLog, compareDisks } from "./members-log.ts";
import type { Workload } from "./workload.ts";

/**
 * Ends the load and the members, and judges everything: what the clients saw by the log the members agree on, and what
 * each member has on disk by the naive model. All members must be running and reach each other.
 */
export async function judge(
  rig: EnsembleRig,
  load: Workload,
  options: Omit<CheckOptions, "endZxid"> = {},
): Promise<Checked> {
  await load.finish();
  await load.close();
  const endZxid = await rig.converged();
  await rig.stopAll();
  if (load.recorder.expired.length > 0) throw new Error(`expired: ${load.recorder.expired.join(", ")}`);
  const history = commonLog(rig.members, endZxid);
  const checked = checkHistory(history, load.recorder, { ...options, endZxid: load.endZxid });
  compareDisks(rig.members, history);
  return checked;
}
