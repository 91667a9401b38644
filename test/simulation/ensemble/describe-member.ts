import { formatZxid } from "../../../src/core/base/zxid.ts";
import type { SimulatedMember } from "../simulated-member.ts";

/** Where a member stands, for people. */
export function describeMember(id: number, process: SimulatedMember | undefined): string {
  if (process === undefined) return `  ${id}: down`;
  const { zab, member, isPaused, zxid } = process;
  const log = `log to ${formatZxid(zab.lastZxid)}, committed ${formatZxid(zab.commitZxid)}, at ${formatZxid(zxid)}`;
  return `  ${id}: ${isPaused ? "paused " : ""}${member.role}, leader ${zab.leaderId}, epoch ${zab.epoch}, ${log}`;
}
