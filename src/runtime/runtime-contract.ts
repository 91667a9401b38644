import type { MemberTransition } from "../core/member/member-contract.ts";
import type { JournalOptions } from "../storage/journal/journal.ts";
import type { LinkOptions } from "./ensemble-links.ts";

/** Recent events kept for watches that resume, by default, bytes. */
export const HISTORY_BYTES_MAX = 16 * 1024 * 1024;

/** Of a member, wherever it keeps what it has. */
export interface MemberSettings {
  readonly memberId: number;
  /** Where it would be dialled, in the configuration of a member that is alone. */
  readonly peerAddress: string;
  /** A peer silent for so long is taken for gone, ms. Default 1,000. */
  readonly peerTimeoutMs?: number | undefined;
  /** The highest feature level offered to the ensemble. Default: the highest this program knows. */
  readonly featureLevel?: number | undefined;
  /** All the process may use, bytes; above nine tenths of it creates and sets are refused. */
  readonly memoryBytes: number;
  /** Requests in flight, bytes. Default 64 MiB. */
  readonly outstandingBytesMax?: number;
  /** How long a read waits for its zxid, ms. Default 5,000. */
  readonly barrierWaitMs?: number;
  /** Recent events kept for resuming watches, bytes. Default 16 MiB. */
  readonly historyBytesMax?: number;
  /** Journal bytes per snapshot round. Default 64 MiB. */
  readonly roundBytes?: number;
}

/** Of a member with a data directory. */
export interface RuntimeOptions extends MemberSettings {
  readonly dataDir: string;
  /** Links to other members; without them it is alone. */
  readonly links?: LinkOptions | undefined;
  /** How the journal is kept, where that differs from its own defaults. */
  readonly journal?: Pick<JournalOptions, "segmentBytes" | "ringBytes" | "keepCommands" | "keepBytes">;
}

/** What the runtime tells its owner. */
export interface RuntimeEvents {
  onTransition(event: MemberTransition): void;
  onNotice(level: "info" | "warn" | "error", message: string, details: object): void;
  onFsync(ms: number): void;
  onCommit(ms: number): void;
  /** The member must stop serving at once and exit: the disk failed or an invariant broke. */
  onFatal(error: Error): void;
}
