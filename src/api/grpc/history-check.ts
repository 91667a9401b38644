import type { Status } from "../../coordination/port.ts";
import { epochOf } from "../../core/base/zxid.ts";
import { DoorError } from "./status.ts";

/** Refuses a client that knows another ensemble, or an epoch not reached here: an error, not a wait (core.md 15). */
export function checkHistory(status: Status, ensembleId: string, minZxid: number): void {
  if (ensembleId !== "" && ensembleId !== status.ensembleId) {
    throw new DoorError("WRONG_ENSEMBLE", { ensemble_id: status.ensembleId });
  }
  if (epochOf(minZxid) > status.epoch) throw new DoorError("WRONG_ENSEMBLE", { epoch: `${status.epoch}` });
}

/** Refuses what a member that has not started, or has stopped, cannot take; an election is not among it. */
export function checkServing(status: Status): void {
  if (status.role === "stopped") throw new DoorError("STOPPING");
  if (status.role === "starting") throw new DoorError("NOT_READY", { not_ready: status.notReady.join("; ") });
}
