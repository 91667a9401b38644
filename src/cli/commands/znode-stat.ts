import { MusterError } from "@muster/client";
import type { Command } from "commander";
import { addClientOptions, type ClientFlags, withClient } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { formatJson } from "../output.ts";
import { statToJson, statToText } from "../znode-text.ts";

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("stat")
    .description("Print a znode's stat: its versions, zxids, times, size and number of children.")
    .argument("<path>", "absolute path of the znode");
  addClientOptions(command).action((path: string, flags: ClientFlags) =>
    withClient(io, flags, async (client) => {
      const stat = await client.znodes.exists(path);
      if (stat === undefined) throw new MusterError("NODE_NOT_FOUND", { path });
      const text = flags.output === "json" ? formatJson({ path, stat: statToJson(stat) }) : statToText(stat);
      await write(io.stdout, text);
    }),
  );
}
