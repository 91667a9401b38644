import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { TlsOptions } from "@muster/client";
import type { Command } from "commander";
import { usageError } from "./cli-error.ts";
import type { CliIo } from "./io.ts";

/** How members are reached, and as whom. */
export interface ConnectionFlags {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly tls?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
}

/** The same as the SDK takes it. */
export interface ConnectionOptions {
  readonly tls: TlsOptions | boolean;
  readonly token: string | undefined;
}

export function addConnectionOptions(command: Command): Command {
  return command
    .option("--token-file <path>", "file with the token that says who asks [MUSTER_TOKEN_FILE]")
    .option("--token <token>", "the token itself; others on this machine can see it in a command line [MUSTER_TOKEN]")
    .option("--tls", "members speak TLS, with certificates that this machine trusts")
    .option("--ca <path>", "PEM file of the authority of the members' certificates; means --tls [MUSTER_CA]")
    .option("--cert <path>", "PEM file of a client certificate of one's own; means --tls [MUSTER_CERT]")
    .option("--key <path>", "PEM file of its key [MUSTER_KEY]")
    .option("--server-name <name>", "name in the members' certificates, where it is not the endpoint's host");
}

/** Reads the files that flags, or else variables, name; a usage error says which cannot be. */
export function connectionOptions(flags: ConnectionFlags, { env, cwd }: Pick<CliIo, "env" | "cwd">): ConnectionOptions {
  const given = (flag: string | undefined, name: string, variable: string): Given | undefined => {
    const value = flag ?? env[variable];
    return value === undefined || value === "" ? undefined : { value, source: flag === undefined ? variable : name };
  };
  const fileOf = (from: Given | undefined): string | undefined => {
    return from === undefined ? undefined : readText(resolve(cwd, from.value), from.source);
  };
  const ca = fileOf(given(flags.ca, "--ca", "MUSTER_CA"));
  const cert = fileOf(given(flags.cert, "--cert", "MUSTER_CERT"));
  const key = fileOf(given(flags.key, "--key", "MUSTER_KEY"));
  if ((cert === undefined) !== (key === undefined)) {
    throw usageError(`${cert === undefined ? "--key" : "--cert"}: a client certificate needs both --cert and --key`);
  }
  const isPlain = flags.tls !== true && ca === undefined && cert === undefined;
  if (isPlain && flags.serverName !== undefined) throw usageError("--server-name: is for TLS; give --ca or --tls, too");
  return { tls: isPlain ? false : { ca, cert, key, serverName: flags.serverName }, token: tokenOf(flags, env, fileOf) };
}

interface Given {
  readonly value: string;
  /** The flag or variable it came from. */
  readonly source: string;
}

/** A flag wins over a variable, the token itself over its file. */
function tokenOf(
  flags: ConnectionFlags,
  env: CliIo["env"],
  fileOf: (from: Given) => string | undefined,
): string | undefined {
  const own = flags.token ?? (flags.tokenFile === undefined ? env["MUSTER_TOKEN"] : undefined);
  if (own !== undefined && own !== "") return own.trim();
  const file = flags.tokenFile ?? env["MUSTER_TOKEN_FILE"];
  if (file === undefined || file === "") return undefined;
  const source = flags.tokenFile === undefined ? "MUSTER_TOKEN_FILE" : "--token-file";
  const token = fileOf({ value: file, source })?.trim();
  if (token === "") throw usageError(`${source}: ${JSON.stringify(file)} is empty; write the token into it`);
  return token;
}

function readText(file: string, source: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : (error as Error).message;
    throw usageError(`${source}: ${JSON.stringify(file)} ${why}; name a file that can be read`);
  }
}
