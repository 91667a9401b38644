import { isGuarded, reachesGuarded } from "./guarded-path.ts";
import { isAllowed, permissions } from "./permission-table.ts";
import type { Principal } from "./principal.ts";

type Operation = Parameters<typeof reachesGuarded>[0];

/**
 * What a connection's principal may do on the tree, looked up once per operation. Whoever may do everything has none:
 * a door asks `warrantOf(...)?.`, and the hot path of the usual client has nothing to look up.
 */
export class Warrant {
  private readonly rights: Principal["rights"];
  private readonly reachesAll: boolean;

  constructor({ rights }: Principal) {
    this.rights = rights;
    this.reachesAll = rights.allows("admin");
  }

  /** Whether an operation of a session stream is allowed, by its name in the table. */
  allows(name: string): boolean {
    return isAllowed(permissions.session[name], this.rights);
  }

  /** The same for one that has paths; guarded ones need `admin` besides. */
  allowsOperation(operation: Operation): boolean {
    return this.allows(operation.kind) && this.mayReach(operation);
  }

  mayReach(operation: Operation): boolean {
    return this.reachesAll || !reachesGuarded(operation);
  }

  mayReachPath(path: string): boolean {
    return this.reachesAll || !isGuarded(path);
  }
}

/** Undefined: everything is allowed. */
export function warrantOf(principal: Principal): Warrant | undefined {
  return principal.rights.isUnlimited ? undefined : new Warrant(principal);
}
