import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createGrpcDoor } from "../api/grpc/grpc-door.ts";
import { createHttpDoor } from "../api/http/http-door.ts";
import { createMetrics, type Metrics } from "../api/http/metrics.ts";
import { LocalCoordination } from "../coordination/local-coordination.ts";
import { MemberEnsemble } from "../coordination/member-ensemble.ts";
import { formatListenAddress, type ListenAddress } from "../core/base/listen-address.ts";
import { formatZxid } from "../core/base/zxid.ts";
import type { MemberTransition } from "../core/member/member-contract.ts";
import type { LinkOptions } from "../runtime/ensemble-links.ts";
import { MemberRuntime } from "../runtime/member-runtime.ts";
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

/**
 * The composition root: the one place that constructs things. Resolves when every door is open.
 *
 * @param onFatal the member must not go on: its disk failed, or an invariant is broken. Exit.
 */
export async function startMember(
  options: ServerOptions,
  log: Log,
  onFatal: (error: Error) => void,
): Promise<RunningMember> {
  const metrics = createMetrics();
  const runtime = await MemberRuntime.open(
    {
      memberId: options.id,
      dataDir: options.dataDir,
      peerAddress: formatListenAddress(options.peerAdvertise ?? options.peerListen),
      peerTimeoutMs: options.peerTimeoutMs,
      featureLevel: options.featureLevelMax ?? undefined,
      links: options.ensemble.length > 1 ? linkOptions(options) : undefined,
      memoryBytes: options.memoryBytes,
      outstandingBytesMax: options.requestBytesMax,
      barrierWaitMs: options.readWaitMs,
      roundBytes: options.snapshotEveryBytes,
      journal: { keepCommands: options.journalKeepCommands, keepBytes: options.journalKeepBytes },
    },
    {
      onTransition: (event) => logTransition(log, event),
      onNotice: (level, message, details) => log[level](details, message),
      onFsync: (ms) => metrics.observeFsync(ms / 1000),
      onCommit: (ms) => metrics.observeCommit(ms / 1000),
      onFatal,
    },
  );
  warnOfLevel(options, runtime, log);
  try {
    return await openDoors(options, runtime, metrics, log);
  } catch (error) {
    await runtime.stop();
    throw error;
  }
}

async function openDoors(
  options: ServerOptions,
  runtime: MemberRuntime,
  metrics: Metrics,
  log: Log,
): Promise<RunningMember> {
  const coordination = new LocalCoordination(runtime.member, (error) => runtime.fail(error), {
    version: VERSION,
    ensemble: new MemberEnsemble(runtime),
  });
  const { insecure } = options;
  const grpcDoor = createGrpcDoor(
    { listen: formatListenAddress(options.grpcListen), insecure, version: VERSION },
    { coordination, log },
  );
  const httpDoor = createHttpDoor({ listen: options.httpListen, insecure }, { coordination, metrics, log });
  metrics.connect({
    status: () => coordination.status(),
    journal: () => {
      const { diskBytes, segments } = runtime.journal().stats();
      return { bytes: diskBytes, segments };
    },
    snapshot: () => runtime.snapshot().stats(),
    grpc: () => grpcDoor.stats(),
    queue: () => ({ requests: runtime.member.outstandingCommands }),
  });
  const { address } = await grpcDoor.start();
  let http: ListenAddress;
  let zookeeperDoor: OpenZookeeperDoor | undefined;
  try {
    http = await httpDoor.start();
    zookeeperDoor = await openZookeeperDoor(options, runtime, coordination, log);
  } catch (error) {
    await Promise.all([grpcDoor.stop(0), httpDoor.stop()]);
    throw error;
  }
  const zookeeper = zookeeperDoor?.plain ?? null;
  const { door } = zookeeperDoor ?? {};
  if (door !== undefined) metrics.connect({ zookeeper: () => door.stats() });
  const peer = runtime.links?.address;
  const addresses: MemberAddresses = {
    grpc: parseBound(address),
    http,
    zookeeper,
    zookeeperTls: zookeeperDoor?.tls ?? null,
    peer: peer === undefined ? null : parseBound(peer),
  };
  const told = {
    grpc: options.grpcAdvertise === null ? address : formatListenAddress(options.grpcAdvertise),
    http: formatListenAddress(options.httpAdvertise ?? http),
    zookeeper: zookeeper === null ? "" : formatListenAddress(options.zookeeperAdvertise ?? zookeeper),
    peer: runtime.links?.advertised ?? formatListenAddress(options.peerListen),
  };
  coordination.setAddresses(told);
  runtime.announce(told);
  const addressesFile = join(runtime.dataDir.directory, ADDRESSES_FILE);
  writeFileSync(addressesFile, formatAddresses(options.id, addresses));
  log.info({ grpc: address, http: formatListenAddress(http), version: VERSION }, "serving");
  let stopped: Promise<void> | undefined;
  return {
    addresses,
    stop: () => {
      stopped ??= (async () => {
        rmSync(addressesFile, { force: true });
        // The others have a new leader before this member's clients look for another member.
        runtime.beginStop();
        await Promise.all([grpcDoor.stop(DOOR_GRACE_MS), httpDoor.stop(), zookeeperDoor?.stop()]);
        await runtime.stop();
        metrics.stop();
        log.info({ zxid: formatZxid(runtime.member.tree.zxid) }, "stopped");
      })();
      return stopped;
    },
  };
}

/** The level of an ensemble never falls: what was meant to hold it down has come too late. */
function warnOfLevel({ featureLevelMax }: ServerOptions, runtime: MemberRuntime, log: Log): void {
  const { featureLevel } = runtime.member.tree.state;
  if (featureLevelMax === null || featureLevel <= featureLevelMax) return;
  log.warn({ featureLevel, featureLevelMax }, "--feature-level-max has no effect: the ensemble is above it already");
}

function parseBound(address: string): ListenAddress {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}

function linkOptions(options: ServerOptions): LinkOptions {
  return {
    listen: formatListenAddress(options.peerListen),
    advertise: options.peerAdvertise === null ? undefined : formatListenAddress(options.peerAdvertise),
    members: options.ensemble.map((member) => ({ id: member.id, address: formatListenAddress(member) })),
    tls: options.peerTls ?? undefined,
    insecure: options.insecure,
    bulkBytesPerSecond: options.peerBulkBytesPerSecond,
    hangups: process,
    version: VERSION,
  };
}

function logTransition(log: Log, event: MemberTransition): void {
  if (event.kind === "role") {
    const { role, epoch, leaderId, why } = event;
    const details = { role, epoch, zxid: formatZxid(event.zxid), leader: leaderId, ...(why === "" ? {} : { why }) };
    log.info(details, `member is ${role}`);
  } else if (event.kind === "configuration") {
    const members = event.members.map(({ id, role, peerAddress }) => `${id} ${role} ${peerAddress}`);
    log.info({ zxid: formatZxid(event.zxid), members }, "the ensemble's configuration is in force");
  } else if (event.kind === "diverged" || event.kind === "condemned") {
    const isSentence = event.kind === "condemned";
    const text = isSentence ? "the tree is wrong: a quorum has another; it waits for a snapshot" : "trees differ";
    log.error({ zxid: formatZxid(event.zxid) }, text);
  } else if (event.kind === "on-probation") {
    const text = "nobody remembers whose tree was right: this member serves once its own is proven right";
    log.warn({ zxid: formatZxid(event.zxid) }, text);
  } else if (event.kind === "feature-level") {
    log.info({ zxid: formatZxid(event.zxid), level: event.level }, `the ensemble is at feature level ${event.level}`);
  } else if (event.kind === "slow-disk") {
    const { fsyncs, slow, slowestMs } = event;
    const details = { zxid: formatZxid(event.zxid), fsyncs, slow, slowestMs: Math.round(slowestMs) };
    log.warn(details, `this leader's disk is ${event.isFull ? "full" : "slow"}: it hands over`);
  } else {
    log.info({ count: event.count, zxid: formatZxid(event.zxid) }, "sessions expire");
  }
}
