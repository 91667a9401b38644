/**
 * How a multi takes back what it did: each change, as it is made, leaves its inverse; what cannot be inverted (giving
 * memory back, telling the snapshot of a deletion) is left for the end, and happens only if all went well.
 */
export class UndoLog {
  private readonly inverses: (() => void)[] = [];
  private readonly atEnd: (() => void)[] = [];

  undoWith(inverse: () => void): void {
    this.inverses.push(inverse);
  }

  finallyDo(action: () => void): void {
    this.atEnd.push(action);
  }

  /** In reverse order, so that each inverse meets the state its change left. */
  rollBack(): void {
    for (let i = this.inverses.length - 1; i >= 0; i--) (this.inverses[i] as () => void)();
  }

  complete(): void {
    for (const action of this.atEnd) action();
  }
}
