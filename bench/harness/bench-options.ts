import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** On the disk the checkout is on; a temporary folder may be in memory, where an fsync costs nothing. */
const DEFAULT_FOLDER = fileURLToPath(new URL("../../.muster/bench", import.meta.url));

/** Which members clients connect to; all: one after the other, as the peers' generators do. */
export type Connect = "all" | "leader" | "followers";
const connects: readonly Connect[] = ["all", "leader", "followers"];

/** What becomes of a leader: SIGKILL, SIGSTOP, or `muster server`'s own stop on SIGTERM. */
export type Fault = "kill" | "pause" | "stop";
const faults: readonly Fault[] = ["kill", "pause", "stop"];

export type PeerKind = "etcd" | "zookeeper";
const peerKinds: readonly PeerKind[] = ["etcd", "zookeeper"];

/** An ensemble of another program to compare with. */
export interface PeerOptions {
  readonly kind: PeerKind;
  /** Starts and stops it. */
  readonly script: string;
  /** A compiled load generator, or its Go or C source. */
  readonly generator: string | undefined;
}

/** What a generator that speaks ZooKeeper's protocol does. */
export type LoadOperation = "set" | "get" | "create" | "mixed";
const loadOperations: readonly LoadOperation[] = ["set", "get", "create", "mixed"];

/** One load of a generator. */
export interface NamedLoad {
  /** As it was written: `set:30x100`. */
  readonly name: string;
  readonly operation: LoadOperation;
  readonly clients: number;
  readonly outstanding: number;
}

/** What `zookeeper` measures where nothing is said. */
const LOADS = ["set:30x100", "create:30x100", "get:30x100", "mixed:30x100", "set:30x1", "set:1x1"];

const MEMBERS_MAX = 7;

/** What one run of the harness is asked for. */
export interface BenchOptions {
  readonly workload: string;
  /** Measured seconds of each load. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly clients: number;
  readonly outstanding: number;
  readonly nodes: number;
  readonly bytes: number;
  /** Requests a second of the open loop; 0: half of what the closed loop reached. */
  readonly rate: number;
  /** Rounds that count: of each side of a side-by-side run, of each fault. */
  readonly rounds: number;
  /** Members of the ensemble. */
  readonly members: number;
  readonly connect: Connect;
  readonly faults: readonly Fault[];
  /** Idle sessions. */
  readonly sessions: number;
  /** Writes a follower misses while it is down. */
  readonly missed: number;
  readonly peer: PeerOptions | undefined;
  /** What a generator does, each in turn. */
  readonly loads: readonly NamedLoad[];
  /** Measures with stock clients how long writes stop. */
  readonly failoverScript: string | undefined;
  /** Mutated frames sent to the members, how many a second, and what their mutations are drawn from. */
  readonly frames: number;
  readonly frameRate: number;
  readonly seed: number;
  /** Hostile connections of each kind that is slow or silent, and those opened all at once. */
  readonly idlers: number;
  readonly burst: number;
  /** Pieces of hostile content a second, at each member. */
  readonly contentRate: number;
  /** Where CPU profiles of the members and of the generator go. */
  readonly profile: string | undefined;
  /** Where data directories are made: a folder on the disk to be measured. */
  readonly folder: string;
  /** `--memory` of the server. */
  readonly memory: string | undefined;
  readonly serverFlags: readonly string[];
  /** A compiled etcd load generator, or its Go source. */
  readonly etcdGenerator: string | undefined;
  /** Where the results go as JSON, too. */
  readonly json: string | undefined;
}

/** What a workload has of its own where nothing is said. */
export type BenchDefaults = Pick<BenchOptions, "seconds" | "clients" | "outstanding" | "nodes" | "bytes"> &
  Partial<Pick<BenchOptions, "members" | "connect" | "rate" | "rounds">>;

const flags = {
  seconds: { type: "string" },
  warmup: { type: "string" },
  clients: { type: "string" },
  outstanding: { type: "string" },
  nodes: { type: "string" },
  bytes: { type: "string" },
  rate: { type: "string" },
  rounds: { type: "string" },
  members: { type: "string" },
  connect: { type: "string" },
  fault: { type: "string", multiple: true },
  sessions: { type: "string" },
  missed: { type: "string" },
  peer: { type: "string" },
  "peer-script": { type: "string" },
  "peer-generator": { type: "string" },
  load: { type: "string", multiple: true },
  "failover-script": { type: "string" },
  frames: { type: "string" },
  "frame-rate": { type: "string" },
  seed: { type: "string" },
  idlers: { type: "string" },
  burst: { type: "string" },
  "content-rate": { type: "string" },
  profile: { type: "string" },
  folder: { type: "string" },
  memory: { type: "string" },
  server: { type: "string", multiple: true },
  "etcd-generator": { type: "string" },
  json: { type: "string" },
  help: { type: "boolean" },
} as const;

export const USAGE = `usage: npm run bench -- <workload> [options]

  --seconds N         measured seconds of each load
  --warmup N          seconds before the measuring begins (5)
  --clients N         clients, each with a connection and a session
  --outstanding N     requests each client keeps unanswered
  --nodes N           znodes created before
  --bytes N           size of a value
  --rate N            requests a second of the open loop (half of what the closed loop reached)
  --rounds N          rounds that count, of each side of a side-by-side run (3), of each fault (10)
  --members N         members of the ensemble, 1 to 7 (1; the workloads about ensembles: 3)
  --connect WHICH     members the clients connect to: all, one after the other; leader; followers (all; 1x1: leader)
  --fault WHICH       kill, pause or stop, what is done to a leader; may be repeated (each in turn)
  --sessions N        idle sessions (10,000)
  --missed N          writes a follower misses while it is down (100,000)
  --peer NAME         etcd or zookeeper, for versus: an ensemble of it to be measured in turns; zookeeper alone for
                      zookeeper and zookeeper-failover
  --peer-script P     starts and stops it: P start|stop|wipe|leader|one N
  --peer-generator P  puts load on it: a program, or its Go or C source; zookeeper: on Muster, too
  --load OP:CxO       zookeeper: set, get, create or mixed of C clients x O outstanding; may be repeated
                      (${LOADS.join(", ")})
  --failover-script P zookeeper-failover: measures with stock clients how long writes stop: P HOSTS KILL_COMMAND
  --frames N          zookeeper-hostile: mutated frames (1,000,000)
  --frame-rate N      and how many of them a second, at most (10,000)
  --seed N            and what the mutations are drawn from (the clock)
  --idlers N          and connections of each kind that is slow or silent (300)
  --burst N           and connections opened all at once (20,000)
  --content-rate N    hostile-content: pieces of it a second, at each member (4)
  --profile FOLDER    CPU profiles of the first measured load: of each member and of the generator
  --folder PATH       where data directories are made, on the disk to be measured (.muster/bench; env BENCH_FOLDER)
  --memory SIZE       --memory of the server
  --server FLAG       one more flag of the server; may be repeated
  --etcd-generator P  a compiled etcd load generator, or its Go source (env BENCH_ETCD_GENERATOR)
  --json FILE         write the results as JSON, too
`;

export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads the command line; `defaults` are those of the workload it names. */
export function readBenchOptions(args: readonly string[], defaults: (workload: string) => BenchDefaults): BenchOptions {
  const { values, positionals } = parse(args);
  const [workload, ...rest] = positionals;
  if (values.help === true || workload === undefined || rest.length > 0) throw new UsageError(USAGE);
  const own = defaults(workload);
  return {
    workload,
    seconds: number("seconds", values.seconds, own.seconds),
    warmupSeconds: number("warmup", values.warmup, 5),
    clients: number("clients", values.clients, own.clients),
    outstanding: number("outstanding", values.outstanding, own.outstanding),
    nodes: number("nodes", values.nodes, own.nodes),
    bytes: number("bytes", values.bytes, own.bytes),
    rate: number("rate", values.rate, own.rate ?? 0),
    rounds: number("rounds", values.rounds, own.rounds ?? 3),
    members: members(values.members, own.members ?? 1),
    connect: oneOf("connect", connects, values.connect ?? own.connect ?? "all"),
    faults: (values.fault ?? faults).map((fault) => oneOf("fault", faults, fault)),
    sessions: number("sessions", values.sessions, 10_000),
    missed: number("missed", values.missed, 100_000),
    peer: peer(values.peer, values["peer-script"], values["peer-generator"]),
    loads: (values.load ?? LOADS).map(namedLoad),
    failoverScript: values["failover-script"],
    frames: number("frames", values.frames, 1_000_000),
    frameRate: number("frame-rate", values["frame-rate"], 10_000),
    seed: number("seed", values.seed, Date.now() % 2 ** 31),
    idlers: number("idlers", values.idlers, 300),
    burst: number("burst", values.burst, 20_000),
    contentRate: number("content-rate", values["content-rate"], 4),
    profile: values.profile,
    folder: values.folder ?? process.env["BENCH_FOLDER"] ?? DEFAULT_FOLDER,
    memory: values.memory,
    serverFlags: values.server ?? [],
    etcdGenerator: values["etcd-generator"] ?? process.env["BENCH_ETCD_GENERATOR"],
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function number(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0 || text.trim() === "") {
    throw new UsageError(`--${name} takes a number, not "${text}"\n\n${USAGE}`);
  }
  return value;
}

function members(text: string | undefined, fallback: number): number {
  const count = number("members", text, fallback);
  if (!Number.isInteger(count) || count < 1 || count > MEMBERS_MAX) {
    throw new UsageError(`--members takes 1 to ${MEMBERS_MAX}, not "${text}"\n\n${USAGE}`);
  }
  return count;
}

function oneOf<T extends string>(name: string, known: readonly T[], text: string): T {
  const found = known.find((each) => each === text);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} takes ${known.join(", ")}, not "${text}"\n\n${USAGE}`);
}

function peer(
  kind: string | undefined,
  script: string | undefined,
  generator: string | undefined,
): PeerOptions | undefined {
  if (kind === undefined) return undefined;
  if (script === undefined) throw new UsageError(`--peer needs --peer-script\n\n${USAGE}`);
  return { kind: oneOf("peer", peerKinds, kind), script, generator };
}

function namedLoad(name: string): NamedLoad {
  const match = /^(\w+):([1-9]\d*)x([1-9]\d*)$/.exec(name);
  if (match === null) throw new UsageError(`--load takes an operation as set:30x100, not "${name}"\n\n${USAGE}`);
  const [, operation, clients, outstanding] = match;
  return {
    name,
    operation: oneOf("load", loadOperations, operation as string),
    clients: Number(clients),
    outstanding: Number(outstanding),
  };
}
