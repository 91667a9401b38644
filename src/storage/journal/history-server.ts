import type { JournalRecord } from "../../core/zab/journal-record.ts";
import type { Disk } from "../disk.ts";
import { type Finding, JournalDamagedError } from "./finding.ts";
import type { SegmentFile } from "./journal-files.ts";
import { type HistorySource, readHistory, readVoidings } from "./read-history.ts";
import type { Voiding } from "./voiding.ts";

/** What the loop asks of the history's thread; `id` names one history. */
export type HistoryRequest =
  | { readonly kind: "open"; readonly id: number; readonly source: HistorySource; readonly afterZxid: number }
  | { readonly kind: "next"; readonly id: number }
  | { readonly kind: "voidings"; readonly id: number; readonly segment: SegmentFile; readonly end: number }
  | { readonly kind: "close"; readonly id: number };

/** The answer to one "next" or "voidings". */
export type HistoryReply =
  | { readonly kind: "chunk"; readonly id: number; readonly bytes: Uint8Array; readonly spans: Float64Array }
  | { readonly kind: "end"; readonly id: number }
  | { readonly kind: "voidings"; readonly id: number; readonly voidings: readonly Voiding[] }
  | { readonly kind: "damaged"; readonly id: number; readonly findings: readonly Finding[] }
  | { readonly kind: "failed"; readonly id: number; readonly message: string; readonly code: string | undefined };

/** Bodies given at once: enough to keep a learner's link busy, little enough to hold many histories open. */
export const HISTORY_CHUNK_BYTES = 1024 * 1024;

/** Reads histories, checks them, and packs the records so that their bytes can change hands without a copy. */
export class HistoryServer {
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly open = new Map<number, Generator<JournalRecord>>();

  constructor(disk: Disk, directory: string) {
    this.disk = disk;
    this.directory = directory;
  }

  /** The answer to a request, if it has one. */
  handle(request: HistoryRequest): HistoryReply | undefined {
    const { kind, id } = request;
    if (kind === "open") {
      this.open.set(id, readHistory(this.disk, this.directory, request.source, request.afterZxid));
      return undefined;
    }
    if (kind === "close") {
      this.open.get(id)?.return(undefined);
      this.open.delete(id);
      return undefined;
    }
    try {
      if (kind === "next") return this.next(id);
      const { segment, end } = request;
      return { kind, id, voidings: readVoidings(this.disk, this.directory, segment, end) };
    } catch (error) {
      this.open.delete(id);
      if (error instanceof JournalDamagedError) return { kind: "damaged", id, findings: error.findings };
      const { message, code } = error as NodeJS.ErrnoException;
      return { kind: "failed", id, message, code };
    }
  }

  private next(id: number): HistoryReply {
    const records = this.open.get(id);
    // It failed before, or with the thread that had it: its end must not be taken for the journal's.
    if (records === undefined) throw new Error("this reading of the journal's history failed before");
    const packer = new ChunkPacker();
    while (packer.length < HISTORY_CHUNK_BYTES) {
      const step = records.next();
      if (step.done) break;
      packer.add(step.value);
    }
    return packer.isEmpty ? { kind: "end", id } : { kind: "chunk", id, ...packer.finish() };
  }
}

class ChunkPacker {
  length = 0;
  private bytes = new Uint8Array(64 * 1024);
  private readonly spans: number[] = [];

  get isEmpty(): boolean {
    return this.spans.length === 0;
  }

  add({ firstZxid, lastZxid, body }: JournalRecord): void {
    const end = this.length + body.length;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.bytes.length));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(body, this.length);
    this.length = end;
    this.spans.push(firstZxid, lastZxid, body.length);
  }

  finish(): { bytes: Uint8Array; spans: Float64Array } {
    return { bytes: this.bytes.subarray(0, this.length), spans: Float64Array.from(this.spans) };
  }
}
