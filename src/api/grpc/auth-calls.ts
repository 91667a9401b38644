import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { EVERYWHERE, type Grant } from "../../products/floor/rights.ts";
import { isTokenId, newToken } from "../../products/floor/token.ts";
import { nameProblem, spacesProblem, type TokenRecord, verbsProblem } from "../../products/floor/token-record.ts";
import { TOKENS_PAGE_MAX, type TokenStore } from "../../products/floor/token-store.ts";
import { answerInTime } from "./answer-in-time.ts";
import { decodeMessage } from "./decode-message.ts";
import {
  CreateTokenRequest,
  type CreateTokenResponse,
  type Grant as GrantMessage,
  ListTokensRequest,
  type ListTokensResponse,
  RevokeTokenRequest,
  type RevokeTokenResponse,
  type Token,
} from "./gen/muster/auth/v1/auth.ts";
import { checkServing } from "./history-check.ts";
import { DoorError, failureOf } from "./status.ts";
import type { UnaryDependencies } from "./unary-call.ts";
import { smallRequest, unaryHandler } from "./unary-handler.ts";

/** What of the tokens in the tree the door uses. */
export type TokenDesk = Pick<TokenStore, "create" | "list" | "revoke">;

/** Grants of one token at most. */
const GRANTS_MAX = 16;
/** Longest life of a token that has an end, ms: a hundred years. */
const TTL_MS_MAX = 100 * 365 * 86_400_000;

/** AuthService's methods. Requests come as bytes, so that a malformed one is refused like any other. */
export function authCalls(deps: UnaryDependencies, tokens: TokenDesk): UntypedServiceImplementation {
  return {
    createToken: unaryHandler<CreateTokenResponse>(deps, (call, callback) => {
      const request = decodeMessage(CreateTokenRequest, smallRequest(deps, call));
      const { text, id, sha256 } = newToken();
      const record: TokenRecord = { id, sha256, ...asked(request), createdBy: deps.principalOf(call).name };
      checkServing(deps.coordination.status());
      answerInTime(deps, call, callback, (end) =>
        tokens.create(record, (reason) => {
          if (reason === undefined) end({ response: { secret: text, token: tokenOf(record) } });
          else end({ failure: failureOf(reason) });
        }),
      );
    }),
    listTokens: unaryHandler<ListTokensResponse>(deps, (call, callback) => {
      const { pageSize, pageToken } = decodeMessage(ListTokensRequest, smallRequest(deps, call));
      const limit = pageSize === 0 ? TOKENS_PAGE_MAX : Math.min(pageSize, TOKENS_PAGE_MAX);
      checkServing(deps.coordination.status());
      answerInTime(deps, call, callback, (end) =>
        tokens.list(limit, pageToken, (outcome) => {
          if ("reason" in outcome) end({ failure: failureOf(outcome.reason) });
          else end({ response: { tokens: outcome.tokens.map(tokenOf), nextPageToken: outcome.cursor } });
        }),
      );
    }),
    revokeToken: unaryHandler<RevokeTokenResponse>(deps, (call, callback) => {
      const { id } = decodeMessage(RevokeTokenRequest, smallRequest(deps, call));
      if (!isTokenId(id)) throw new DoorError("INVALID_ARGUMENT", { detail: "id is not 16 hex digits" });
      checkServing(deps.coordination.status());
      answerInTime(deps, call, callback, (end) =>
        tokens.revoke(id, (reason) => {
          if (reason === undefined) end({ response: {} });
          else end({ failure: failureOf(reason) });
        }),
      );
    }),
  };
}

/** What was asked for, checked; the rest of a record is the door's to say. */
function asked({
  name,
  grants,
  ttlMs,
}: CreateTokenRequest): Pick<TokenRecord, "name" | "grants" | "createdMs" | "expiresMs"> {
  check("name", nameProblem(name));
  if (grants.length === 0 || grants.length > GRANTS_MAX) check("grants", `are not 1 to ${GRANTS_MAX}`);
  if (ttlMs > TTL_MS_MAX) check("ttl_ms", "is longer than a hundred years; write 0 for a token without an end");
  const createdMs = Date.now();
  const expiresMs = ttlMs === 0 ? undefined : createdMs + ttlMs;
  return { name, grants: grants.map(grantOf), createdMs, expiresMs };
}

function grantOf({ verbs, spaces }: GrantMessage): Grant {
  const over = spaces.length === 0 ? [EVERYWHERE] : [...spaces];
  check("verbs", verbsProblem(verbs));
  check("spaces", spacesProblem(over));
  return { verbs: verbs as Grant["verbs"], spaces: over };
}

function check(what: string, problem: string | undefined): void {
  if (problem !== undefined) throw new DoorError("INVALID_ARGUMENT", { detail: `${what} ${problem}` });
}

function tokenOf({ id, name, grants, createdMs, createdBy, expiresMs }: TokenRecord): Token {
  return {
    id,
    name,
    grants: grants.map(({ verbs, spaces }) => ({ verbs: [...verbs], spaces: [...spaces] })),
    createTimeMs: createdMs,
    createdBy,
    expireTimeMs: expiresMs ?? 0,
  };
}
