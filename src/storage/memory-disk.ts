import { basename, dirname } from "node:path";
import type { Disk, DiskFile, OpenMode } from "./disk.ts";

/** A file's bytes; the array is longer than the file, so that growing does not copy every time. */
interface Content {
  bytes: Uint8Array;
  size: number;
}

/**
 * A disk in memory, for members that keep nothing: whatever was written is there for those who open it later, and is
 * gone with the process. It never fails and is never full.
 */
export class MemoryDisk implements Disk {
  private readonly directories = new Map<string, Map<string, Content>>();

  makeDirectory(path: string): void {
    if (!this.directories.has(path)) this.directories.set(path, new Map());
  }

  list(directory: string): string[] {
    return [...this.namesIn(directory).keys()].sort();
  }

  open(path: string, mode: OpenMode): DiskFile {
    const names = this.namesIn(dirname(path));
    const name = basename(path);
    if (mode === "create") {
      if (names.has(name)) throw failure("EEXIST", path);
      names.set(name, { bytes: new Uint8Array(0), size: 0 });
    }
    return new MemoryFile(contentOf(names, path));
  }

  rename(from: string, to: string): void {
    const names = this.namesIn(dirname(from));
    const content = contentOf(names, from);
    const target = this.namesIn(dirname(to));
    names.delete(basename(from));
    target.set(basename(to), content);
  }

  unlink(path: string): void {
    if (!this.namesIn(dirname(path)).delete(basename(path))) throw failure("ENOENT", path);
  }

  /** A change of names is as lasting as it will ever be once it is made. */
  syncDirectory(directory: string): void {
    this.namesIn(directory);
  }

  freeBytes(): number {
    return Number.MAX_SAFE_INTEGER;
  }

  private namesIn(directory: string): Map<string, Content> {
    const names = this.directories.get(directory);
    if (names === undefined) throw failure("ENOENT", directory);
    return names;
  }
}

class MemoryFile implements DiskFile {
  private readonly content: Content;

  constructor(content: Content) {
    this.content = content;
  }

  size(): number {
    return this.content.size;
  }

  read(position: number, into: Uint8Array): number {
    const { bytes, size } = this.content;
    const found = bytes.subarray(position, Math.max(position, Math.min(size, position + into.length)));
    into.set(found);
    return found.length;
  }

  write(position: number, bytes: Uint8Array): void {
    const { content } = this;
    const end = position + bytes.length;
    if (end > content.bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * content.bytes.length));
      grown.set(content.bytes);
      content.bytes = grown;
    }
    content.bytes.set(bytes, position);
    content.size = Math.max(content.size, end);
  }

  /** There is nothing more lasting than memory here. */
  datasync(): void {}

  close(): void {}
}

function contentOf(names: ReadonlyMap<string, Content>, path: string): Content {
  const content = names.get(basename(path));
  if (content === undefined) throw failure("ENOENT", path);
  return content;
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: in memory, ${path}`), { code });
}
