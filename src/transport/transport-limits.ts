import { assert } from "../core/base/assert.ts";
import {
  ASK_ANSWER_BYTES_MAX,
  ASK_BYTES_MAX,
  BATCH_BYTES_TARGET,
  COMMAND_BYTES_MAX,
  MEND_ANSWER_BYTES_MAX,
} from "../core/base/limits.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Largest payload of one frame, bytes: a batch closed late by one large command, and what is put around it. */
export const FRAME_BYTES_MAX = 8 * MIB;
/** Largest `about` of a handshake, bytes. */
export const ABOUT_BYTES_MAX = 32 * KIB;
/** Largest header of a bulk connection, bytes. */
export const BULK_HEADER_BYTES_MAX = 64 * KIB;
/** Largest chunk of a bulk connection, bytes. */
export const BULK_CHUNK_BYTES_MAX = MIB;
/** Longest text field of a handshake or a reason, bytes. */
export const TEXT_BYTES_MAX = 512;
/** Largest frame before the handshake is over, bytes: the two above, and eight short fields. */
export const HELLO_BYTES_MAX = ABOUT_BYTES_MAX + BULK_HEADER_BYTES_MAX + 8 * TEXT_BYTES_MAX;
/** Connections taken in whose handshake is not over at most; the oldest one makes room. */
export const PENDING_HANDSHAKES_MAX = 64;
/** Subjects of repeated notices remembered at most. */
export const NOTICE_SUBJECTS_MAX = 1024;

/** A frame up to this many bytes is copied next to its neighbours; a larger one is written from where it is. */
export const COALESCED_BYTES_MAX = 4 * KIB;
/** Small frames are gathered in pieces of this size. */
export const STAGE_BYTES = 64 * KIB;

/** What may be said to a peer that does not read before its link is dropped, bytes. */
export const QUEUE_BYTES_DEFAULT = 32 * MIB;
/** Asides on one link that the system has not taken yet, bytes: what a message of the core waits behind at most. */
export const ASIDE_BYTES_MAX = MIB;
/** Asides are refused once a link's queue is this full, so that none of them is why the link is dropped. */
export const ASIDE_QUEUE_SHARE = 0.5;
/** A link that is dropped says why only if no more than this is queued before it, bytes. */
export const LAST_WORDS_BEHIND_MAX = 64 * KIB;
/** From dialling to connected, and from connected to the end of the handshake, each at most this, ms. */
export const HANDSHAKE_MS_DEFAULT = 2_000;
/** The lower id's dial waits at most this for the higher id's own one, ms. */
export const HOLD_MS = 250;
/** A connection that was told why it ends may take this long to read it, ms. */
export const LINGER_MS = 1_000;
/** A stopping transport waits this long for its last words to leave, ms. */
export const STOP_MS = 100;
/** After the first retry, at once: from here, doubling, */
export const RETRY_FIRST_MS = 50;
/** to here, ms, each less up to half by chance. */
export const RETRY_LAST_MS = 1_000;
/** A link that lived this long was a good one: its loss is retried at once again, ms. */
export const LINK_PROVEN_MS = 1_000;
/** Silence before the system probes an idle connection, ms. */
export const KEEP_ALIVE_MS = 5_000;
/** A bulk connection on which nothing moves for this long is given up, ms. */
export const BULK_IDLE_MS_DEFAULT = 30_000;
/** All bulk connections of a member together, bytes per second. */
export const BULK_BYTES_PER_SECOND_DEFAULT = 128 * MIB;
/** What bulk may send at once after a rest, bytes. */
export const BULK_BURST_BYTES = MIB;

assert(BATCH_BYTES_TARGET + COMMAND_BYTES_MAX + MIB <= FRAME_BYTES_MAX, "a frame must hold any batch");
assert(2 * MEND_ANSWER_BYTES_MAX <= FRAME_BYTES_MAX, "a frame must hold an answer of small batches, too");
assert(
  ASK_BYTES_MAX + ASK_ANSWER_BYTES_MAX + KIB <= ASIDE_BYTES_MAX,
  "there must be room for a question and an answer",
);
assert(FRAME_BYTES_MAX < 2 ** 24, "a frame's length has 24 bits");
assert(FRAME_BYTES_MAX < QUEUE_BYTES_DEFAULT, "the queue must hold a frame");
