import type { Command } from "commander";
import { type DevEnsemble, resolveDevEnsemble } from "../server/dev-ensemble.ts";
import { OptionsError, type OptionsInput, type ResolvedOptions, resolveOptions } from "../server/options.ts";
import { type OptionRow, optionRows } from "../server/options-schema.ts";
import { usageError } from "./cli-error.ts";
import type { CliIo } from "./io.ts";

/** Adds every option of a member to a command, from the one table. Values stay text: the schema checks them. */
export function addMemberOptions(command: Command): Command {
  command.option("--config <file>", "A muster.yaml with options by their names here, without dashes. [MUSTER_CONFIG]");
  for (const row of optionRows) command.option(flagText(row), helpText(row));
  return command.addHelpText(
    "after",
    "\nA flag wins over its variable, a variable over the file, the file over the default.",
  );
}

function flagText(row: OptionRow): string {
  return row.placeholder === undefined ? `--${row.flag}` : `--${row.flag} <${row.placeholder}>`;
}

function helpText(row: OptionRow): string {
  return `${row.text} (default: ${row.fallback}) [${row.variable}]`;
}

/** Resolves the options of `server`; mistakes end the command with one line each. */
export function memberOptions(flags: Record<string, unknown>, io: CliIo): ResolvedOptions {
  return explained(() => resolveOptions(input("server", flags, io)));
}

/** The same for `dev`, of all its members. */
export function devOptions(flags: Record<string, unknown>, members: number, io: CliIo): DevEnsemble {
  return explained(() => resolveDevEnsemble(input("dev", flags, io), members));
}

function input(command: "server" | "dev", flags: Record<string, unknown>, io: CliIo): OptionsInput {
  return { command, flags, env: io.env, cwd: io.cwd, terminal: io.stderrIsTerminal };
}

function explained<T>(resolve: () => T): T {
  try {
    return resolve();
  } catch (error) {
    if (error instanceof OptionsError) throw usageError(error.message);
    throw error;
  }
}
