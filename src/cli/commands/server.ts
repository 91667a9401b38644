import type { Command } from "commander";
import { formatListenAddress } from "../../core/base/listen-address.ts";
import type { MemberAddresses } from "../../server/options-handover.ts";
import type { CliIo } from "../io.ts";
import { type MemberEvents, runMember } from "../member-process.ts";
import { addMemberOptions, memberOptions } from "../option-flags.ts";

/** The line on standard output that says a member serves, for whatever started it. */
export function readyLine(id: number, pid: number, addresses: MemberAddresses): string {
  const { grpc, http, peer } = addresses;
  const doors = { grpc: formatListenAddress(grpc), http: formatListenAddress(http) };
  const all = peer === null ? doors : { ...doors, peer: formatListenAddress(peer) };
  return `${JSON.stringify({ ready: true, id, pid, ...all })}\n`;
}

/** What `server` and `dev` say alike on standard error. */
export function memberNotices(io: CliIo): Omit<MemberEvents, "onReady"> {
  return {
    onFailed: (message, fix) => void io.stderr.write(`muster: ${message}${fix === "" ? "" : `; ${fix}`}\n`),
    onStopping: () => void io.stderr.write("muster: stopping; once more to end it at once\n"),
    onKilled: (why) => void io.stderr.write(`muster: ended the member by force: ${why}\n`),
  };
}

export function register(program: Command, io: CliIo): void {
  const command = program.command("server").description("Run one member of an ensemble, in the foreground.");
  addMemberOptions(command).action(async (flags: Record<string, unknown>) => {
    const { options, warnings } = memberOptions(flags, io);
    for (const warning of warnings) io.stderr.write(`muster: ${warning}\n`);
    io.exitCode = await runMember(options, {
      ...memberNotices(io),
      onReady: (addresses, pid) => void io.stdout.write(readyLine(options.id, pid, addresses)),
    });
  });
}
