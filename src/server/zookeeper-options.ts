import { superDigestFault } from "../api/zookeeper/auth/digest-identity.ts";
import { type Word, words } from "../api/zookeeper/four-letter-words/words.ts";
import { formatListenAddress, isLoopback, type ListenAddress } from "../core/base/listen-address.ts";

/** What the ZooKeeper door is told beside where it listens in plain text. Paths are absolute. */
export interface ZookeeperOptions {
  /** null: it does not listen for TLS. */
  readonly tls: ZookeeperTlsFiles | null;
  readonly tickMs: number;
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  readonly frameBytesMax: number;
  /** 0: any number. */
  readonly connectionsPerAddressMax: number;
  readonly connectionsMax: number;
  /** Four-letter words that are answered. */
  readonly words: readonly Word[];
  readonly superDigest: string | null;
  /** File; null: SASL is off. */
  readonly saslUsers: string | null;
  /** Nobody asked for just this port: another one will do. */
  readonly anyPortWillDo: boolean;
}

export interface ZookeeperTlsFiles {
  readonly listen: ListenAddress;
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | null;
}

/** The values of its options, and of those it may be at odds with. */
export interface ZookeeperValues {
  readonly insecure: boolean;
  readonly grpcListen: ListenAddress;
  readonly httpListen: ListenAddress;
  readonly peerListen: ListenAddress;
  readonly zookeeperListen: ListenAddress | null;
  readonly zookeeperTlsListen: ListenAddress | null;
  readonly zookeeperTlsCert?: string | undefined;
  readonly zookeeperTlsKey?: string | undefined;
  readonly zookeeperTlsClientCa?: string | undefined;
  readonly zookeeperTickTime: number;
  readonly zookeeperSessionTimeoutMin?: number | undefined;
  readonly zookeeperSessionTimeoutMax?: number | undefined;
  readonly zookeeperFrameMax: number;
  readonly zookeeperConnectionsPerAddress: number;
  readonly zookeeperConnections: number;
  readonly zookeeper4lw: readonly Word[];
  readonly zookeeperSuperDigest?: string | undefined;
  readonly zookeeperSaslUsers?: string | undefined;
}

/** ZooKeeper's bounds of a session time-out, in ticks. */
const TICKS_MIN = 2;
const TICKS_MAX = 20;

/**
 * @param path the absolute path that an option's value means
 * @param anyPortWillDo see {@link ZookeeperOptions}
 */
export function zookeeperOptions(
  values: ZookeeperValues,
  path: (name: keyof ZookeeperValues) => string,
  anyPortWillDo: boolean,
): ZookeeperOptions {
  const { zookeeperTlsListen: listen, zookeeperTickTime: tickMs } = values;
  return {
    tls:
      listen === null || values.zookeeperTlsCert === undefined || values.zookeeperTlsKey === undefined
        ? null
        : {
            listen,
            cert: path("zookeeperTlsCert"),
            key: path("zookeeperTlsKey"),
            clientCa: values.zookeeperTlsClientCa === undefined ? null : path("zookeeperTlsClientCa"),
          },
    tickMs,
    sessionTimeoutMinMs: values.zookeeperSessionTimeoutMin ?? TICKS_MIN * tickMs,
    sessionTimeoutMaxMs: values.zookeeperSessionTimeoutMax ?? TICKS_MAX * tickMs,
    frameBytesMax: values.zookeeperFrameMax,
    connectionsPerAddressMax: values.zookeeperConnectionsPerAddress,
    connectionsMax: values.zookeeperConnections,
    words: values.zookeeper4lw,
    superDigest: values.zookeeperSuperDigest ?? null,
    saslUsers: values.zookeeperSaslUsers === undefined ? null : path("zookeeperSaslUsers"),
    anyPortWillDo,
  };
}

/** What does not go together, or cannot be without something else. */
export function zookeeperProblems(values: ZookeeperValues, source: (name: keyof ZookeeperValues) => string): string[] {
  const problems: string[] = [];
  const { zookeeperTickTime: tickMs } = values;
  const min = values.zookeeperSessionTimeoutMin ?? TICKS_MIN * tickMs;
  const max = values.zookeeperSessionTimeoutMax ?? TICKS_MAX * tickMs;
  if (min > max) {
    problems.push(
      `${source("zookeeperSessionTimeoutMin")}: the shortest session time-out, ${min} ms, is longer than the ` +
        `longest, ${max} ms; lower it, or raise --zookeeper-session-timeout-max`,
    );
  }
  const hasFiles = values.zookeeperTlsCert !== undefined && values.zookeeperTlsKey !== undefined;
  if (values.zookeeperTlsListen !== null && !hasFiles) {
    problems.push(
      `${source("zookeeperTlsListen")}: listening for TLS needs a certificate; give --zookeeper-tls-cert and ` +
        "--zookeeper-tls-key",
    );
  }
  if (values.zookeeperTlsListen !== null)
    problems.push(...tlsAddressProblems(values, values.zookeeperTlsListen, source));
  for (const name of ["zookeeperTlsCert", "zookeeperTlsKey", "zookeeperTlsClientCa"] as const) {
    if (values[name] === undefined || values.zookeeperTlsListen !== null) continue;
    problems.push(`${source(name)}: is for TLS, which is off; open it with --zookeeper-tls-listen`);
  }
  return problems;
}

function tlsAddressProblems(
  values: ZookeeperValues,
  own: ListenAddress,
  source: (name: keyof ZookeeperValues) => string,
): string[] {
  const problems: string[] = [];
  const text = `${source("zookeeperTlsListen")}: "${formatListenAddress(own)}"`;
  if (!isLoopback(own.host) && values.zookeeperTlsClientCa === undefined && !values.insecure) {
    problems.push(
      `${text} is reachable from other machines, which needs authentication; give --zookeeper-tls-client-ca, ` +
        "or accept the risk with --insecure",
    );
  }
  for (const name of ["grpcListen", "httpListen", "peerListen", "zookeeperListen"] as const) {
    const other = values[name];
    if (other === null || own.port === 0 || own.port !== other.port || own.host !== other.host) continue;
    problems.push(`${text} is the address of ${source(name)} too; give each door a port of its own`);
  }
  return problems;
}

/** `srvr,ruok`, `*` or `none`; in YAML also a list. A clause for people where it is wrong. */
export function parseWords(raw: unknown): readonly Word[] | string {
  const fix = `write some of ${words.join(",")}, with commas between, or * for all, or none`;
  const parts = Array.isArray(raw) ? raw : typeof raw === "string" ? raw.split(",") : undefined;
  if (parts === undefined) return `is not a list of words; ${fix}`;
  const texts = parts.map((part) => String(part).trim());
  if (texts.length === 1 && texts[0] === "*") return words;
  if (texts.length === 1 && texts[0] === "none") return [];
  const strange = texts.find((text) => !(words as readonly string[]).includes(text));
  if (strange !== undefined) return `has ${JSON.stringify(strange)}, which is no word; ${fix}`;
  return words.filter((word) => texts.includes(word));
}

/** What is wrong with a super digest, as a clause; undefined when nothing is. */
export function superDigestProblem(raw: unknown): string | undefined {
  return typeof raw === "string" ? superDigestFault(raw) : "is not a text; write user:digest";
}
