import type { AclTable } from "./acl-table.ts";
import type { EventType } from "./operation.ts";
import { copyBytes } from "./slab.ts";

/** Where the events of a command go once it has succeeded. */
export interface EventSink {
  /** `path[start, end)` and the ACL id are valid only during the call. */
  record(type: EventType, path: Uint8Array, start: number, end: number, zxid: number, aclId: number): void;
}

/**
 * The events of the command being applied, in order. They leave only if it succeeds, so that a multi that fails halfway
 * tells nobody anything.
 */
export class EventBuffer {
  private paths = new Uint8Array(1024);
  private used = 0;
  private readonly types: EventType[] = [];
  private readonly ends: number[] = [];
  private readonly acls: number[] = [];
  private count = 0;

  add(type: EventType, path: Uint8Array, start: number, end: number, aclId: number): void {
    this.place(end - start);
    copyBytes(path, start, end, this.paths, this.used);
    this.push(type, end - start, aclId);
  }

  /** As `add`, for a path written by the caller into the space this returns the end of. */
  reserve(size: number): { bytes: Uint8Array; end: number } {
    this.place(size);
    return { bytes: this.paths, end: this.used + size };
  }

  push(type: EventType, size: number, aclId: number): void {
    this.used += size;
    this.types[this.count] = type;
    this.ends[this.count] = this.used;
    this.acls[this.count] = aclId;
    this.count++;
  }

  /** Hands everything to the sink and empties the buffer. */
  release(sink: EventSink, zxid: number, acls: AclTable): void {
    let start = 0;
    for (let i = 0; i < this.count; i++) {
      const end = this.ends[i] as number;
      sink.record(this.types[i] as EventType, this.paths, start, end, zxid, this.acls[i] as number);
      start = end;
    }
    this.clear();
    acls.collect();
  }

  clear(): void {
    this.used = 0;
    this.count = 0;
  }

  private place(size: number): void {
    if (this.used + size <= this.paths.length) return;
    const grown = new Uint8Array(Math.max(this.used + size, this.paths.length * 2));
    grown.set(this.paths.subarray(0, this.used));
    this.paths = grown;
  }
}
