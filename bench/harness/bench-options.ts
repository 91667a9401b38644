import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** On the disk the checkout is on; a temporary folder may be in memory, where an fsync costs nothing. */
const DEFAULT_FOLDER = fileURLToPath(new URL("../../.muster/bench", import.meta.url));

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
  /** Alternating rounds of a side-by-side run. */
  readonly rounds: number;
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
export type BenchDefaults = Pick<BenchOptions, "seconds" | "clients" | "outstanding" | "nodes" | "bytes">;

const flags = {
  seconds: { type: "string" },
  warmup: { type: "string" },
  clients: { type: "string" },
  outstanding: { type: "string" },
  nodes: { type: "string" },
  bytes: { type: "string" },
  rate: { type: "string" },
  rounds: { type: "string" },
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
  --rounds N          alternating rounds of a side-by-side run (3)
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
    rate: number("rate", values.rate, 0),
    rounds: number("rounds", values.rounds, 3),
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
