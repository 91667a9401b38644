import { z } from "zod";
import type { Word } from "../api/zookeeper/four-letter-words/words.ts";
import { MEMBER_ID_MAX } from "../core/base/limits.ts";
import { FEATURE_LEVEL, FIRST_FEATURE_LEVEL } from "../core/tree/feature-level.ts";
import { advertise, doorTlsFile, type OptionAbout, option, optional, tlsFile } from "./option-builders.ts";
import {
  parseBoolean,
  parseDuration,
  parseEnsemble,
  parseInteger,
  parseListen,
  parsePath,
  parseSize,
  parseWord,
  ValueError,
} from "./options-values.ts";
import { parseWords, superDigestProblem } from "./zookeeper-options.ts";

export const MEMORY_BYTES_MIN = 256 * 2 ** 20;
const SEMI_SPACE_BYTES_MAX = 256 * 2 ** 20;
const MIB = 2 ** 20;
/** More than the largest command takes, so that a member without other requests accepts it. */
const REQUEST_BYTES_MIN = 8 * MIB;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

/**
 * Every option of a member, once: this schema checks the values of flags, environment and file alike, and the tables
 * of `--help` and of the documentation are made of it. The key `dataDir` is `--data-dir`, `MUSTER_DATA_DIR` and, in
 * muster.yaml, `data-dir`.
 */
export const optionsSchema = z.strictObject({
  id: option((raw) => parseInteger(raw, 1, MEMBER_ID_MAX), {
    placeholder: "number",
    unit: "",
    fallback: "1",
    text: `This member's id, 1 to ${MEMBER_ID_MAX}, unique in its ensemble.`,
  }),
  dataDir: optional(parsePath, {
    placeholder: "path",
    unit: "",
    fallback: "./.muster",
    text:
      "Where data is kept. `dev` keeps its member in member-<id> below it; for `server` it is the member's own " +
      "directory, by default ./.muster/member-<id>. In the file, relative to the file.",
  }),
  grpcListen: option(parseListen, {
    placeholder: "host:port",
    unit: "",
    fallback: "127.0.0.1:7400",
    text: "Where the gRPC door listens, for SDKs and this CLI.",
  }),
  httpListen: option(parseListen, {
    placeholder: "host:port",
    unit: "",
    fallback: "127.0.0.1:7401",
    text: "Where the HTTP door listens: /healthz, /readyz, /metrics.",
  }),
  peerListen: option(parseListen, {
    placeholder: "host:port",
    unit: "",
    fallback: "127.0.0.1:7402",
    text: "Where members reach this one.",
  }),
  tlsCert: optional(parsePath, doorTlsFile("the certificate of the gRPC and HTTP doors, with its chain")),
  tlsKey: optional(parsePath, doorTlsFile("the key of --tls-cert")),
  tlsClientCa: optional(
    parsePath,
    doorTlsFile(
      "the certificate of the authority that signs clients' certificates; a client with one needs no token there",
    ),
  ),
  authFile: optional(parsePath, {
    placeholder: "path",
    unit: "",
    fallback: "none",
    text:
      "YAML file: who may do what, by the hash of a token or by a client certificate, beside the tokens that " +
      "`muster token create` keeps in the tree. SIGHUP reads it again. In the file, relative to the file.",
  }),
  authRequired: option(parseBoolean, {
    unit: "",
    fallback: "false",
    text: "Let nobody in on loopback either, or with --insecure, who proves nothing by a token or a certificate.",
  }),
  zookeeperListen: option((raw) => (raw === "off" || raw === false ? null : parseListen(raw)), {
    placeholder: "host:port",
    unit: "",
    fallback: "off",
    text: "Where the ZooKeeper door listens, for ZooKeeper clients, or off. `dev` opens it where 2181 is free.",
  }),
  zookeeperTlsListen: option((raw) => (raw === "off" || raw === false ? null : parseListen(raw)), {
    placeholder: "host:port",
    unit: "",
    fallback: "off",
    text: "Where it listens for TLS besides, or off. Needs --zookeeper-tls-cert and --zookeeper-tls-key.",
  }),
  zookeeperTlsCert: optional(parsePath, doorTlsFile("the certificate of the ZooKeeper door, with its chain")),
  zookeeperTlsKey: optional(parsePath, doorTlsFile("the key of --zookeeper-tls-cert")),
  zookeeperTlsClientCa: optional(
    parsePath,
    doorTlsFile("the certificate of the authority that signs clients' certificates; given, each client needs one"),
  ),
  zookeeperTickTime: option((raw) => parseDurationBetween(raw, 100, 60_000, "100ms to 60s"), {
    placeholder: "duration",
    unit: "ms, s, m, h, d",
    fallback: "2s",
    text: "ZooKeeper's tickTime, 100ms to 60s: session time-outs are 2 to 20 ticks unless the next two say otherwise.",
  }),
  zookeeperSessionTimeoutMin: optional((raw) => parseDurationBetween(raw, 1_000, 600_000, "1s to 10m"), {
    placeholder: "duration",
    unit: "ms, s, m, h, d",
    fallback: "2 ticks",
    text: "Shortest session time-out granted to a ZooKeeper client, 1s to 10m.",
  }),
  zookeeperSessionTimeoutMax: optional((raw) => parseDurationBetween(raw, 1_000, 600_000, "1s to 10m"), {
    placeholder: "duration",
    unit: "ms, s, m, h, d",
    fallback: "20 ticks",
    text: "Longest session time-out granted to a ZooKeeper client, 1s to 10m.",
  }),
  zookeeperFrameMax: option((raw) => parseSizeBetween(raw, 1024, 4 * MIB, "1KiB to 4MiB"), {
    placeholder: "size",
    unit: "bytes; KiB, MiB",
    fallback: "1048575",
    text: "Largest request of a ZooKeeper client, 1KiB to 4MiB: ZooKeeper's jute.maxbuffer.",
  }),
  zookeeperConnectionsPerAddress: option((raw) => parseInteger(raw, 0, 1_000_000), {
    placeholder: "number",
    unit: "connections",
    fallback: "60",
    text: "ZooKeeper connections from one address, 0 to 1000000; 0 is any number: ZooKeeper's maxClientCnxns.",
  }),
  zookeeperConnections: option((raw) => parseInteger(raw, 0, 1_000_000), {
    placeholder: "number",
    unit: "connections",
    fallback: "0",
    text: "ZooKeeper connections in all, 0 to 1000000; 0 is any number: ZooKeeper's maxCnxns.",
  }),
  zookeeper4lw: option(parseZookeeperWords, {
    placeholder: "words",
    unit: "",
    fallback: "srvr,isro,ruok,mntr",
    text: "Four-letter words that are answered on the ZooKeeper ports, with commas between; * is all, none is none.",
  }),
  zookeeperSuperDigest: optional(parseSuperDigest, {
    placeholder: "user:digest",
    unit: "",
    fallback: "nobody",
    text:
      "Who may do everything by the digest scheme: user:base64(sha1(user:password)), ZooKeeper's superDigest. Better " +
      "given in the file or the environment than in a command line that others can list.",
  }),
  zookeeperSaslUsers: optional(parsePath, {
    placeholder: "path",
    unit: "",
    fallback: "SASL is off",
    text:
      "File of who may authenticate by SASL DIGEST-MD5: a line user=password each, readable by its owner alone. " +
      "SIGHUP reads it again. In the file, relative to the file.",
  }),
  ensemble: optional(parseEnsemble, {
    placeholder: "members",
    unit: "",
    fallback: "this member alone",
    text:
      "All members, at most 7, as id@host:peer-port with commas between, the same list for each of them: whom to " +
      "look for at the start. Once there is an ensemble, its own list counts; one that is new lists some of the " +
      "others and itself, and joins.",
  }),
  grpcAdvertise: advertise("the gRPC door", "clients", "--grpc-listen"),
  httpAdvertise: advertise("the HTTP door", "people and programs", "--http-listen"),
  peerAdvertise: advertise("this member", "the other members", "--peer-listen"),
  zookeeperAdvertise: advertise("the ZooKeeper door", "ZooKeeper clients", "--zookeeper-listen"),
  peerTimeout: option((raw) => parseDurationBetween(raw, 200, 60_000, "200ms to 60s"), {
    placeholder: "duration",
    unit: "ms, s, m, h, d",
    fallback: "1s",
    text:
      "Silence of a member after which it counts as gone, 200ms to 60s: of a leader, after which another is elected. " +
      "The same for all members.",
  }),
  peerTlsCa: tlsFile("certificate of the authority that signs the members' certificates, and nobody else's"),
  peerTlsCert: tlsFile("certificate of this member, which names it: muster://member/<id>, or member-<id>"),
  peerTlsKey: tlsFile("key of --peer-tls-cert"),
  peerBulkRate: option((raw) => parseSizeBetween(raw, MIB, 64 * GIB, "1MiB to 64GiB"), {
    placeholder: "size",
    unit: "bytes per second; KiB, MiB, GiB",
    fallback: "128MiB",
    text: "What may be sent per second to members that fetch a snapshot, all together, 1MiB to 64GiB.",
  }),
  memory: option((raw) => (raw === "auto" ? null : parseMemory(raw)), {
    placeholder: "size",
    unit: "bytes; KiB, MiB, GiB",
    fallback: "auto",
    text: "Memory the member may use, at least 256MiB; auto is half of what the machine or container has.",
  }),
  requestBytesMax: option((raw) => parseSizeBetween(raw, REQUEST_BYTES_MIN, 64 * GIB, "8MiB to 64GiB"), {
    placeholder: "size",
    unit: "bytes; KiB, MiB, GiB",
    fallback: "64MiB",
    text: "Requests taken and not yet answered, 8MiB to 64GiB in all; above it new ones are refused as OVERLOADED.",
  }),
  readWait: option((raw) => parseDurationBetween(raw, 10, 600_000, "10ms to 10m"), {
    placeholder: "duration",
    unit: "ms, s, m, h, d",
    fallback: "5s",
    text: "How long a read waits for the zxid or the barrier it asks for, 10ms to 10m; then it fails as NOT_CAUGHT_UP.",
  }),
  snapshotEveryBytes: option((raw) => parseSizeBetween(raw, MIB, 64 * GIB, "1MiB to 64GiB"), {
    placeholder: "size",
    unit: "bytes; KiB, MiB, GiB",
    fallback: "64MiB",
    text:
      "A snapshot round begins when this much has gone into the journal since the last, 1MiB to 64GiB; up to four " +
      "times as much while that is less than twice the snapshot's size.",
  }),
  journalKeepCommands: option((raw) => parseInteger(raw, 0, 1e9), {
    placeholder: "number",
    unit: "commands",
    fallback: "500000",
    text: "Commands that stay in the journal behind the snapshot, 0 to 1000000000, for members that lag.",
  }),
  journalKeepBytes: option((raw) => parseSizeBetween(raw, 0, 64 * TIB, "0 to 64TiB"), {
    placeholder: "size",
    unit: "bytes; KiB, MiB, GiB",
    fallback: "1GiB",
    text: "What --journal-keep-commands may take on disk at most, 0 to 64TiB; whichever of the two is less stays.",
  }),
  semiSpace: option(parseSemiSpace, {
    placeholder: "size",
    unit: "bytes; KiB, MiB, GiB",
    fallback: "16MiB",
    text: "Size of a half of the young generation of Node's heap, 1MiB to 256MiB, whole MiB.",
  }),
  stopTimeout: option((raw) => parseDurationBetween(raw, 100, 3_600_000, "100ms to 1h"), {
    placeholder: "duration",
    unit: "ms, s, m, h, d",
    fallback: "30s",
    text: "How long a stop may take to finish what is under way, 100ms to 1h; then the member is ended.",
  }),
  logLevel: option((raw) => parseWord(raw, ["trace", "debug", "info", "warn", "error", "fatal"]), {
    placeholder: "level",
    unit: "",
    fallback: "info",
    text: "Least important messages logged: trace, debug, info, warn, error or fatal.",
  }),
  logFormat: option((raw) => parseWord(raw, ["auto", "json", "pretty"]), {
    placeholder: "format",
    unit: "",
    fallback: "auto",
    text: "json (a line each), pretty (for people), or auto: pretty where standard error is a terminal.",
  }),
  featureLevelMax: optional((raw) => parseInteger(raw, FIRST_FEATURE_LEVEL, FEATURE_LEVEL), {
    placeholder: "number",
    unit: "",
    fallback: "what this version knows",
    text:
      `Highest feature level this member offers, ${FIRST_FEATURE_LEVEL} to ${FEATURE_LEVEL}. The ensemble rises to ` +
      "what all its members offer, and never falls: held down, they can all go back to an older version.",
  }),
  insecure: option(parseBoolean, {
    unit: "",
    fallback: "false",
    text: "Serve other machines without encryption and without proof of who asks. Anyone who reaches a port owns it.",
  }),
});

export type OptionValues = z.output<typeof optionsSchema>;
export type OptionName = keyof OptionValues;

function parseMemory(raw: unknown): number {
  const bytes = parseSize(raw);
  if (bytes < MEMORY_BYTES_MIN) throw new ValueError("is less than a member needs; write 256MiB or more");
  return bytes;
}

function parseZookeeperWords(raw: unknown): readonly Word[] {
  const parsed = parseWords(raw);
  if (typeof parsed === "string") throw new ValueError(parsed);
  return parsed;
}

function parseSuperDigest(raw: unknown): string {
  const problem = superDigestProblem(raw);
  if (problem !== undefined) throw new ValueError(problem);
  return raw as string;
}

function parseSemiSpace(raw: unknown): number {
  const bytes = parseSize(raw);
  const fix = "write whole MiB from 1MiB to 256MiB";
  if (bytes < 2 ** 20 || bytes > SEMI_SPACE_BYTES_MAX) throw new ValueError(`is out of range; ${fix}`);
  if (bytes % 2 ** 20 !== 0) throw new ValueError(`is not whole MiB, as Node takes it; ${fix}`);
  return bytes;
}

function parseSizeBetween(raw: unknown, min: number, max: number, range: string): number {
  const bytes = parseSize(raw);
  if (bytes < min || bytes > max) throw new ValueError(`is out of range; write ${range}`);
  return bytes;
}

function parseDurationBetween(raw: unknown, minMs: number, maxMs: number, range: string): number {
  const ms = parseDuration(raw);
  if (ms < minMs || ms > maxMs) throw new ValueError(`is out of range; write ${range}`);
  return ms;
}

/** One row of the table of options. */
export interface OptionRow extends OptionAbout {
  readonly name: OptionName;
  /** Without the dashes; also the key in muster.yaml. */
  readonly flag: string;
  readonly variable: string;
}

function rowOf(name: OptionName): OptionRow {
  // `zookeeper4lw` is --zookeeper-4lw.
  const flag = name.replace(/[A-Z]|(?<=[a-z])[0-9]/g, (letter) => `-${letter.toLowerCase()}`);
  const variable = `MUSTER_${flag.toUpperCase().replaceAll("-", "_")}`;
  return { name, flag, variable, ...(optionsSchema.shape[name].meta() as unknown as OptionAbout) };
}

/** The table of options, in the order of the schema. `--config` is not in it: it says where the file is. */
export const optionRows: readonly OptionRow[] = (Object.keys(optionsSchema.shape) as OptionName[]).map(rowOf);
