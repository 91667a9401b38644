import type { EpochStart } from "../../core/zab/epoch-ends.ts";
import type { Finding } from "./finding.ts";

/** Zxids above `afterZxid`, up to and with `throughZxid`; undefined: as far as the journal went, which is not known. */
export interface ZxidRange {
  readonly afterZxid: number;
  readonly throughZxid: number | undefined;
}

/** What a damaged journal held, as far as what is left of it proves; all above the zxid it was asked for. */
export interface DamageReport {
  readonly findings: readonly Finding[];
  /**
   * What was synced once and cannot be read, ascending. A range may turn out to hold no batch at all: behind the change
   * of an epoch nothing tells where the epoch before ended. The batch before a range may have been voided by a
   * truncation lost in it: whoever fills the range must begin at a batch that both sides hold.
   */
  readonly holes: readonly ZxidRange[];
  /**
   * Damage in the last write without a clean stop: a torn write, or records that were acknowledged; nobody can tell.
   * `throughZxid` is the last zxid that anything left of that write names.
   */
  readonly uncertain: ZxidRange | undefined;
  /** The last zxid in force that anything intact proves, also behind holes and in what is uncertain. */
  readonly lastZxid: number;
  /** Bodies of the latest intact records. */
  readonly promise: Uint8Array | undefined;
  readonly epoch: Uint8Array | undefined;
  readonly configuration: Uint8Array | undefined;
  /** A later promise, epoch or configuration may be among what is lost. */
  readonly stickyInDoubt: boolean;
  /** No later epoch is lost, at least: an intact EPOCH stands behind all damage. */
  readonly isEpochLater: boolean;
  /** Where epochs begin, as far as what is intact tells; ascending. */
  readonly starts: readonly EpochStart[];
}
