import { Command } from "commander";
import { exitCodeRows } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";

interface CommandModule {
  /** `build` makes the whole command line, for the command that completes it. */
  register(program: Command, io: CliIo, build: () => Promise<Command>): void;
}

/** Loaded when used, because a short command should not wait for what it does not need. */
const modules: Readonly<Record<string, () => Promise<CommandModule>>> = {
  dev: () => import("./commands/dev.ts"),
  server: () => import("./commands/server.ts"),
  znode: () => import("./commands/znode.ts"),
  ensemble: () => import("./commands/ensemble.ts"),
  token: () => import("./commands/token.ts"),
  verify: () => import("./commands/verify.ts"),
  completion: () => import("./commands/completion.ts"),
  __complete: () => import("./commands/complete.ts"),
  version: () => import("./commands/version.ts"),
};

/** The whole command line, or just the part that `first`, its first word, needs. */
export async function buildProgram(io: CliIo, first?: string): Promise<Command> {
  const program = new Command("muster");
  program
    .description("Configuration centre and service registry on a replicated tree of znodes.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, out) => out(text.replace(/^error: /, "muster: ")),
    })
    .configureHelp({ helpWidth: 100 })
    .helpCommand(true)
    .showHelpAfterError("(--help shows how it is used)")
    .addHelpText("after", exitCodeHelp());
  const wanted = first !== undefined && Object.hasOwn(modules, first) ? [first] : Object.keys(modules);
  for (const name of wanted) (await modules[name]?.())?.register(program, io, () => buildProgram(io));
  return program;
}

function exitCodeHelp(): string {
  return `\nExit codes:\n${exitCodeRows.map(([code, text]) => `  ${code}  ${text}`).join("\n")}`;
}
