import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { arch, homedir, hostname, release, type as systemName, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import { openSaslUsers, type SaslUsersFile } from "../api/zookeeper/auth/sasl-users.ts";
import { configText } from "../api/zookeeper/ensemble/config-text.ts";
import type { EnsembleFacts, OptionFacts } from "../api/zookeeper/four-letter-words/word-facts.ts";
import type { WordSources } from "../api/zookeeper/word-desk.ts";
import { createZookeeperDoor, type ZookeeperDoor, type ZookeeperTls } from "../api/zookeeper/zookeeper-door.ts";
import type { Coordination } from "../coordination/port.ts";
import type { ListenAddress } from "../core/base/listen-address.ts";
import type { Gatekeeper } from "../products/floor/gatekeeper.ts";
import type { MemberRuntime } from "../runtime/member-runtime.ts";
import { directoryOf } from "../runtime/opening.ts";
import { mayBeAnonymous } from "./identity.ts";
import type { Log } from "./logging.ts";
import type { ServerOptions } from "./options.ts";
import { VERSION } from "./version.ts";
import type { ZookeeperTlsFiles } from "./zookeeper-options.ts";

/** The ZooKeeper whose protocol and texts the door speaks; tools compare it. */
const SPOKEN_VERSION = "3.8.0";

/** The ZooKeeper door, open. */
export interface OpenZookeeperDoor {
  readonly door: ZookeeperDoor;
  /** Where it is bound; null where it does not listen in that way. */
  readonly plain: ListenAddress | null;
  readonly tls: ListenAddress | null;
  stop(): Promise<void>;
}

/** Opens the ZooKeeper door as the options say; undefined where it is off. */
export async function openZookeeperDoor(
  options: ServerOptions,
  runtime: MemberRuntime,
  coordination: Coordination,
  gatekeeper: Gatekeeper,
  log: Log,
): Promise<OpenZookeeperDoor | undefined> {
  const { zookeeperListen, zookeeper } = options;
  if (zookeeperListen === null && zookeeper.tls === null) return undefined;
  const users = zookeeper.saslUsers === null ? undefined : openSaslUsers(zookeeper.saslUsers);
  const bound: { plain: ListenAddress | null; tls: ListenAddress | null } = { plain: null, tls: null };
  const make = (listen: ListenAddress | null): ZookeeperDoor =>
    createZookeeperDoor(
      {
        listen,
        tlsListen: zookeeper.tls?.listen ?? null,
        tls: zookeeper.tls === null ? null : readTls(zookeeper.tls),
        words: new Set(zookeeper.words),
        mayBeAnonymous: {
          plain: listen !== null && mayBeAnonymous(listen.host, options),
          tls: zookeeper.tls !== null && mayBeAnonymous(zookeeper.tls.listen.host, options),
        },
        limits: {
          frameBytesMax: zookeeper.frameBytesMax,
          connectionsPerAddressMax: zookeeper.connectionsPerAddressMax,
          connectionsMax: zookeeper.connectionsMax,
          sessionTimeoutMinMs: zookeeper.sessionTimeoutMinMs,
          sessionTimeoutMaxMs: zookeeper.sessionTimeoutMaxMs,
        },
      },
      {
        coordination,
        log,
        gatekeeper,
        sources: wordSources(options, runtime, coordination, () => bound),
        auth: { superDigest: zookeeper.superDigest ?? undefined, saslUsers: () => users?.users },
      },
    );
  let door = make(zookeeperListen);
  try {
    Object.assign(bound, await door.start());
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
    if (!isTaken || !zookeeper.anyPortWillDo || zookeeperListen === null) throw error;
    door = make({ ...zookeeperListen, port: 0 });
    Object.assign(bound, await door.start());
  }
  const reload = (): void => reloadFiles(door, users, zookeeper.tls, log);
  process.on("SIGHUP", reload);
  return {
    door,
    ...bound,
    stop: async () => {
      process.off("SIGHUP", reload);
      await door.stop();
    },
  };
}

function readTls({ cert, key, clientCa }: ZookeeperTlsFiles): ZookeeperTls {
  return {
    cert: readFileSync(cert, "utf8"),
    key: readFileSync(key, "utf8"),
    clientCa: clientCa === null ? undefined : readFileSync(clientCa, "utf8"),
  };
}

/** What cannot be read leaves things as they are. */
function reloadFiles(
  door: ZookeeperDoor,
  users: SaslUsersFile | undefined,
  tls: ZookeeperTlsFiles | null,
  log: Log,
): void {
  const attempt = (what: string, action: () => void): void => {
    try {
      action();
      log.info({}, `${what} of the ZooKeeper door read again`);
    } catch (error) {
      log.error({ error: (error as Error).message }, `${what} of the ZooKeeper door stay as they were`);
    }
  };
  if (tls !== null) attempt("the certificates", () => door.setTls(readTls(tls)));
  if (users !== undefined) attempt("the users", () => users.reload());
}

function wordSources(
  options: ServerOptions,
  runtime: MemberRuntime,
  coordination: Coordination,
  bound: () => { plain: ListenAddress | null; tls: ListenAddress | null },
): WordSources {
  return {
    version: { text: `${SPOKEN_VERSION}-muster-${VERSION}`, builtAt: buildTime() },
    process: () => ({ uptimeMs: process.uptime() * 1000, openFiles: openFiles(), openFilesMax: openFilesMax() }),
    options: () => optionFacts(options, coordination, bound()),
    folders: () => {
      const { databaseBytes, walBytes } = runtime.snapshot().stats();
      const directory = directoryOf(runtime);
      const journalBytes = runtime.journal().stats().diskBytes;
      return {
        data: directory,
        dataBytes: databaseBytes + walBytes,
        journal: join(directory, "journal"),
        journalBytes,
      };
    },
    environment: environmentFacts,
    ensemble: () => ensembleFacts(coordination, runtime),
    resetEnsemble: () => runtime.member.proposalSizes.reset(),
  };
}

function optionFacts(
  options: ServerOptions,
  coordination: Coordination,
  { plain, tls }: { plain: ListenAddress | null; tls: ListenAddress | null },
): OptionFacts {
  const { zookeeper, peerListen, peerTimeoutMs } = options;
  const status = coordination.status();
  const ticks = Math.max(1, Math.ceil(peerTimeoutMs / zookeeper.tickMs));
  const self = status.members.find(({ id }) => id === status.memberId);
  return {
    serverId: options.id,
    clientPort: plain?.port,
    secureClientPort: tls?.port,
    tickMs: zookeeper.tickMs,
    connectionsPerAddressMax: zookeeper.connectionsPerAddressMax,
    sessionTimeoutMinMs: zookeeper.sessionTimeoutMinMs,
    sessionTimeoutMaxMs: zookeeper.sessionTimeoutMaxMs,
    ensemble:
      status.members.length === 1
        ? undefined
        : {
            initLimitTicks: ticks,
            syncLimitTicks: ticks,
            electionPort: peerListen.port,
            quorumPort: peerListen.port,
            isObserver: self?.votingRole === "observer",
            membership: configText(status),
          },
  };
}

function ensembleFacts(coordination: Coordination, runtime: MemberRuntime): EnsembleFacts | undefined {
  const { members, leaderId, memberId } = coordination.status();
  if (members.length === 1) return undefined;
  const learners = members.filter(({ id, isReachable }) => id !== memberId && isReachable);
  const synced = learners.filter(({ role }) => role === "follower" || role === "observer");
  return {
    leaderId,
    votingMembers: members.filter(({ votingRole }) => votingRole === "voter").length,
    leader:
      leaderId !== memberId
        ? undefined
        : {
            learners: learners.length,
            syncedFollowers: synced.filter(({ role }) => role === "follower").length,
            syncedObservers: synced.filter(({ role }) => role === "observer").length,
            proposalSizes: runtime.member.proposalSizes,
            uptimeMs: process.uptime() * 1000,
          },
  };
}

function environmentFacts() {
  const { used_heap_size, heap_size_limit, total_heap_size } = getHeapStatistics();
  return {
    hostName: hostname(),
    runtimeVersion: process.versions.node,
    engineVersion: process.versions.v8,
    runtimeFolder: process.execPath,
    program: process.argv[1] ?? "",
    temporaryFolder: tmpdir(),
    systemName: systemName(),
    architecture: arch(),
    systemVersion: release(),
    userName: userName(),
    userFolder: homedir(),
    workingFolder: process.cwd(),
    freeBytes: total_heap_size - used_heap_size,
    heapBytesMax: heap_size_limit,
    heapBytes: total_heap_size,
  };
}

/** A container may run as a user that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "");
  }
}

/** Of this program: when its files were made. */
function buildTime(): number {
  return statSync(new URL(import.meta.url)).mtimeMs;
}

function openFiles(): number | undefined {
  return existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : undefined;
}

function openFilesMax(): number | undefined {
  const limits = existsSync("/proc/self/limits") ? readFileSync("/proc/self/limits", "utf8") : "";
  const found = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return found === undefined ? undefined : Number(found);
}
