import { assert } from "./assert.ts";

/**
 * Every bound of the core, by name. What `apply` consults stands in {@link Limits}: replicated configuration, equal
 * on every member, changed only by a command. The rest are constants of the formats or of the member's door.
 */
export interface Limits {
  /** Largest data of one znode, bytes. ZooKeeper's `jute.maxbuffer` bounds the whole frame at 1 MiB - 1. */
  readonly dataBytesMax: number;
  /** Longest path, bytes. */
  readonly pathBytesMax: number;
  /** Most operations of one multi. */
  readonly multiOperationsMax: number;
  /** Most znodes one command may touch (recursive delete, session close). */
  readonly nodesPerCommandMax: number;
  /** Most ephemeral znodes one session may own. */
  readonly ephemeralsPerSessionMax: number;
  /** Most sessions open at once. */
  readonly sessionsMax: number;
  /** Shortest session time-out granted, ms. */
  readonly sessionTimeoutMinMs: number;
  /** Longest session time-out granted, ms. */
  readonly sessionTimeoutMaxMs: number;
  /** At-most-once window: request numbers kept per session. */
  readonly windowNumbersMax: number;
  /** At-most-once window: bytes of answers kept per session. */
  readonly windowBytesMax: number;
  /** Most znodes counted when a quota is put on a subtree. */
  readonly quotaScanNodesMax: number;
  /** Most entries of one ACL. */
  readonly aclEntriesMax: number;
  /** 1: hard quotas refuse writes (ZooKeeper's `enforceQuota`); 0: they only warn. */
  readonly enforceQuota: number;
}

export const defaultLimits: Limits = {
  dataBytesMax: 1024 * 1024,
  pathBytesMax: 4096,
  multiOperationsMax: 10_000,
  nodesPerCommandMax: 10_000,
  ephemeralsPerSessionMax: 20_000,
  sessionsMax: 1_000_000,
  sessionTimeoutMinMs: 1_000,
  sessionTimeoutMaxMs: 600_000,
  windowNumbersMax: 1024,
  windowBytesMax: 256 * 1024,
  quotaScanNodesMax: 200_000,
  aclEntriesMax: 128,
  enforceQuota: 1,
};

/** Largest command, bytes: one product command (design: 4 MiB) and its frame. */
export const COMMAND_BYTES_MAX = 4 * 1024 * 1024 + 64 * 1024;
/** Largest TTL of a znode, ms: ZooKeeper keeps 40 bits. */
export const TTL_MS_MAX = 2 ** 40 - 1;
/** Largest configuration of an ensemble, bytes: some hundred members. */
export const CONFIGURATION_BYTES_MAX = 64 * 1024;
/** A batch is closed at this size even inside one turn of the loop, bytes. */
export const BATCH_BYTES_TARGET = 1024 * 1024;
/** Commands of one batch at most. */
export const BATCH_COMMANDS_MAX = 65_536;
/** What one answer to a member that mends its journal holds at most, bytes - or one batch, if that is larger. */
export const MEND_ANSWER_BYTES_MAX = 512 * 1024;
/** Epochs such an answer tells the start of at most. */
export const MEND_STARTS_MAX = 256;
/** Batches it holds at most. */
export const MEND_BATCHES_MAX = 8_192;
/** What one member may ask of others beside the log at most, bytes. */
export const ASK_BYTES_MAX = 64 * 1024;
/** What one of them may answer at most, bytes. */
export const ASK_ANSWER_BYTES_MAX = 256 * 1024;
/** Recent events that go along with a snapshot at most, bytes: what watches resume from after a restart. */
export const SNAPSHOT_HISTORY_BYTES_MAX = 4 * 1024 * 1024;
/** Highest id of a member. */
export const MEMBER_ID_MAX = 255;
/** Voters of one ensemble at most: each one makes every commit dearer, and seven survive the loss of three. */
export const VOTERS_MAX = 7;
/** Members of one ensemble at most, observers included. */
export const MEMBERS_MAX = 64;
/** What one vote may weigh at most. */
export const WEIGHT_MAX = 1_000;
/** Highest number of a group. */
export const GROUP_MAX = 255;

assert(defaultLimits.dataBytesMax < COMMAND_BYTES_MAX, "one znode's data must fit one command");
assert(defaultLimits.sessionTimeoutMinMs < defaultLimits.sessionTimeoutMaxMs, "session time-outs out of order");
