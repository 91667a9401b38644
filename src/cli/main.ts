import { CommanderError } from "commander";
import { CliError } from "./cli-error.ts";
import { exitCode } from "./exit-codes.ts";
import { type CliIo, processIo } from "./io.ts";
import { buildProgram } from "./program.ts";

/** Runs one command line, without `node` and the script's name; resolves with the exit code. */
export async function main(args: readonly string[], io: CliIo = processIo()): Promise<number> {
  io.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // `muster ... | head` closes our output early: that is not a failure worth a word.
    if (error.code === "EPIPE") process.exit(exitCode.OK);
    io.stderr.write(`muster: standard output cannot be written: ${error.message}\n`);
    process.exit(exitCode.FAILED);
  });
  try {
    const program = await buildProgram(io, args[0]);
    await program.parseAsync(args, { from: "user" });
    return io.exitCode;
  } catch (error) {
    return explain(error, io);
  }
}

function explain(error: unknown, io: CliIo): number {
  // commander has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.OK : exitCode.USAGE;
  if (error instanceof CliError) {
    for (const line of error.message.split("\n")) io.stderr.write(`muster: ${line}\n`);
    return error.code;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr.write(`muster: a defect of this program, please report it:\n${text}\n`);
  return exitCode.FAILED;
}
