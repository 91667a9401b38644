import { createMetrics } from "../api/http/metrics.ts";
import { formatListenAddress } from "../core/base/listen-address.ts";
import { formatZxid } from "../core/base/zxid.ts";
import type { MemberTransition } from "../core/member/member-contract.ts";
import type { LinkOptions } from "../runtime/ensemble-links.ts";
import { MemberRuntime } from "../runtime/member-runtime.ts";
import { Opening } from "../runtime/opening.ts";
import type { RunningMember } from "./doors.ts";
import type { Log } from "./logging.ts";
import type { ServerOptions } from "./options.ts";
import { VERSION } from "./version.ts";

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
  const opening = MemberRuntime.open(
    Opening.begin,
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
  // Their code is loaded while the member waits for its disk and the other members.
  const [runtime, { openDoors }] = await Promise.all([opening, import("./doors.ts")]);
  warnOfLevel(options, runtime, log);
  try {
    return await openDoors(options, runtime, metrics, log);
  } catch (error) {
    await runtime.stop();
    throw error;
  }
}

/** The level of an ensemble never falls: what was meant to hold it down has come too late. */
function warnOfLevel({ featureLevelMax }: ServerOptions, runtime: MemberRuntime, log: Log): void {
  const { featureLevel } = runtime.member.tree.state;
  if (featureLevelMax === null || featureLevel <= featureLevelMax) return;
  log.warn({ featureLevel, featureLevelMax }, "--feature-level-max has no effect: the ensemble is above it already");
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
