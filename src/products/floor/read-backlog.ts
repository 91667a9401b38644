import type { LeafRead } from "../../core/tree/operation.ts";

/** Names of one page of a list: few enough that what comes of a page is read before the next page is. */
const PAGE_NAMES = 1_000;
const FIRST_PAGE = new Uint8Array(0);

/** A znode to be read, or a page of its children's names. */
export type BacklogItem =
  | { readonly kind: "znode"; readonly path: string; readonly below: boolean }
  | { readonly kind: "page"; readonly path: string; readonly cursor: Uint8Array };

/** What of a subtree has yet to be read. Depth first, so that it stays small however wide the subtree is. */
export class ReadBacklog {
  /** Znodes, and whether everything below each has to be read as well. */
  private readonly znodes = new Map<string, boolean>();
  private readonly pages: { readonly path: string; readonly cursor: Uint8Array }[] = [];

  get isEmpty(): boolean {
    return this.znodes.size === 0 && this.pages.length === 0;
  }

  clear(): void {
    this.znodes.clear();
    this.pages.length = 0;
  }

  /** `below`: all its descendants, too. */
  addZnode(path: string, below: boolean): void {
    this.znodes.set(path, below || this.znodes.get(path) === true);
  }

  addPage(path: string, cursor: Uint8Array = FIRST_PAGE): void {
    this.pages.push({ path, cursor });
  }

  /** The znode is known to be gone, as is everything below it. */
  drop(path: string): void {
    this.znodes.delete(path);
  }

  /** Takes out at most so many. */
  take(count: number): BacklogItem[] {
    const items: BacklogItem[] = [];
    for (const [path, below] of this.znodes) {
      if (items.length === count) return items;
      this.znodes.delete(path);
      items.push({ kind: "znode", path, below });
    }
    const page = items.length === 0 ? this.pages.pop() : undefined;
    if (page !== undefined) items.push({ kind: "page", ...page });
    return items;
  }

  /** They could not be read. */
  putBack(items: readonly BacklogItem[]): void {
    for (const item of items) {
      if (item.kind === "znode") this.addZnode(item.path, item.below);
      else this.addPage(item.path, item.cursor);
    }
  }
}

export function readOf(item: BacklogItem): LeafRead {
  if (item.kind === "znode") return { kind: "get", path: item.path };
  return { kind: "list", path: item.path, limit: PAGE_NAMES, cursor: item.cursor };
}
