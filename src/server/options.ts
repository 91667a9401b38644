import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { basename, dirname, resolve } from "node:path";
import { formatListenAddress, isLoopback, type ListenAddress } from "../core/base/listen-address.ts";
import { type DoorTlsFiles, doorTls, doorTlsProblems } from "./door-tls-options.ts";
import { ensembleProblems, type PeerTls, tlsProblems } from "./ensemble-options.ts";
import { type OptionName, type OptionValues, optionRows, optionsSchema } from "./options-schema.ts";
import { fromEnvironment, fromFile, fromFlags, type GivenOptions, type GivenValue } from "./options-sources.ts";
import type { EnsembleMember } from "./options-values.ts";
import { type ZookeeperOptions, zookeeperOptions, zookeeperProblems } from "./zookeeper-options.ts";

/** Everything a member is told when it starts: checked, absolute, plain JSON. */
export interface ServerOptions {
  /** 1 to 255. */
  readonly id: number;
  /** The member's own directory, absolute. */
  readonly dataDir: string;
  readonly grpcListen: ListenAddress;
  readonly httpListen: ListenAddress;
  readonly peerListen: ListenAddress;
  /** null: the door is off. */
  readonly zookeeperListen: ListenAddress | null;
  readonly zookeeper: ZookeeperOptions;
  /** TLS at the gRPC and HTTP doors; null: plain text. */
  readonly tls: DoorTlsFiles | null;
  /** File of principals, absolute; null: none. */
  readonly authFile: string | null;
  /** True: whoever proves nothing is refused on loopback, too. */
  readonly authRequired: boolean;
  /** All members to look for at the start, this one included. */
  readonly ensemble: readonly EnsembleMember[];
  /** Where clients and members are told to reach each door; null: where it listens. */
  readonly grpcAdvertise: ListenAddress | null;
  readonly httpAdvertise: ListenAddress | null;
  readonly peerAdvertise: ListenAddress | null;
  readonly zookeeperAdvertise: ListenAddress | null;
  /** Silence after which a member counts as gone, ms. */
  readonly peerTimeoutMs: number;
  /** The files of TLS between members, absolute; null: plain. */
  readonly peerTls: PeerTls | null;
  /** Bulk sending to all members together. */
  readonly peerBulkBytesPerSecond: number;
  /** What the member may use of memory in all, bytes; the high-water mark (core.md 39) is a share of it. */
  readonly memoryBytes: number;
  /** Requests taken and not yet answered, bytes. */
  readonly requestBytesMax: number;
  /** How long a read waits for its zxid or barrier, ms. */
  readonly readWaitMs: number;
  /** Journal bytes from one snapshot round to the next. */
  readonly snapshotEveryBytes: number;
  /** Commands kept in the journal behind the snapshot, */
  readonly journalKeepCommands: number;
  /** or bytes, if that is less. */
  readonly journalKeepBytes: number;
  /** Half of Node's young generation, bytes. */
  readonly semiSpaceBytes: number;
  /** A graceful stop takes at most this, ms. */
  readonly stopTimeoutMs: number;
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
  readonly logFormat: "json" | "pretty";
  /** Highest feature level offered to the ensemble; null: the highest this program knows. */
  readonly featureLevelMax: number | null;
  /** True: doors may listen beyond loopback without TLS and authentication (ARCHITECTURE, decision 15). */
  readonly insecure: boolean;
}

/** Everything wrong with the options, one line each: source, rule, fix. */
export class OptionsError extends Error {
  override readonly name = "OptionsError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** Where options come from. */
export interface OptionsInput {
  readonly command: "server" | "dev";
  /** As commander parsed them; `config` is the file. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether standard error, where logs go, is a terminal. */
  readonly terminal: boolean;
  /** What the machine or container has, bytes. */
  readonly machineMemoryBytes?: number;
}

export interface ResolvedOptions {
  readonly options: ServerOptions;
  /** For people, once at start. */
  readonly warnings: readonly string[];
}

/**
 * Options from flags, then environment, then file, then defaults: the first that names an option wins.
 * Throws {@link OptionsError} with every problem found, not only the first.
 */
export function resolveOptions(input: OptionsInput): ResolvedOptions {
  const layers: GivenOptions[] = [readConfigFile(input)];
  layers.push(fromEnvironment(input.env, input.cwd), fromFlags(input.flags, input.cwd));
  const given = new Map<OptionName, GivenValue>(layers.flatMap((layer) => [...layer.values]));
  const problems = layers.flatMap((layer) => layer.problems);

  const raw = Object.fromEntries([...given].map(([name, { value }]) => [name, value]));
  const parsed = optionsSchema.safeParse(raw);
  for (const issue of parsed.error?.issues ?? []) {
    const name = issue.path[0] as OptionName;
    // As good as a password, or one by mistake.
    const value = name === "zookeeperSuperDigest" ? "what is given" : show(given.get(name)?.value);
    problems.push(`${given.get(name)?.source ?? name}: ${value} ${issue.message}`);
  }
  if (parsed.data === undefined || problems.length > 0) throw new OptionsError(problems);

  const values = parsed.data;
  const options = complete(input, values, given);
  const source = (name: OptionName) => given.get(name)?.source ?? `--${flagOf(name)}`;
  const contradictions = [
    ...tlsProblems(values),
    ...doorTlsProblems(values, source),
    ...zookeeperProblems(values, source),
    ...findContradictions(options, source),
  ];
  if (contradictions.length > 0) throw new OptionsError(contradictions);
  return { options, warnings: warningsFor(options) };
}

function readConfigFile(input: OptionsInput): GivenOptions {
  const flag = input.flags["config"];
  const [source, path] = flag === undefined ? ["MUSTER_CONFIG", input.env["MUSTER_CONFIG"]] : ["--config", flag];
  if (path === undefined || path === "") return { values: new Map(), problems: [] };
  const file = resolve(input.cwd, String(path));
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : "cannot be read";
    const detail = why === "cannot be read" ? ` (${(error as Error).message})` : "";
    throw new OptionsError([`${source}: ${show(path)} ${why}${detail}; write the path of a muster.yaml`]);
  }
  return fromFile(text, basename(file), dirname(file));
}

function complete(
  input: OptionsInput,
  values: OptionValues,
  given: ReadonlyMap<OptionName, GivenValue>,
): ServerOptions {
  const home = resolve(given.get("dataDir")?.base ?? input.cwd, values.dataDir ?? ".muster");
  const own = input.command === "server" && values.dataDir !== undefined;
  const auto = values.logFormat === "auto";
  return {
    id: values.id,
    dataDir: own ? home : resolve(home, `member-${values.id}`),
    grpcListen: values.grpcListen,
    httpListen: values.httpListen,
    peerListen: values.peerListen,
    ...zookeeperDoor(input, values, given),
    tls: doorTls(values, pathOf(input, values, given)),
    authFile: values.authFile === undefined ? null : pathOf(input, values, given)("authFile"),
    authRequired: values.authRequired,
    ensemble: values.ensemble ?? [{ id: values.id, ...(values.peerAdvertise ?? values.peerListen) }],
    grpcAdvertise: values.grpcAdvertise ?? null,
    httpAdvertise: values.httpAdvertise ?? null,
    peerAdvertise: values.peerAdvertise ?? null,
    zookeeperAdvertise: values.zookeeperAdvertise ?? null,
    peerTimeoutMs: values.peerTimeout,
    peerTls: peerTls(input, values, given),
    peerBulkBytesPerSecond: values.peerBulkRate,
    memoryBytes: values.memory ?? autoMemory(input.machineMemoryBytes ?? machineMemory()),
    requestBytesMax: values.requestBytesMax,
    readWaitMs: values.readWait,
    snapshotEveryBytes: values.snapshotEveryBytes,
    journalKeepCommands: values.journalKeepCommands,
    journalKeepBytes: values.journalKeepBytes,
    semiSpaceBytes: values.semiSpace,
    stopTimeoutMs: values.stopTimeout,
    logLevel: values.logLevel,
    logFormat: auto ? (input.terminal ? "pretty" : "json") : (values.logFormat as "json" | "pretty"),
    featureLevelMax: values.featureLevelMax ?? null,
    insecure: values.insecure,
  };
}

/** The absolute path that an option's value means. */
function pathOf(
  { cwd }: OptionsInput,
  values: OptionValues,
  given: ReadonlyMap<OptionName, GivenValue>,
): (name: OptionName) => string {
  return (name) => resolve(given.get(name)?.base ?? cwd, String(values[name] ?? ""));
}

/** `muster dev` opens every door, this one where it usually is unless somebody else is there. */
function zookeeperDoor(
  input: OptionsInput,
  values: OptionValues,
  given: ReadonlyMap<OptionName, GivenValue>,
): Pick<ServerOptions, "zookeeperListen" | "zookeeper"> {
  const isGiven = given.has("zookeeperListen");
  const isByItself = input.command === "dev" && !isGiven;
  return {
    zookeeperListen: isByItself ? { host: "127.0.0.1", port: ZOOKEEPER_PORT } : values.zookeeperListen,
    zookeeper: zookeeperOptions(values, pathOf(input, values, given), isByItself),
  };
}

/** Undefined files are refused afterwards, together with what else is wrong. */
function peerTls(
  input: OptionsInput,
  values: OptionValues,
  given: ReadonlyMap<OptionName, GivenValue>,
): PeerTls | null {
  const path = pathOf(input, values, given);
  const none = values.peerTlsCa === undefined && values.peerTlsCert === undefined && values.peerTlsKey === undefined;
  return none ? null : { ca: path("peerTlsCa"), cert: path("peerTlsCert"), key: path("peerTlsKey") };
}

/** Where ZooKeeper's clients look for it. */
const ZOOKEEPER_PORT = 2181;
const MEMORY_AUTO_MIN = 512 * 2 ** 20;

function autoMemory(machineBytes: number): number {
  return Math.max(MEMORY_AUTO_MIN, Math.floor(machineBytes / 2 / 2 ** 20) * 2 ** 20);
}

/** What the container allows, where there is one; Node reports a number beyond the machine's where there is none. */
export function machineMemory(): number {
  const allowed = process.constrainedMemory();
  return allowed !== undefined && allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
}

const doors = ["grpcListen", "httpListen", "peerListen", "zookeeperListen"] as const;

/** What makes a door safe to reach from other machines. */
const wayToClose: Readonly<Record<(typeof doors)[number], string>> = {
  grpcListen: "give --tls-cert and --tls-key (clients then need a token or a certificate)",
  httpListen: "give --tls-cert and --tls-key (clients then need a token or a certificate)",
  peerListen: "give the three --peer-tls files",
  zookeeperListen: "use --zookeeper-tls-listen with --zookeeper-tls-client-ca in its place",
};

function findContradictions(options: ServerOptions, source: (name: OptionName) => string): string[] {
  const problems: string[] = [];
  const taken = new Map<string, string>();
  for (const name of doors) {
    const address = options[name];
    if (address === null) continue;
    const text = formatListenAddress(address);
    if (isOpen(options, name)) {
      problems.push(
        `${source(name)}: "${text}" is reachable from other machines, which needs TLS and authentication; ` +
          `${wayToClose[name]}, or accept the risk with --insecure`,
      );
    }
    const other = taken.get(text);
    if (other !== undefined && address.port !== 0) {
      problems.push(`${source(name)}: "${text}" is the address of ${other} too; give each door a port of its own`);
    }
    taken.set(text, source(name));
  }
  return [...problems, ...ensembleProblems(options, source)];
}

/** Serves other machines although nothing proves who asks, and nobody said that this is accepted. */
function isOpen(options: ServerOptions, name: (typeof doors)[number]): boolean {
  return !options.insecure && isExposed(options, name);
}

function isExposed(options: ServerOptions, name: (typeof doors)[number]): boolean {
  const address = options[name];
  const isProven =
    (name === "peerListen" && options.peerTls !== null) ||
    ((name === "grpcListen" || name === "httpListen") && options.tls !== null);
  return address !== null && !isLoopback(address.host) && !isProven;
}

function warningsFor(options: ServerOptions): string[] {
  const warnings: string[] = [];
  if (options.zookeeperListen === null && options.zookeeperAdvertise !== null) {
    warnings.push("--zookeeper-advertise has no effect: the ZooKeeper door is off; open it with --zookeeper-listen");
  }
  if (options.zookeeperListen !== null && options.authRequired) {
    const fix = "open --zookeeper-tls-listen with --zookeeper-tls-client-ca for clients with certificates";
    warnings.push(`--auth-required: nobody can prove anything at --zookeeper-listen, so it refuses all; ${fix}`);
  }
  const open = doors.flatMap((name) => {
    const address = options[name];
    return address !== null && isExposed(options, name) ? [formatListenAddress(address)] : [];
  });
  if (open.length > 0) {
    warnings.push(`INSECURE: ${open.join(" and ")} serve other machines without encryption or authentication`);
  }
  const encrypted = ([options.grpcListen, options.httpListen] as const).filter(({ host }) => !isLoopback(host));
  if (options.insecure && options.tls !== null && !options.authRequired && encrypted.length > 0) {
    const text = encrypted.map(formatListenAddress).join(" and ");
    warnings.push(`INSECURE: ${text} let everybody in; without --insecure they ask for a token or a certificate`);
  }
  return warnings;
}

function flagOf(name: OptionName): string {
  return optionRows.find((row) => row.name === name)?.flag ?? name;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
