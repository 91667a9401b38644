import { EnsembleAdmin, type EnsembleChanged } from "@muster/client";
import { MEMBER_ID_MAX } from "../core/base/limits.ts";
import { parseInteger, ValueError } from "../server/options-values.ts";
import { usageError } from "./cli-error.ts";
import { type ClientFlags, callOptions, explainClientError } from "./client.ts";
import { type CliIo, write } from "./io.ts";
import { formatJson } from "./output.ts";
import { hex } from "./znode-text.ts";

/** Asks the ensemble itself; errors become what the user reads. */
export async function withEnsemble<T>(
  io: CliIo,
  flags: ClientFlags,
  use: (ensemble: EnsembleAdmin) => Promise<T>,
): Promise<T> {
  const options = callOptions(flags, io);
  const ensemble = new EnsembleAdmin(options);
  return use(ensemble).catch((error: unknown) => Promise.reject(explainClientError(error, options)));
}

/** Makes a change and says so: for people in `words`, for programs with what `asked` names. */
export async function change(
  io: CliIo,
  flags: ClientFlags,
  told: { readonly words: string; readonly asked: Readonly<Record<string, unknown>> },
  make: (ensemble: EnsembleAdmin) => Promise<EnsembleChanged>,
): Promise<void> {
  const { zxid } = await withEnsemble(io, flags, make);
  const json = formatJson({ ...told.asked, configurationZxid: hex(zxid) });
  await write(io.stdout, flags.output === "json" ? json : `${told.words}\n`);
}

/** Reads the ID of a command's argument. */
export function parseMemberId(text: string): number {
  return parseWhole("ID", 1, MEMBER_ID_MAX)(text);
}

/** Reads a whole number of `what`, an argument or an option. */
export function parseWhole(what: string, min: number, max: number): (text: string) => number {
  return (text) => {
    try {
      return parseInteger(text, min, max);
    } catch (error) {
      if (error instanceof ValueError) throw usageError(`${what}: ${JSON.stringify(text)} ${error.message}`);
      throw error;
    }
  };
}
