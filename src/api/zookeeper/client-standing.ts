import type { Identity } from "../../core/tree/operation.ts";
import { isAllowed, permissions, type Rule } from "../../products/floor/permission-table.ts";
import type { Principal } from "../../products/floor/principal.ts";
import { Rights } from "../../products/floor/rights.ts";
import { type Warrant, warrantOf } from "../../products/floor/warrant.ts";
import type { Word } from "./four-letter-words/words.ts";
import { opCode } from "./op-code.ts";

/** A request for what its client has no right to: it is answered, not handed on. */
export class ForbiddenError extends Error {
  override readonly name = "ForbiddenError";
}

const rules: ReadonlyMap<number, Rule | undefined> = new Map(
  Object.entries(opCode).map(([name, code]) => [code, permissions.zookeeper[name]]),
);

/** Who a client of the ZooKeeper door is by now: as whom it came, and what it has proved since. */
export class ClientStanding {
  /** What its commands carry. */
  identities: readonly Identity[];
  private rights: Rights;
  /** Undefined: everything is allowed, and nothing has to be looked up. */
  private warrant: Warrant | undefined;

  constructor(address: string, principal: Principal) {
    this.identities = [{ scheme: "ip", id: address }, ...principal.identities];
    this.rights = principal.rights;
    this.warrant = warrantOf(principal);
  }

  /** Who has proved to be super may do everything, as ever. */
  become(identities: readonly Identity[]): void {
    this.identities = identities;
    if (!identities.some(({ scheme }) => scheme === "super")) return;
    this.rights = Rights.all;
    this.warrant = undefined;
  }

  allowsOperation(operation: number): boolean {
    return this.warrant === undefined || isAllowed(rules.get(operation), this.rights);
  }

  allowsWord(word: Word): boolean {
    return isAllowed(permissions.words[word], this.rights);
  }

  /** Throws ForbiddenError for what reads or changes a guarded path. */
  checkReach(operation: Parameters<Warrant["mayReach"]>[0]): void {
    if (this.warrant?.mayReach(operation) === false) throw new ForbiddenError("the operation reaches a guarded path");
  }

  checkPath(path: string): void {
    if (this.warrant?.mayReachPath(path) === false) throw new ForbiddenError("the path is guarded");
  }
}
