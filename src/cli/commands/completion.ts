import { Argument, type Command } from "commander";
import { completionScript, type Shell, shells } from "../completion-script.ts";
import type { CliIo } from "../io.ts";

export function register(program: Command, io: CliIo): void {
  program
    .command("completion")
    .description("Print a script that completes commands, options and znode paths.")
    .addArgument(new Argument("<shell>", "the shell it is for").choices(shells))
    .addHelpText(
      "after",
      "\nFor this shell: source <(muster completion bash). For every one: add that to its start-up file.",
    )
    .action((shell: Shell) => void io.stdout.write(completionScript(shell)));
}
