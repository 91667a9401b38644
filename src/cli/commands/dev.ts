import { dirname, relative } from "node:path";
import { type Command, Option } from "commander";
import { formatListenAddress } from "../../core/base/listen-address.ts";
import { devMemberCounts } from "../../server/dev-ensemble.ts";
import type { ServerOptions } from "../../server/options.ts";
import type { MemberAddresses } from "../../server/options-handover.ts";
import type { CliIo } from "../io.ts";
import { type MemberGroupEvents, runMembers } from "../member-group.ts";
import { runMember } from "../member-process.ts";
import { addMemberOptions, devOptions } from "../option-flags.ts";
import { printable } from "../output.ts";
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
    `    gRPC       ${grpc}   SDKs and the CLI`,
    `    HTTP       http://${http}   /healthz  /readyz  /metrics`,
    ...zookeeperLine(addresses),
    `    Data       ${data.startsWith("..") ? options.dataDir : `./${data}`}`,
    "",
    "  Try it in another terminal:",
    "",
    `    ${muster} znode create /greeting hello`,
    `    ${muster} znode get /greeting`,
    `    ${muster} znode ls /`,
    "",
    "  Ctrl-C stops.",
    "",
    "",
  ].join("\n");
}

function zookeeperLine({ zookeeper }: MemberAddresses): string[] {
  return zookeeper === null ? [] : [`    ZooKeeper  ${formatListenAddress(zookeeper)}   stock ZooKeeper clients`];
}

/** The same for several members. */
export function ensembleBanner(
  members: readonly ServerOptions[],
  addresses: ReadonlyMap<number, MemberAddresses>,
  cwd: string,
): string {
  const doors = members.map(({ id }) => {
    const { grpc, http, zookeeper } = addresses.get(id) as MemberAddresses;
    const more = zookeeper === null ? "" : `   ZooKeeper ${formatListenAddress(zookeeper)}`;
    return { id, grpc: formatListenAddress(grpc), http: `http://${formatListenAddress(http)}`, more };
  });
  const width = (cells: readonly string[]) => Math.max(...cells.map((cell) => cell.length));
  const grpcWidth = width(doors.map(({ grpc }) => grpc));
  const httpWidth = width(doors.map(({ http }) => http));
  const endpoints = `--endpoints ${doors.map(({ grpc }) => grpc).join(",")}`;
  const home = dirname((members[0] as ServerOptions).dataDir);
  const data = relative(cwd, home);
  return [
    "",
    `  Muster is ready: an ensemble of ${members.length}.`,
    "",
    ...doors.map(({ id, grpc, http, more }) => {
      return `    member ${id}   gRPC ${grpc.padEnd(grpcWidth)}   HTTP ${http.padEnd(httpWidth)}${more}`.trimEnd();
    }),
    `    data       ${data.startsWith("..") ? home : `./${data}`}/member-1 to member-${members.length}`,
    "",
    "  Try it in another terminal, and kill a member meanwhile:",
    "",
    `    npx muster ensemble status ${endpoints}`,
    "",
    "  Ctrl-C stops all members. One that dies is started again.",
    "",
    "",
  ].join("\n");
}

/** What a group of members says; lines of a member begin with its id. */
export function groupEvents(members: readonly ServerOptions[], io: CliIo): MemberGroupEvents {
  const say = (text: string): void => void io.stderr.write(`muster: ${text}\n`);
  return {
    // A line of the log in JSON names its member already, and stays one that programs can read.
    onLine: (id, line) => void io.stderr.write(line.startsWith("{") ? `${line}\n` : `[${id}] ${line}\n`),
    onReady: (addresses) => void io.stdout.write(ensembleBanner(members, addresses, io.cwd)),
    onBack: (id) => say(`member ${id} serves again`),
    onFailed: (id, message, fix) => say(`member ${id}: ${message}${fix === "" ? "" : `; ${fix}`}`),
    onDied: (id, { how, lastWords, restartMs }) => {
      const words = lastWords === "" ? "without a word" : `its last words: ${printable(lastWords)}`;
      say(`member ${id} ${how}, ${words}; it is started again in ${restartMs} ms`);
    },
    onStopping: () => say("stopping all members; once more to end them at once"),
    onKilled: (ids, why) => say(`ended member${ids.length === 1 ? "" : "s"} ${ids.join(", ")} by force: ${why}`),
  };
}

export function register(program: Command, io: CliIo): void {
  const command = program
    .command("dev")
    .description("Run one member, or a whole ensemble, on this machine, to try things and to develop.")
    .addOption(
      new Option("--members <number>", "members of the ensemble, each with ports 10 above those of the one before")
        .choices(devMemberCounts.map(String))
        .default("1"),
    );
  addMemberOptions(command).action(async (flags: Record<string, unknown>) => {
    const { members, warnings } = devOptions(flags, Number(flags["members"]), io);
    for (const warning of warnings) io.stderr.write(`muster: ${warning}\n`);
    const [options] = members as readonly [ServerOptions];
    io.exitCode =
      members.length > 1
        ? await runMembers(members, groupEvents(members, io))
        : await runMember(options, {
            ...memberNotices(io),
            onReady: (addresses) => void io.stdout.write(banner(options, addresses, io.cwd)),
          });
  });
}
