import { ASK_BYTES_MAX } from "../core/base/limits.ts";

/** How long the answers to one question are waited for, ms. */
export const ASK_MS = 500;
/** Longest name of a topic, UTF-16 units. */
export const ASK_TOPIC_LENGTH_MAX = 128;
/** Longest text of a refusal, UTF-16 units; what is longer is cut. */
export const ASK_DETAIL_LENGTH_MAX = 512;
/** Questions of this member's whose answers are outstanding at most, whomever they were asked of. */
export const ASKS_OUTSTANDING_MAX = 64;
/** Questions of all members that are answered later, at most. */
export const QUESTIONS_HELD_MAX = 1_024;
/** What these may hold, bytes. */
export const QUESTIONS_HELD_BYTES_MAX = 128 * ASK_BYTES_MAX;
