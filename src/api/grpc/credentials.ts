import { createHash } from "node:crypto";
import type { Identity } from "../../core/tree/operation.ts";
import type { Principal } from "../../products/floor/principal.ts";
import type { Credential } from "./gen/muster/coordination/v1/session.ts";
import { DoorError } from "./status.ts";

/** Most identities one client may prove. */
export const IDENTITIES_MAX = 16;

/** What the connection itself proves: the address it comes from. `world` is everyone's and never listed. */
function identityOfPeer(peer: string): Identity {
  return { scheme: "ip", id: addressOfPeer(peer) };
}

/** The address of grpc-js's `address:port`; an IPv4 address mapped into IPv6 is shown as IPv4, as ACLs name it. */
export function addressOfPeer(peer: string): string {
  const colon = peer.lastIndexOf(":");
  const address = colon < 0 ? peer : peer.slice(0, colon);
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}

/**
 * The identity a credential proves. `digest` is ZooKeeper's scheme, so that its ACLs mean the same here:
 * `user:base64(sha1(user:password))`. It is unsalted and belongs behind TLS.
 */
export function identityOfCredential(credential: Credential): Identity {
  const { scheme, secret } = credential;
  if (scheme !== "digest") throw new DoorError("UNSUPPORTED", { detail: "credential scheme", supported: "digest" });
  const colon = secret.indexOf(":");
  if (colon < 1) throw new DoorError("INVALID_ARGUMENT", { detail: "a digest credential is user:password" });
  const digest = createHash("sha1").update(secret, "utf8").digest("base64");
  return { scheme, id: `${secret.slice(0, colon)}:${digest}` };
}

/** All identities of a client that has just introduced itself, which its commands carry. */
export function identitiesOf(
  peer: string,
  principal: Principal,
  credentials: readonly Credential[],
): readonly Identity[] {
  let identities: readonly Identity[] = [identityOfPeer(peer), ...principal.identities];
  for (const credential of credentials) identities = withIdentity(identities, identityOfCredential(credential));
  return identities;
}

/** The list with one more, each once; a new list, as the port may hold the old one. At most {@link IDENTITIES_MAX}. */
export function withIdentity(identities: readonly Identity[], identity: Identity): readonly Identity[] {
  if (identities.some(({ scheme, id }) => scheme === identity.scheme && id === identity.id)) return identities;
  if (identities.length >= IDENTITIES_MAX) throw new DoorError("INVALID_ARGUMENT", { detail: "too many credentials" });
  return [...identities, identity];
}
