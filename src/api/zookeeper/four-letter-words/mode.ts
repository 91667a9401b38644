import type { MemberRole } from "../../../coordination/port.ts";

/** What a member is for its clients, in ZooKeeper's words. */
export type Mode = "leader" | "follower" | "observer" | "standalone" | "read-only";

export interface Standing {
  readonly role: MemberRole;
  /** It is the only member of its ensemble. */
  readonly isAlone: boolean;
  /** While nobody leads, it answers reads of clients that agreed to that. */
  readonly servesReadOnly: boolean;
}

/** Undefined: it serves nobody now. */
export function modeOf({ role, isAlone, servesReadOnly }: Standing): Mode | undefined {
  switch (role) {
    case "leader":
      return isAlone ? "standalone" : "leader";
    case "follower":
    case "observer":
      return role;
    case "looking":
      return servesReadOnly ? "read-only" : undefined;
    case "starting":
    case "stopped":
      return undefined;
  }
}
