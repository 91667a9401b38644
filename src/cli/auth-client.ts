import { AuthAdmin } from "@muster/client";
import { type ClientFlags, callOptions, explainClientError } from "./client.ts";
import type { CliIo } from "./io.ts";

/** Asks for tokens; errors become what the user reads. */
export async function withTokens<T>(io: CliIo, flags: ClientFlags, use: (admin: AuthAdmin) => Promise<T>): Promise<T> {
  const options = callOptions(flags, io);
  return use(new AuthAdmin(options)).catch((error: unknown) => Promise.reject(explainClientError(error, options)));
}
