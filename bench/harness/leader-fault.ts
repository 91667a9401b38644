import type { Fault } from "./bench-options.ts";
import type { Ensemble } from "./ensemble.ts";

/** Does it to a member at once; resolves when the process is gone, or stands still. */
export async function faultLeader(ensemble: Ensemble, id: number, fault: Fault): Promise<void> {
  if (fault === "kill") await ensemble.killMember(id);
  else if (fault === "stop") await ensemble.stopMember(id);
  else ensemble.member(id).signal("SIGSTOP");
}

/** Undoes it; resolves when the member serves again, and all agree on a leader. */
export async function restoreMember(ensemble: Ensemble, id: number, fault: Fault): Promise<void> {
  if (fault === "pause") ensemble.member(id).signal("SIGCONT");
  else await ensemble.startMember(id);
  await ensemble.agreed();
}
