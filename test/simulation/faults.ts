/** Defects that can be put into a simulated world, each of which the checker has to notice. */
export const faults = [
  /** A record is called durable before it is written. */
  "acknowledge-before-sync",
  /** The promise of an epoch and the epoch itself are not written down. */
  "forget-epochs",
  /** One event in twenty is not told. */
  "lose-events",
  /** A repeated request is applied afresh. */
  "forget-requests",
  /** A round's newest znode is missing from the snapshot. */
  "lose-snapshot-rows",
  /** The disk says that it has synced, and has not. */
  "lying-disk",
  /** A session ends when it has been silent for a third of its time. */
  "impatient-leader",
  /** An answer overtakes the one before it. */
  "overtaking-answers",
  /** Segments go before the snapshot that replaces them is committed. */
  "prune-too-early",
] as const;
export type Fault = (typeof faults)[number];
