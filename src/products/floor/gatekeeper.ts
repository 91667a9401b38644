import type { X509Certificate } from "node:crypto";
import type { Identity } from "../../core/tree/operation.ts";
import { certificateNames } from "./certificate-names.ts";
import type { FailureBackoff } from "./failure-backoff.ts";
import type { ListedPrincipals } from "./listed-principals.ts";
import { anonymous, type Principal } from "./principal.ts";
import { EVERYWHERE, type Grant, Rights } from "./rights.ts";
import { provesToken, tokenIdOf } from "./token.ts";
import type { TokenRecord } from "./token-record.ts";

/** Whoever asks at a door, as the door sees them. */
export interface Caller {
  readonly address: string;
  /** The authorization header as it came; undefined: none. */
  readonly authorization: string | undefined;
  /** Of the client, and verified by TLS. */
  readonly certificate: X509Certificate | undefined;
  /** The door takes callers who prove nothing. */
  readonly mayBeAnonymous: boolean;
}

/** Why nobody is let in. */
export interface Refusal {
  readonly reason: "UNAUTHENTICATED" | "TOO_MANY_FAILURES";
  /** What is wrong and what to do; nothing of the secret is in it. */
  readonly detail: string;
}

export type Admission = { readonly principal: Principal } | { readonly refusal: Refusal };

/** Where the tokens are that the tree keeps. */
export interface TokenSource {
  /** Calls back once, perhaps before it returns, with the record of this id. */
  find(id: string, done: (record: TokenRecord | undefined) => void): void;
}

export interface GatekeeperDependencies {
  readonly tokens: TokenSource;
  /** As of now. */
  readonly listed: () => ListedPrincipals;
  readonly backoff: FailureBackoff;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  readonly log: { warn(fields: object, message: string): void };
}

/** A client certificate that nobody listed may do what a ZooKeeper client with one always could. */
const UNLISTED_CERTIFICATE: readonly Grant[] = [{ verbs: ["read", "edit"], spaces: [EVERYWHERE] }];

const BEARER = /^Bearer +(\S+)$/i;

/** Finds out who asks: a token before a certificate before nobody. Every door has its callers looked at here. */
export class Gatekeeper {
  private readonly deps: GatekeeperDependencies;

  constructor(deps: GatekeeperDependencies) {
    this.deps = deps;
  }

  /** Calls back once, perhaps before it returns. */
  admit(caller: Caller, done: (admission: Admission) => void): void {
    if (caller.authorization === undefined) done(this.admitWithoutToken(caller));
    else this.withToken(caller, caller.authorization, done);
  }

  /** Whether whoever was let in by this token still would be; calls back once, perhaps before it returns. */
  isCurrent(tokenId: string, done: (isCurrent: boolean) => void): void {
    this.find(tokenId, (record) => done(record !== undefined && !this.isExpired(record)));
  }

  /** The same at once, for a door whose protocol has no place for a token. */
  admitWithoutToken({ certificate, mayBeAnonymous }: Pick<Caller, "certificate" | "mayBeAnonymous">): Admission {
    if (certificate !== undefined) return { principal: this.ofCertificate(certificate) };
    if (mayBeAnonymous) return { principal: anonymous };
    const detail = "send a token as `authorization: Bearer <token>`, or come with a client certificate";
    return { refusal: { reason: "UNAUTHENTICATED", detail } };
  }

  private withToken(caller: Caller, authorization: string, done: (admission: Admission) => void): void {
    const text = BEARER.exec(authorization)?.[1] ?? "";
    const id = tokenIdOf(text);
    if (id === undefined) {
      this.judge(caller, undefined, "the authorization is no Bearer token of Muster's", done);
      return;
    }
    this.find(id, (record) => {
      const isProved = record !== undefined && provesToken(text, record.sha256) && !this.isExpired(record);
      if (isProved) this.judge(caller, record, "", done);
      else this.judge(caller, undefined, "the token is wrong, revoked or expired", done, record?.id);
    });
  }

  /** Lets the owner of a record in, unless the same was tried in vain too often; counts what fails. */
  private judge(
    caller: Caller,
    record: TokenRecord | undefined,
    fault: string,
    done: (admission: Admission) => void,
    triedId = record?.id,
  ): void {
    const { backoff, log } = this.deps;
    // What is nobody's id has one key together: a stranger who invents them waits like any other.
    const key = `${caller.address} ${triedId ?? ""}`;
    const waitMs = backoff.waitMs(key);
    if (waitMs > 0) {
      const detail = `try again in ${Math.ceil(waitMs / 1000)} s`;
      done({ refusal: { reason: "TOO_MANY_FAILURES", detail } });
    } else if (record === undefined) {
      backoff.failed(key);
      log.warn({ client: caller.address, token: triedId ?? "unknown" }, `a caller is refused: ${fault}`);
      done({ refusal: { reason: "UNAUTHENTICATED", detail: fault } });
    } else {
      backoff.succeeded(key);
      done({ principal: this.ofToken(record, caller.certificate) });
    }
  }

  private find(id: string, done: (record: TokenRecord | undefined) => void): void {
    const listed = this.deps.listed().tokens.get(id);
    if (listed !== undefined) done(listed);
    else this.deps.tokens.find(id, done);
  }

  private isExpired({ expiresMs }: TokenRecord): boolean {
    return expiresMs !== undefined && this.deps.now() >= expiresMs;
  }

  private ofToken({ id, name, grants }: TokenRecord, certificate: X509Certificate | undefined): Principal {
    // A token is one more mechanism that proves a name, which is what ZooKeeper's sasl scheme stands for.
    const identities: Identity[] = [{ scheme: "sasl", id: name }];
    if (certificate !== undefined) identities.push(identityOf(certificateNames(certificate).subject));
    return { kind: "token", name, rights: new Rights(grants), identities, tokenId: id };
  }

  private ofCertificate(certificate: X509Certificate): Principal {
    const { subject, alternatives } = certificateNames(certificate);
    const { certificates } = this.deps.listed();
    const key = [subject, ...alternatives].find((each) => certificates.has(each));
    const listed = key === undefined ? undefined : certificates.get(key);
    return {
      kind: "certificate",
      name: listed?.name ?? subject,
      rights: new Rights(listed?.grants ?? UNLISTED_CERTIFICATE),
      identities: [identityOf(subject)],
      tokenId: undefined,
    };
  }
}

/** As ZooKeeper's X509AuthenticationProvider names who has a certificate. */
function identityOf(subject: string): Identity {
  return { scheme: "x509", id: subject };
}
