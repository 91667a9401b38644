import type { Command } from "commander";
import { VERSION } from "../../server/version.ts";
import type { CliIo } from "../io.ts";
import { formatJson, type OutputFormat, parseOutput } from "../output.ts";

export function register(program: Command, io: CliIo): void {
  program
    .command("version")
    .description("Print the version of this program and of Node.")
    .option("-o, --output <format>", "table or json", parseOutput, "table")
    .action(({ output }: { output: OutputFormat }) => {
      const node = process.versions.node;
      io.stdout.write(
        output === "json" ? formatJson({ version: VERSION, node }) : `muster ${VERSION} (node ${node})\n`,
      );
    });
}
