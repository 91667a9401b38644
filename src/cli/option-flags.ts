import type { Command } from "commander";
import { OptionsError, type ResolvedOptions, resolveOptions } from "../server/options.ts";
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

/** Resolves the options of `server` and `dev`; mistakes end the command with one line each. */
export function memberOptions(command: "server" | "dev", flags: Record<string, unknown>, io: CliIo): ResolvedOptions {
  try {
    return resolveOptions({ command, flags, env: io.env, cwd: io.cwd, terminal: io.stderrIsTerminal });
  } catch (error) {
    if (error instanceof OptionsError) throw usageError(error.message);
    throw error;
  }
}
