import type { Command } from "commander";
import { Option } from "commander";
import { parseInteger, ValueError } from "../../server/options-values.ts";
import { usageError } from "../cli-error.ts";
import { addClientOptions, type ClientFlags, signalOfInterrupt, withClient } from "../client.ts";
import { type CliIo, write } from "../io.ts";
import { eventToJson, eventToText, hex, parseZxid } from "../znode-text.ts";

interface WatchFlags extends ClientFlags {
  readonly mode: (typeof watchModes)[number];
  readonly after?: number;
  readonly count?: number;
}

const watchModes = ["persistent-recursive", "persistent", "data", "exists", "children"] as const;

export function register(group: Command, io: CliIo): void {
  const command = group
    .command("watch")
    .description("Print the changes at and below a path as they happen, until Ctrl-C.")
    .argument("<path>", "absolute path; need not exist")
    .addOption(
      new Option("--mode <mode>", "what is reported; data, exists and children end after one event")
        .choices(watchModes)
        .default("persistent-recursive"),
    )
    .option("--after <zxid>", "begin with the changes after this zxid, as far as they are kept", (text) =>
      parseZxid(text, "--after"),
    )
    .option("--count <number>", "end after this many events", parseCount);
  addClientOptions(command).action((path: string, flags: WatchFlags) =>
    withClient(io, flags, async (client) => {
      const signal = signalOfInterrupt();
      const watch = client.znodes.watch(path, { mode: flags.mode, afterZxid: flags.after, signal });
      const zxid = await watch.ready;
      // For people only: a program reads events, and nothing but events, on standard output.
      if (io.stderrIsTerminal) io.stderr.write(`watching ${path} from ${hex(flags.after ?? zxid)}; Ctrl-C ends\n`);
      let left = flags.count ?? Number.POSITIVE_INFINITY;
      for await (const event of watch) {
        await write(
          io.stdout,
          flags.output === "json" ? `${JSON.stringify(eventToJson(event))}\n` : eventToText(event),
        );
        left--;
        if (left === 0) break;
      }
    }),
  );
}

function parseCount(text: string): number {
  try {
    return parseInteger(text, 1, Number.MAX_SAFE_INTEGER);
  } catch (error) {
    if (error instanceof ValueError) throw usageError(`--count: ${JSON.stringify(text)} ${error.message}`);
    throw error;
  }
}
