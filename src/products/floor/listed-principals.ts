import type { Grant } from "./rights.ts";
import type { TokenRecord } from "./token-record.ts";

/** A client certificate that somebody listed, by its subject or one of its alternative names. */
export interface ListedCertificate {
  readonly name: string;
  readonly grants: readonly Grant[];
}

/** Who is known without the tree: from a file, read again on demand. Immutable. */
export interface ListedPrincipals {
  /** By the public id. */
  readonly tokens: ReadonlyMap<string, TokenRecord>;
  /** By the subject, `CN=ops,O=Example`, or an alternative name, `URI:spiffe://example/ops`. */
  readonly certificates: ReadonlyMap<string, ListedCertificate>;
}

export const nobodyListed: ListedPrincipals = { tokens: new Map(), certificates: new Map() };
