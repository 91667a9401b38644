import { writeFileSync } from "node:fs";
import path from "node:path";
import { formatZxid } from "../../src/core/base/zxid.ts";
import { BatchReader } from "../../src/core/tree/batch.ts";
import { Command, decodeCommand } from "../../src/core/tree/command.ts";
import type { JournalHistory } from "../simulation/journal-history.ts";
import type { EnsembleRig } from "./ensemble-rig.ts";
import { type Checked, type CheckOptions, checkHistory } from "./history-check.ts";
import { commonLog, compareDisks } from "./members-log.ts";
import type { Recorder } from "./recorder.ts";
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
  try {
    const { checked, replay } = checkHistory(history, load.recorder, { ...options, endZxid: load.endZxid });
    compareDisks(rig.members, replay);
    return checked;
  } catch (error) {
    writeFileSync(path.join(rig.logFolder, "clients.ndjson"), clientLines(load.recorder));
    writeFileSync(path.join(rig.logFolder, "log.ndjson"), logLines(history));
    throw error;
  }
}

/** What clients did and were told, a line each, for whoever looks into a violation. */
function clientLines(recorder: Recorder): string {
  return recorder.operations
    .map(({ write, read, sessionId, zxid, ...rest }) => {
      const path = write === undefined || write.kind === "multi" ? (write?.kind ?? read?.kind) : write.path;
      return `${JSON.stringify({ session: formatZxid(sessionId), zxid: formatZxid(zxid), what: path, ...rest })}\n`;
    })
    .join("");
}

/** The log, a line for each command of a client. */
function logLines(history: JournalHistory): string {
  const reader = new BatchReader();
  const command = new Command();
  const lines: string[] = [];
  for (const { body } of history.batches) {
    const { firstZxid, count } = reader.open(body);
    for (let index = 0; index < count; index++) {
      decodeCommand(reader.next(), command);
      const { type, sessionId, generation, number, answeredBelow } = command;
      const [zxid, session] = [firstZxid + index, sessionId].map(formatZxid);
      lines.push(`${JSON.stringify({ zxid, type, session, generation, number, answeredBelow, index, count })}\n`);
    }
  }
  return lines.join("");
}
