import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createGrpcDoor, type GrpcDoor } from "../api/grpc/grpc-door.ts";
import { createHttpDoor, type HttpDoor } from "../api/http/http-door.ts";
import type { Metrics } from "../api/http/metrics.ts";
import { LocalCoordination, type OwnAddresses } from "../coordination/local-coordination.ts";
import { MemberEnsemble } from "../coordination/member-ensemble.ts";
import type { Coordination } from "../coordination/port.ts";
import { formatListenAddress, type ListenAddress } from "../core/base/listen-address.ts";
import { formatZxid } from "../core/base/zxid.ts";
import type { ContentJobs } from "../products/floor/workers/content-jobs.ts";
import { WorkerPool } from "../products/floor/workers/worker-pool.ts";
import type { MemberRuntime } from "../runtime/member-runtime.ts";
import { directoryOf } from "../runtime/opening.ts";
import { workerFile } from "../storage/worker-file.ts";
import { readDoorTls } from "./door-tls.ts";
import { needsFirstToken, provideFirstToken } from "./first-token.ts";
import { type Identities, mayBeAnonymous, openIdentities } from "./identity.ts";
import type { Log } from "./logging.ts";
import type { ServerOptions } from "./options.ts";
import { ADDRESSES_FILE, formatAddresses, type MemberAddresses } from "./options-handover.ts";
import { VERSION } from "./version.ts";
import { type OpenZookeeperDoor, openZookeeperDoor } from "./zookeeper-door.ts";

/** A member that serves. */
export interface RunningMember {
  readonly addresses: MemberAddresses;
  /** Answers what is in flight, closes doors and files. Idempotent. */
  stop(): Promise<void>;
}

/** Streams are given this long to take their last answers, ms. */
const DOOR_GRACE_MS = 1_000;

/** Opens every door of a member that runs. When one cannot be opened, none is. */
export async function openDoors(
  options: ServerOptions,
  runtime: MemberRuntime,
  metrics: Metrics,
  log: Log,
): Promise<RunningMember> {
  const coordination = new LocalCoordination(runtime.member, (error) => runtime.fail(error), {
    version: VERSION,
    ensemble: new MemberEnsemble(runtime),
    links: runtime.links,
    onNotice: (level, message, details) => log[level](details, message),
  });
  const workers = makeWorkers(metrics, log);
  const identities = openIdentities(options, coordination, log);
  const { grpcDoor, httpDoor, reload } = makeDoors(options, identities, coordination, metrics, log);
  connectMember(metrics, runtime, coordination);
  metrics.connect({ grpc: () => grpcDoor.stats(), workers: () => workers.stats() });
  const { address } = await grpcDoor.start();
  let http: ListenAddress;
  let zookeeperDoor: OpenZookeeperDoor | undefined;
  try {
    http = await httpDoor.start();
    zookeeperDoor = await openZookeeperDoor(options, runtime, coordination, identities.gatekeeper, log);
  } catch (error) {
    await Promise.all([grpcDoor.stop(0), httpDoor.stop(), workers.stop()]);
    throw error;
  }
  const { door } = zookeeperDoor ?? {};
  if (door !== undefined) metrics.connect({ zookeeper: () => door.stats() });
  const bound = { grpc: parseBound(address), http, zookeeper: zookeeperDoor?.plain ?? null };
  const peer = runtime.links?.address;
  const addresses: MemberAddresses = {
    ...bound,
    zookeeperTls: zookeeperDoor?.tls ?? null,
    peer: peer === undefined ? null : parseBound(peer),
  };
  const told = whereToFind(options, bound, runtime);
  coordination.setAddresses(told);
  runtime.announce(told);
  const directory = directoryOf(runtime);
  const addressesFile = join(directory, ADDRESSES_FILE);
  writeFileSync(addressesFile, formatAddresses(options.id, addresses));
  process.on("SIGHUP", reload);
  const { tokens } = identities;
  const giveUpToken = needsFirstToken(options) ? provideFirstToken({ directory, tokens, coordination, log }) : () => {};
  log.info({ grpc: address, http: formatListenAddress(http), version: VERSION }, "serving");
  let stopped: Promise<void> | undefined;
  return {
    addresses,
    stop: () => {
      stopped ??= (async () => {
        process.off("SIGHUP", reload);
        giveUpToken();
        rmSync(addressesFile, { force: true });
        // The others have a new leader before this member's clients look for another member.
        runtime.beginStop();
        await Promise.all([grpcDoor.stop(DOOR_GRACE_MS), httpDoor.stop(), zookeeperDoor?.stop()]);
        await workers.stop();
        await runtime.stop();
        metrics.stop();
        log.info({ zxid: formatZxid(runtime.member.tree.zxid) }, "stopped");
      })();
      return stopped;
    },
  };
}

/** What the metrics tell of the member behind the doors. */
function connectMember(metrics: Metrics, runtime: MemberRuntime, coordination: Coordination): void {
  metrics.connect({
    status: () => coordination.status(),
    journal: () => {
      const { diskBytes, segments } = runtime.journal().stats();
      return { bytes: diskBytes, segments };
    },
    snapshot: () => runtime.snapshot().stats(),
    queue: () => ({ requests: runtime.member.outstandingCommands }),
  });
}

/** Where clients and members are told to find this one: as advertised, or as bound. */
function whereToFind(
  { grpcAdvertise, httpAdvertise, zookeeperAdvertise, peerListen }: ServerOptions,
  { grpc, http, zookeeper }: Pick<MemberAddresses, "grpc" | "http" | "zookeeper">,
  { links }: MemberRuntime,
): OwnAddresses {
  return {
    grpc: formatListenAddress(grpcAdvertise ?? grpc),
    http: formatListenAddress(httpAdvertise ?? http),
    zookeeper: zookeeper === null ? "" : formatListenAddress(zookeeperAdvertise ?? zookeeper),
    peer: links?.advertised ?? formatListenAddress(peerListen),
  };
}

/** The threads that read users' content. */
function makeWorkers(metrics: Metrics, log: Log): WorkerPool<ContentJobs> {
  const entry = workerFile("../products/floor/workers/content/content-worker", import.meta.url);
  return new WorkerPool<ContentJobs>({ entry }, { log, observeJob: (seconds) => metrics.observeJob(seconds) });
}

/** The gRPC and the HTTP door, and what has them read their files again. */
function makeDoors(
  options: ServerOptions,
  identities: Identities,
  coordination: Coordination,
  metrics: Metrics,
  log: Log,
): { readonly grpcDoor: GrpcDoor; readonly httpDoor: HttpDoor; readonly reload: () => void } {
  const { insecure, grpcListen, httpListen, tls: files } = options;
  const { gatekeeper, tokens } = identities;
  const tls = files === null ? undefined : readDoorTls(files);
  const grpcDoor = createGrpcDoor(
    {
      listen: formatListenAddress(grpcListen),
      insecure,
      tls,
      mayBeAnonymous: mayBeAnonymous(grpcListen.host, options),
      version: VERSION,
    },
    { coordination, log, gate: gatekeeper, tokens },
  );
  const httpDoor = createHttpDoor(
    { listen: httpListen, insecure, tls },
    { coordination, metrics, log, gate: { gatekeeper, mayBeAnonymous: mayBeAnonymous(httpListen.host, options) } },
  );
  const reload = (): void => {
    identities.reload();
    if (files === null) return;
    try {
      const changed = readDoorTls(files);
      grpcDoor.setTls(changed);
      httpDoor.setTls(changed);
      log.info({}, "the certificates of the gRPC and HTTP doors read again");
    } catch (error) {
      log.error({ error: (error as Error).message }, "the certificates of the gRPC and HTTP doors stay as they were");
    }
  };
  return { grpcDoor, httpDoor, reload };
}

function parseBound(address: string): ListenAddress {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}
