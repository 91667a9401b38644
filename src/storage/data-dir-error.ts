/** A data directory that cannot be used. The message names the file, the rule it breaks, and the way out. */
export class DataDirError extends Error {
  override readonly name = "DataDirError";
  readonly file: string;
  readonly rule: string;
  readonly fix: string;

  constructor(file: string, rule: string, fix: string, cause?: unknown) {
    super(`${file}: ${rule} (${fix})`, { cause });
    this.file = file;
    this.rule = rule;
    this.fix = fix;
  }
}
