/** One thing wrong in a data directory. */
export interface VerifyFinding {
  /** error: a member would refuse to start, or lose or show wrong data; warning: it would deal with it by itself. */
  readonly severity: "error" | "warning";
  readonly file: string;
  /** The place in the file: table and row, or offset; empty for the file as a whole. */
  readonly where: string;
  /** What must hold and does not. */
  readonly rule: string;
  readonly fix: string;
}
