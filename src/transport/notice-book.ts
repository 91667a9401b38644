import { NOTICE_SUBJECTS_MAX } from "./transport-limits.ts";

/** Remembers what was last said about each subject, so that a retry that fails the same way is not told again. */
export class NoticeBook {
  private readonly last = new Map<string, string>();

  /** True if this is news; remembered from then on. */
  isNews(subject: string, text: string): boolean {
    if (this.last.get(subject) === text) return false;
    this.last.delete(subject);
    this.last.set(subject, text);
    // The oldest subject goes: strangers must not grow this without bound.
    if (this.last.size > NOTICE_SUBJECTS_MAX) this.last.delete(this.last.keys().next().value as string);
    return true;
  }

  /** All is well with the subject: the next trouble is news. */
  clear(subject: string): void {
    this.last.delete(subject);
  }
}
