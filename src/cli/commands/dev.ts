import { relative } from "node:path";
import type { Command } from "commander";
import { formatListenAddress } from "../../core/base/listen-address.ts";
import type { ServerOptions } from "../../server/options.ts";
import type { MemberAddresses } from "../../server/options-handover.ts";
import type { CliIo } from "../io.ts";
import { runMember } from "../member-process.ts";
import { addMemberOptions, memberOptions } from "../option-flags.ts";
import { memberNotices } from "./server.ts";

const DEFAULT_GRPC = "127.0.0.1:7400";

/** What a new user reads first: where everything is, and three commands to try. */
export function banner(options: ServerOptions, addresses: MemberAddresses, cwd: string): string {
  const grpc = formatListenAddress(addresses.grpc);
  const http = formatListenAddress(addresses.http);
  const data = relative(cwd, options.dataDir);
  const muster = grpc === DEFAULT_GRPC ? "npx muster" : `MUSTER_ENDPOINTS=${grpc} npx muster`;
  return [
    "",
    `  Muster is ready: member ${options.id}, an ensemble of one.`,
    "",
    `    gRPC   ${grpc}   SDKs and the CLI`,
    `    HTTP   http://${http}   /healthz  /readyz  /metrics`,
    `    Data   ${data.startsWith("..") ? options.dataDir : `./${data}`}`,
    "",
    "  Try it in another terminal:",
    "",
    `    ${muster} znode create /greeting hello`,
    `    ${muster} znode get /greeting`,
    `    ${muster} znode ls /`,
    "",
    "  The ZooKeeper door is not part of this version. Ctrl-C stops.",
    "",
    "",
  ].join("\n");
}

export function register(program: Command, io: CliIo): void {
  const command = program.command("dev").description("Run one member on this machine, to try things and to develop.");
  addMemberOptions(command).action(async (flags: Record<string, unknown>) => {
    const { options, warnings } = memberOptions("dev", flags, io);
    for (const warning of warnings) io.stderr.write(`muster: ${warning}\n`);
    io.exitCode = await runMember(options, {
      ...memberNotices(io),
      onReady: (addresses) => void io.stdout.write(banner(options, addresses, io.cwd)),
    });
  });
}
