import type { Command } from "commander";
import { addClientOptions, type ClientFlags, withClient } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { dataToJson, formatJson } from "../output.ts";
import { hex, statToJson } from "../znode-text.ts";

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("get")
    .description("Print a znode's data, byte for byte and nothing else; with -o json its stat too.")
    .argument("<path>", "absolute path of the znode");
  addClientOptions(command).action((path: string, flags: ClientFlags) =>
    withClient(io, flags, async (client) => {
      const { data, stat, zxid } = await client.znodes.get(path);
      const json = { path, ...dataToJson(data), stat: statToJson(stat), zxid: hex(zxid) };
      await write(io.stdout, flags.output === "json" ? formatJson(json) : data);
    }),
  );
}
