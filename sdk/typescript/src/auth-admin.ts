import { callChange, callRead, type EnsembleOptions } from "./ensemble-call.ts";
import { AuthServiceService, type Token } from "./gen/muster/auth/v1/auth.ts";

/** What a token may be good for; none implies another. */
export type Verb = "read" | "edit" | "publish" | "rollout" | "operate" | "break" | "reveal" | "admin";

/** Verbs over spaces. */
export interface TokenGrant {
  readonly verbs: readonly Verb[];
  /** Names of spaces; all of them, and what is in none, by default. */
  readonly spaces?: readonly string[] | undefined;
}

/** A token to be made. */
export interface NewToken {
  /** Whose it will be: at most 64 letters, digits, dots, dashes and underscores. */
  readonly name: string;
  readonly grants: readonly TokenGrant[];
  /** How long it is good for, ms; for ever by default. */
  readonly ttlMs?: number | undefined;
}

/** What is known of a token. */
export interface TokenInfo {
  /** Public: by it the token is revoked. */
  readonly id: string;
  readonly name: string;
  readonly grants: readonly { readonly verbs: readonly string[]; readonly spaces: readonly string[] }[];
  /** ms since 1970. */
  readonly createdMs: number;
  /** The principal that made it. */
  readonly createdBy: string;
  /** ms since 1970; undefined: it has no end. */
  readonly expiresMs: number | undefined;
}

/** A token that was just made. */
export interface CreatedToken extends TokenInfo {
  /** The token itself; nobody can ask for it again. */
  readonly secret: string;
}

/** The tokens that the ensemble keeps, for whoever has the verb `admin`. Any member takes any call. */
export class AuthAdmin {
  readonly #options: EnsembleOptions;

  constructor(options: EnsembleOptions) {
    this.#options = options;
  }

  /** OUTCOME_UNKNOWN: there may be one whose text nobody has; revoke what the list has of that name. */
  async createToken({ name, grants, ttlMs }: NewToken): Promise<CreatedToken> {
    const wireGrants = grants.map(({ verbs, spaces = [] }) => ({ verbs: [...verbs], spaces: [...spaces] }));
    const request = { name, grants: wireGrants, ttlMs: ttlMs ?? 0 };
    const { secret, token } = await callChange(this.#options, AuthServiceService.createToken, request);
    return { ...infoOf(token as Token), secret };
  }

  /** All of them, oldest first. */
  async listTokens(): Promise<TokenInfo[]> {
    const all: TokenInfo[] = [];
    let pageToken: Uint8Array = new Uint8Array(0);
    do {
      const page = await callRead(this.#options, AuthServiceService.listTokens, { pageSize: 0, pageToken });
      all.push(...page.tokens.map(infoOf));
      pageToken = page.nextPageToken;
    } while (pageToken.length > 0);
    return all;
  }

  /** TOKEN_UNKNOWN: there is none of this id. Streams opened by it end within seconds. */
  async revokeToken(id: string): Promise<void> {
    await callChange(this.#options, AuthServiceService.revokeToken, { id });
  }
}

function infoOf({ id, name, grants, createTimeMs, createdBy, expireTimeMs }: Token): TokenInfo {
  const expiresMs = expireTimeMs === 0 ? undefined : expireTimeMs;
  return { id, name, grants, createdMs: createTimeMs, createdBy, expiresMs };
}
