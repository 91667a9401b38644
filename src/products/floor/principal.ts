import type { Identity } from "../../core/tree/operation.ts";
import { Rights } from "./rights.ts";

/** Who asks, as a door found out once for a connection or a call (products.md 1). */
export interface Principal {
  readonly kind: "anonymous" | "token" | "certificate";
  /** For records and people; of a certificate nobody listed, its subject. */
  readonly name: string;
  readonly rights: Rights;
  /** What goes with each of its commands and is compared with ACLs, beside its address. */
  readonly identities: readonly Identity[];
  /** Of a token, its public id: by it an end of the token is noticed. */
  readonly tokenId: string | undefined;
}

/** Whoever reaches a door of loopback, or one that was opened with --insecure: nobody is asked for a name. */
export const anonymous: Principal = {
  kind: "anonymous",
  name: "anonymous",
  rights: Rights.all,
  identities: [],
  tokenId: undefined,
};
