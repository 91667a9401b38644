import { connect, type MusterClient, MusterError, type Reason } from "@muster/client";
import { type TlsTrouble, tlsTroubleIn } from "@muster/client/internal";
import type { Command } from "commander";
import { parseListenAddress } from "../core/base/listen-address.ts";
import { parseDuration, ValueError } from "../server/options-values.ts";
import { CliError, usageError } from "./cli-error.ts";
import { addConnectionOptions, type ConnectionFlags, connectionOptions } from "./connection-options.ts";
import { exitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { type OutputFormat, parseOutput } from "./output.ts";

export const DEFAULT_ENDPOINTS = "127.0.0.1:7400";
const DEFAULT_TIMEOUT_MS = 10_000;

/** What every command takes that asks an ensemble. */
export interface ClientFlags extends ConnectionFlags {
  readonly endpoints?: string;
  readonly output: OutputFormat;
  /** How long one request, or reaching a member, may take, ms. */
  readonly timeout: number;
  readonly auth?: readonly string[];
}

export function addClientOptions(command: Command): Command {
  return addConnectionOptions(command)
    .option(
      "--endpoints <list>",
      `members to ask, host:port with commas between (default: ${DEFAULT_ENDPOINTS}) [MUSTER_ENDPOINTS]`,
    )
    .option("-o, --output <format>", "table, for people, or json", parseOutput, "table")
    .option(
      "--timeout <duration>",
      "how long to wait for a member's answer (default: 10s)",
      parseTimeout,
      DEFAULT_TIMEOUT_MS,
    )
    .option("--auth <scheme:secret>", "an identity to prove, as digest:user:password; may be repeated", collect);
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

function parseTimeout(text: string): number {
  try {
    const ms = parseDuration(text);
    if (ms >= 1 && ms <= 3_600_000) return ms;
    throw new ValueError("is out of range; write 1ms to 1h");
  } catch (error) {
    if (error instanceof ValueError) throw usageError(`--timeout: ${JSON.stringify(text)} ${error.message}`);
    throw error;
  }
}

/** The members to ask: `--endpoints`, else MUSTER_ENDPOINTS, else the default of this machine. */
export function resolveEndpoints(flag: string | undefined, env: CliIo["env"]): string[] {
  const variable = env["MUSTER_ENDPOINTS"];
  const source = flag !== undefined ? "--endpoints" : "MUSTER_ENDPOINTS";
  const text = flag ?? (variable === undefined || variable === "" ? DEFAULT_ENDPOINTS : variable);
  const fix = "write host:port with commas between, for example 127.0.0.1:7400";
  return text.split(",").map((part) => {
    const endpoint = part.trim();
    const parsed = parseListenAddress(endpoint);
    const wrong = typeof parsed === "string" ? parsed : parsed.port === 0 ? "has port 0" : undefined;
    if (wrong !== undefined) throw usageError(`${source}: ${JSON.stringify(endpoint)} ${wrong}; ${fix}`);
    return endpoint;
  });
}

function parseCredential(text: string): { scheme: string; secret: string } {
  const match = /^([a-z]+):(.+)$/s.exec(text);
  // The value is a secret: it is not repeated in the message.
  if (match === null) throw usageError("--auth: is not scheme:secret; write for example digest:user:password");
  return { scheme: match[1] as string, secret: match[2] as string };
}

/** What a call that needs no session is told. */
export function callOptions(flags: ClientFlags, io: CliIo) {
  return {
    endpoints: resolveEndpoints(flags.endpoints, io.env),
    ...connectionOptions(flags, io),
    timeoutMs: flags.timeout,
    applicationName: "muster-cli",
  };
}

/** Connects, lets `use` do its work, and closes the session; errors become what the user reads. */
export async function withClient(
  io: CliIo,
  flags: ClientFlags,
  use: (client: MusterClient) => Promise<void>,
): Promise<void> {
  const { timeoutMs, ...options } = callOptions(flags, io);
  const credentials = (flags.auth ?? []).map(parseCredential);
  try {
    const client = await connect({
      ...options,
      credentials,
      connectTimeoutMs: timeoutMs,
      requestTimeoutMs: timeoutMs,
    });
    try {
      await use(client);
    } finally {
      await client.close();
    }
  } catch (error) {
    throw explainClientError(error, options);
  }
}

const unavailable: ReadonlySet<Reason> = new Set([
  "UNREACHABLE",
  "NOT_READY",
  "NO_QUORUM",
  "NOT_CAUGHT_UP",
  "STOPPING",
  "DEADLINE_EXCEEDED",
]);
const misuse: ReadonlySet<Reason> = new Set(["INVALID_PATH", "INVALID_ARGUMENT", "INVALID_ACL"]);

/** What to do about a refusal, where this CLI has a word for it. */
const hints: Partial<Record<Reason, string>> = {
  NODE_EXISTS: "change it with znode set, or create with --if-absent",
  NODE_NOT_FOUND: "see what there is with znode ls, or create it (with its parents: --parents)",
  NOT_EMPTY: "delete it with all below: --recursive",
  VERSION_MISMATCH: "see its version with znode stat",
  INVALID_PATH: "write an absolute path without empty, . or .. segments and without a slash at its end",
  NO_PERMISSION: "ask with a token that was granted it, or prove with --auth who the ACL names",
  UNAUTHENTICATED: "give a token with --token-file or MUSTER_TOKEN, or a certificate with --cert and --key",
  TOKEN_UNKNOWN: "see which there are with token ls",
  OVERLOADED: "try again a little later",
};

/** What to do where two sides do not come to terms about TLS. */
const tlsFixes: Readonly<Record<TlsTrouble, string>> = {
  "member speaks plain text": "the member speaks plain text: leave out --tls, --ca and --cert",
  "member may speak TLS": "if it speaks TLS, name its authority with --ca, or give --tls",
  "unknown authority": "its certificate is of an authority that is not trusted here: name that with --ca",
  "wrong name": "its certificate is for another name: say which with --server-name",
};

/** A client's error as the user reads it, with the exit code its reason stands for; anything else as it is. */
export function explainClientError(
  error: unknown,
  { endpoints, tls }: { readonly endpoints: readonly string[]; readonly tls: unknown },
): unknown {
  if (!(error instanceof MusterError)) return error;
  if (error.maybeApplied) {
    return new CliError(`${error.message}; look before you do it again`, exitCode.OUTCOME_UNKNOWN);
  }
  if (error.reason === "UNREACHABLE") {
    const why = /connect E[A-Z]+ [^\s;]+|getaddrinfo E[A-Z_]+ [^\s;]+/.exec(error.message)?.[0] ?? "no answer";
    const trouble = tlsTroubleIn(error.message, tls !== false);
    const start = 'start one with "muster dev", or name others with --endpoints';
    const fix = trouble === undefined ? start : tlsFixes[trouble];
    return new CliError(`cannot reach a member at ${endpoints.join(", ")}: ${why}; ${fix}`, exitCode.UNAVAILABLE);
  }
  if (unavailable.has(error.reason)) return new CliError(error.message, exitCode.UNAVAILABLE);
  const hint = hints[error.reason];
  const message = hint === undefined ? error.message : `${error.message}; ${hint}`;
  return new CliError(message, misuse.has(error.reason) ? exitCode.USAGE : exitCode.FAILED);
}

/** Aborted by Ctrl-C or SIGTERM, so that a command that waits ends well and closes its session. */
export function signalOfInterrupt(): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort();
  process.once("SIGINT", abort).once("SIGTERM", abort);
  return controller.signal;
}

/** Resolves at Ctrl-C or SIGTERM; rejects when the client is closed before, as when its session cannot be kept. */
export function interrupted(client: MusterClient): Promise<void> {
  return new Promise((resolve, reject) => {
    const keepAlive = setInterval(() => undefined, 60_000);
    const finish = (settle: () => void) => {
      clearInterval(keepAlive);
      settle();
    };
    client.diagnostics.on("session-expired", () => finish(() => reject(new MusterError("SESSION_EXPIRED"))));
    client.diagnostics.on("closed", ({ error }) => finish(() => reject(error ?? new MusterError("CLIENT_CLOSED"))));
    signalOfInterrupt().addEventListener("abort", () => finish(resolve), { once: true });
  });
}
