import type { Coordination } from "../../coordination/port.ts";
import type { Reason } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import {
  ANY_VERSION,
  type CreateOperation,
  createMode,
  type Identity,
  type WriteOperation,
} from "../../core/tree/operation.ts";
import { askOnce, ONLY_NUMBER } from "./ask-once.ts";
import type { TokenSource } from "./gatekeeper.ts";
import { AUTH_PATH } from "./guarded-path.ts";
import { decodeTokenRecord, encodeTokenRecord, type TokenRecord } from "./token-record.ts";

const TOKENS_PATH = `${AUTH_PATH}/tokens`;
/** There once it was decided who makes the ensemble's first token: its data is that token's id. */
const FIRST_TOKEN_PATH = `${AUTH_PATH}/first-token`;
/** Tokens of one page at most. */
export const TOKENS_PAGE_MAX = 500;

/** Whatever the ACLs above say, the floor reaches its own znodes. */
const SELF: readonly Identity[] = [{ scheme: "super", id: "" }];
const NOTHING = new Uint8Array(0);

export interface TokenPage {
  readonly tokens: readonly TokenRecord[];
  /** Of the page that follows; empty after the last. */
  readonly cursor: Uint8Array;
}

/** One page, or why there is none. */
export type TokenPageOutcome = TokenPage | { readonly reason: Reason };
/** Undefined: it is done. */
type Done = (reason: Reason | undefined) => void;

/**
 * The tokens in the tree, a znode each: made once, never changed, and deleted to revoke them. Every member finds them
 * in its own tree, so that an admission waits for nobody. The function that a request returns gives it up.
 */
export class TokenStore implements TokenSource {
  private readonly coordination: Pick<Coordination, "connect">;

  constructor(coordination: Pick<Coordination, "connect">) {
    this.coordination = coordination;
  }

  find(id: string, done: (record: TokenRecord | undefined) => void): void {
    this.read({ kind: "get", path: pathOf(id) }, (outcome) => {
      done("answer" in outcome ? decodeTokenRecord(id, outcome.answer.data) : undefined);
    });
  }

  /** One page of those that can be read, oldest first. */
  list(limit: number, cursor: Uint8Array, done: (outcome: TokenPageOutcome) => void): () => void {
    return this.read({ kind: "list", path: TOKENS_PATH, limit, cursor }, (outcome) => {
      if (!("answer" in outcome)) {
        // Nobody has made a token yet.
        done(outcome.reason === "NODE_NOT_FOUND" ? { tokens: [], cursor: NOTHING } : outcome);
        return;
      }
      const { names } = outcome.answer;
      const next = Uint8Array.from(outcome.answer.cursor);
      const operations = names.map((name) => ({ kind: "get" as const, path: pathOf(name) }));
      if (operations.length === 0) {
        done({ tokens: [], cursor: next });
        return;
      }
      const ids = [...names];
      this.read({ kind: "multi-read", operations }, (read) => {
        done("answer" in read ? { tokens: recordsIn(ids, read.answer.parts), cursor: next } : read);
      });
    });
  }

  create(record: TokenRecord, done: Done): () => void {
    return this.write({ kind: "multi", operations: [...parents(), znodeOf(record)] }, done);
  }

  /** Creates it if the ensemble never had a first token; NODE_EXISTS: it had. */
  createFirst(record: TokenRecord, done: Done): () => void {
    const mark = create(FIRST_TOKEN_PATH, Buffer.from(record.id, "utf8"), false);
    return this.write({ kind: "multi", operations: [...parents(), mark, znodeOf(record)] }, done);
  }

  /** The id of the ensemble's first token, which may be revoked by now; undefined: it never had one. */
  findFirst(done: (id: string | undefined) => void): void {
    this.read({ kind: "get", path: FIRST_TOKEN_PATH }, (outcome) => {
      done("answer" in outcome ? Buffer.from(outcome.answer.data).toString("utf8") : undefined);
    });
  }

  /** TOKEN_UNKNOWN: there was none. */
  revoke(id: string, done: Done): () => void {
    return this.write({ kind: "delete", path: pathOf(id), version: ANY_VERSION }, (reason) => {
      done(reason === "NODE_NOT_FOUND" ? "TOKEN_UNKNOWN" : reason);
    });
  }

  private read(
    operation: Parameters<ReturnType<Coordination["connect"]>["read"]>[1],
    done: Parameters<typeof askOnce>[3],
  ): () => void {
    const options = { minZxid: 0, linearizable: false };
    return askOnce(this.coordination, SELF, (connection) => connection.read(ONLY_NUMBER, operation, options), done);
  }

  private write(operation: WriteOperation, done: Done): () => void {
    return askOnce(
      this.coordination,
      SELF,
      (connection) => connection.submit(ONLY_NUMBER, ONLY_NUMBER, operation),
      (outcome) => done("answer" in outcome ? undefined : outcome.reason),
    );
  }
}

function pathOf(id: string): string {
  return `${TOKENS_PATH}/${id}`;
}

function parents(): CreateOperation[] {
  return ["/muster", AUTH_PATH, TOKENS_PATH].map((path) => create(path, NOTHING, true));
}

function znodeOf(record: TokenRecord): CreateOperation {
  return create(pathOf(record.id), encodeTokenRecord(record), false);
}

function create(path: string, data: Uint8Array, ifAbsent: boolean): CreateOperation {
  return { kind: "create", path, data, mode: createMode.PERSISTENT, ifAbsent };
}

/** Those that are still there and are tokens. */
function recordsIn(ids: readonly string[], parts: readonly Answer[]): TokenRecord[] {
  return ids.flatMap((id, index) => {
    const part = parts[index];
    const record = part === undefined || part.code !== 0 ? undefined : decodeTokenRecord(id, part.data);
    return record === undefined ? [] : [record];
  });
}
