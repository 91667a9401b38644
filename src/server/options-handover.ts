import { SaslUsersError } from "../api/zookeeper/auth/sasl-users.ts";
import { formatListenAddress, type ListenAddress } from "../core/base/listen-address.ts";
import { FeatureLevelError } from "../core/tree/feature-level.ts";
import { TransportError } from "../transport/transport-error.ts";
import { AuthFileError } from "./auth-file.ts";
import { DoorTlsError } from "./door-tls.ts";
import type { ServerOptions } from "./options.ts";

/**
 * What the `muster` process and the member process it starts tell each other. Options go down as one JSON argument;
 * messages come up the IPC channel, whose end tells the member that its parent is gone.
 */
export function encodeOptions(options: ServerOptions): string {
  return JSON.stringify(options);
}

/** The options in the argument list of a member process (`node dist/server/main.js '<json>'`). */
export function decodeOptions(argument: string | undefined): ServerOptions {
  if (argument === undefined || !argument.startsWith("{")) {
    throw new Error("a member is started by `muster server` or `muster dev`, which hand it its options");
  }
  return JSON.parse(argument) as ServerOptions;
}

/** Where a member is reachable once it serves; also the content of addresses.json in its data directory. */
export interface MemberAddresses {
  readonly grpc: ListenAddress;
  readonly http: ListenAddress;
  /** null: that door is closed. */
  readonly zookeeper: ListenAddress | null;
  readonly zookeeperTls: ListenAddress | null;
  /** null: this member talks to no others. */
  readonly peer: ListenAddress | null;
}

/** The file in the data directory with the addresses actually bound, written before `ready` is said. */
export const ADDRESSES_FILE = "addresses.json";

export type MemberMessage =
  | { readonly type: "ready"; readonly pid: number; readonly addresses: MemberAddresses }
  | { readonly type: "failed"; readonly message: string; readonly fix: string };

/** The content of addresses.json: each door as host:port. */
export function formatAddresses(id: number, addresses: MemberAddresses): string {
  const { grpc, http, zookeeper, zookeeperTls, peer } = addresses;
  const doors = Object.entries({ grpc, http, zookeeper, zookeeperTls, peer });
  const open = doors.flatMap(([name, address]) => (address === null ? [] : [[name, formatListenAddress(address)]]));
  return `${JSON.stringify({ id, ...Object.fromEntries(open) })}\n`;
}

const doorFlags = [
  ["grpcListen", "--grpc-listen"],
  ["httpListen", "--http-listen"],
  ["peerListen", "--peer-listen"],
  ["zookeeperListen", "--zookeeper-listen"],
] as const;

function listening(options: ServerOptions): { readonly address: ListenAddress; readonly flag: string }[] {
  const doors: { readonly address: ListenAddress | null; readonly flag: string }[] = [
    ...doorFlags.map(([name, flag]) => ({ address: options[name], flag })),
    { address: options.zookeeper.tls?.listen ?? null, flag: "--zookeeper-tls-listen" },
  ];
  return doors.flatMap(({ address, flag }) => (address === null ? [] : [{ address, flag }]));
}

/** What its links to other members say, in words of the options; undefined for what is another's matter. */
function explainTransport(error: TransportError, options: ServerOptions): StartFailure | undefined {
  if (error.reason === "certificates") {
    const fix = "give a PEM file of each that this member may read: --peer-tls-ca, --peer-tls-cert and --peer-tls-key";
    return { message: error.message, fix };
  }
  if (error.reason !== "listen") return undefined;
  const address = formatListenAddress(options.peerListen);
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  const explained =
    code === undefined ? undefined : explainDoor(code, address, "--peer-listen", options.peerListen.host);
  return explained ?? { message: error.message, fix: "choose another address with --peer-listen" };
}

/** Why a door cannot be opened at its address. */
function explainDoor(code: string, at: string, flag: string, host: string): StartFailure | undefined {
  switch (code) {
    case "EADDRINUSE": {
      const other = formatListenAddress({ host, port: 0 });
      const fix =
        flag === "--peer-listen"
          ? `stop that program, or choose another address with ${flag}`
          : `stop that program, or choose another address, for example any free port with ${flag} ${other}`;
      return { message: `${at} (${flag}) is in use by another program`, fix };
    }
    case "EADDRNOTAVAIL":
      return { message: `${at} (${flag}) is not an address of this machine`, fix: `choose another with ${flag}` };
    case "EACCES":
      return { message: `${at} (${flag}) may not be used by this user`, fix: `choose a port above 1023 with ${flag}` };
    default:
      return undefined;
  }
}

/** For people: what is wrong, and what to do about it; "" where nobody knows. */
interface StartFailure {
  readonly message: string;
  readonly fix: string;
}

/** Why a member could not start, in words of the options it was started with: never a stack trace. */
export function explainStartFailure(error: unknown, options: ServerOptions): StartFailure {
  const ofLinks = error instanceof TransportError ? explainTransport(error, options) : undefined;
  if (ofLinks !== undefined) return ofLinks;
  if (error instanceof FeatureLevelError) {
    const fix = "start the version that ran there before, or a newer one: the level of an ensemble never falls";
    return { message: `the data in ${options.dataDir} is of a newer version: ${error.message}`, fix };
  }
  if (error instanceof AuthFileError) return { message: error.message, fix: "" };
  if (error instanceof DoorTlsError) {
    return { message: error.message, fix: "give PEM files that this member may read: --tls-cert, --tls-key" };
  }
  if (error instanceof SaslUsersError) return { message: error.message, fix: "" };
  const failure = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const text = failure?.message ?? String(error);
  // grpc-js hides the code of a failed bind in its message.
  const code = failure?.code ?? /\b(EADDRINUSE|EADDRNOTAVAIL|EACCES)\b/.exec(text)?.[1];
  const port = failure?.port ?? Number(/:(\d+)\b(?!.*:\d)/.exec(text)?.[1] ?? -1);
  const door = listening(options).find(({ address }) => address.port === port);
  if (door !== undefined && code !== undefined) {
    const { address, flag } = door;
    const explained = explainDoor(code, formatListenAddress(address), flag, address.host);
    if (explained !== undefined) return explained;
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return {
      message: `the data directory ${options.dataDir} cannot be written: ${text}`,
      fix: "choose another with --data-dir",
    };
  }
  if (code === "ENOSPC") {
    return {
      message: `the disk of ${options.dataDir} is full`,
      fix: "make room, or choose another place with --data-dir",
    };
  }
  return { message: text, fix: "" };
}
