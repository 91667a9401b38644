import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { formatJson, type OutputFormat, parseOutput } from "../output.ts";

/** The version in package.json: two folders up from both src/cli/commands and dist/cli/commands. */
export function programVersion(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

export function register(program: Command, io: CliIo): void {
  program
    .command("version")
    .description("Print the version of this program and of Node.")
    .option("-o, --output <format>", "table or json", parseOutput, "table")
    .action(({ output }: { output: OutputFormat }) => {
      const version = programVersion();
      const node = process.versions.node;
      io.stdout.write(output === "json" ? formatJson({ version, node }) : `muster ${version} (node ${node})\n`);
    });
}
