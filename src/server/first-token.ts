import { closeSync, fchmodSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Coordination } from "../coordination/port.ts";
import { isLoopback } from "../core/base/listen-address.ts";
import { EVERYWHERE, verbs } from "../products/floor/rights.ts";
import { newToken, tokenIdOf } from "../products/floor/token.ts";
import type { TokenRecord } from "../products/floor/token-record.ts";
import type { TokenStore } from "../products/floor/token-store.ts";
import type { Log } from "./logging.ts";
import type { ServerOptions } from "./options.ts";

/** The file in the data directory with the ensemble's first token, readable by its owner alone. */
export const FIRST_TOKEN_FILE = "admin-token";
/** How often a member that does not serve yet is looked at, ms. */
const LOOK_MS = 250;

interface FirstTokenDependencies {
  readonly directory: string;
  readonly tokens: TokenStore;
  readonly coordination: Pick<Coordination, "status">;
  readonly log: Log;
}

/**
 * Whether a member's clients can come from other machines and are asked who they are: then somebody has to have a
 * token before anybody can make one.
 */
export function needsFirstToken({ grpcListen, tls, insecure, authFile }: ServerOptions): boolean {
  return tls !== null && !insecure && authFile === null && !isLoopback(grpcListen.host);
}

/**
 * Makes the ensemble's first token once it serves, if it never had one, and puts it into a file. The file is written
 * first: a token that nobody can read would be the only one for ever. Returns what gives up.
 */
export function provideFirstToken({ directory, tokens, coordination, log }: FirstTokenDependencies): () => void {
  const file = join(directory, FIRST_TOKEN_FILE);
  let made: { readonly text: string; readonly record: TokenRecord } | undefined;
  const finish = (): void => clearInterval(timer);
  const settle = (id: string): void => {
    finish();
    if (made === undefined) return;
    if (id === made.record.id) {
      log.warn({ file }, "the ensemble's first token is in this file: take it, and make others with it");
    } else if (writtenId(file) === made.record.id) {
      // Another member was faster.
      rmSync(file, { force: true });
    }
  };
  let isAsking = false;
  const offer = (): void => {
    made ??= make();
    try {
      write(file, made.text);
    } catch (error) {
      finish();
      log.error(
        { file, error: (error as Error).message },
        "the first token has no file to be in; make one on loopback",
      );
      return;
    }
    // Whatever came of it is seen at the next look.
    tokens.createFirst(made.record, () => {
      isAsking = false;
    });
  };
  const look = (): void => {
    if (isAsking || coordination.status().notReady.length > 0) return;
    isAsking = true;
    tokens.findFirst((id) => {
      if (id !== undefined) {
        settle(id);
        return;
      }
      // Somebody may have made tokens while the doors were on loopback.
      tokens.list(1, new Uint8Array(0), (page) => {
        if ("tokens" in page && page.tokens.length > 0) finish();
        else offer();
      });
    });
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return finish;
}

function make(): { readonly text: string; readonly record: TokenRecord } {
  const { id, text, sha256 } = newToken();
  const grants = [{ verbs, spaces: [EVERYWHERE] }];
  const about = { name: "admin", createdMs: Date.now(), createdBy: "first start", expiresMs: undefined };
  return { text, record: { id, sha256, grants, ...about } };
}

function write(file: string, text: string): void {
  const descriptor = openSync(file, "w", 0o600);
  try {
    // Of a file that was there with another mode, too, and before the secret is in it.
    fchmodSync(descriptor, 0o600);
    writeSync(descriptor, `${text}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writtenId(file: string): string | undefined {
  try {
    return tokenIdOf(readFileSync(file, "utf8").trim());
  } catch {
    return undefined;
  }
}
