import type { Coordination } from "../coordination/port.ts";
import { isLoopback } from "../core/base/listen-address.ts";
import { FailureBackoff } from "../products/floor/failure-backoff.ts";
import { Gatekeeper } from "../products/floor/gatekeeper.ts";
import { nobodyListed } from "../products/floor/listed-principals.ts";
import { TokenStore } from "../products/floor/token-store.ts";
import { readAuthFile } from "./auth-file.ts";
import type { ServerOptions } from "./options.ts";

/** Who is let in at this member's doors. */
export interface Identities {
  readonly gatekeeper: Gatekeeper;
  readonly tokens: TokenStore;
  /** Reads the file of principals again; what cannot be read leaves things as they are. */
  reload(): void;
}

/** What of a log is needed here. */
export type IdentityLog = Record<"info" | "warn" | "error", (fields: object, message: string) => void>;

/** Throws AuthFileError for a file that cannot be used. */
export function openIdentities(
  { authFile }: Pick<ServerOptions, "authFile">,
  coordination: Pick<Coordination, "connect">,
  log: IdentityLog,
): Identities {
  let listed = authFile === null ? nobodyListed : readAuthFile(authFile);
  const tokens = new TokenStore(coordination);
  const backoff = new FailureBackoff(() => performance.now());
  const gatekeeper = new Gatekeeper({ tokens, listed: () => listed, backoff, now: Date.now, log });
  const reload = (): void => {
    if (authFile === null) return;
    try {
      listed = readAuthFile(authFile);
      log.info(
        { tokens: listed.tokens.size, certificates: listed.certificates.size },
        "the principals were read again",
      );
    } catch (error) {
      log.error({ error: (error as Error).message }, "the principals stay as they were");
    }
  };
  return { gatekeeper, tokens, reload };
}

/** Whether a door at this host takes callers who prove nothing (ARCHITECTURE, decision 15). */
export function mayBeAnonymous(host: string, options: Pick<ServerOptions, "insecure" | "authRequired">): boolean {
  return !options.authRequired && (options.insecure || isLoopback(host));
}
