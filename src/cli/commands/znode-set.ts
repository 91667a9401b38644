import type { Command } from "commander";
import { addClientOptions, type ClientFlags, withClient } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson } from "../output.ts";
import { dataArgument } from "../znode-data.ts";
import { hex, parseVersion, statToJson } from "../znode-text.ts";

interface SetFlags extends ClientFlags {
  readonly version?: number;
}

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("set")
    .description("Replace a znode's data.")
    .argument("<path>", "absolute path of the znode")
    .argument("<data>", "the new data; - reads standard input")
    .option("--version <number>", "only if the znode is at this version", parseVersion);
  addClientOptions(command).action(async (path: string, argument: string, flags: SetFlags) => {
    const data = await dataArgument(argument, io);
    await withClient(io, flags, async (client) => {
      const { stat, zxid } = await client.znodes.set(path, data, { version: flags.version });
      const json = { path, stat: statToJson(stat), zxid: hex(zxid) };
      await write(io.stdout, flags.output === "json" ? formatJson(json) : `version ${stat.version}\n`);
    });
  });
}
