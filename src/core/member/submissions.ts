import { assert } from "../base/assert.ts";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { errors } from "../base/errors.ts";
import { BATCH_BYTES_TARGET, BATCH_COMMANDS_MAX, COMMAND_BYTES_MAX } from "../base/limits.ts";
import type { Command } from "../tree/command.ts";

/** Commands of one turn, as they stand in a batch: each with its length before it. */
export interface Chunk {
  readonly commands: Uint8Array;
  readonly count: number;
}

interface Waiting {
  readonly writer: ByteWriter;
  /** Some leader has had it: what became of it, only the log can tell. */
  wasSent: boolean;
  count: number;
  /** Commands that have been applied, and the bytes they take. */
  appliedCount: number;
  appliedBytes: number;
}

/** A command as its issuer and number name it. */
export interface Submitted {
  readonly sessionId: number;
  readonly generation: number;
  readonly number: number;
  /** Its size. */
  readonly bytes: number;
  readonly wasSent: boolean;
}

/** Writers kept for reuse, and the largest worth keeping, bytes. */
const SPARES_MAX = 4;
const SPARE_BYTES_MAX = 2 * BATCH_BYTES_TARGET;
/** Of a command, behind its length: type, session, generation, number (`tree/command.ts`, `writeHead`). */
const SESSION_AT = 4 + 1;

/**
 * The commands this member has taken from its clients and not yet seen applied, in order. A leader gets them chunk by
 * chunk; when it is lost, the next one gets again what is left. Nothing is applied twice for that: all that was sent
 * to a leader is in its history or gone for ever by the time the next one serves, since links keep their order
 * (core.md 12).
 */
export class Submissions {
  /** Bytes taken and not yet applied. */
  outstandingBytes = 0;
  /** Their number. */
  outstandingCommands = 0;
  /** Oldest first. The last one is open while it has not been taken. */
  private queue: Waiting[] = [];
  /** Chunks of the queue that the leader has. */
  private sent = 0;
  private readonly spares: ByteWriter[] = [];
  private isOpen = false;
  private commandStart = 0;
  private readonly head = new ByteReader(new Uint8Array(0));

  /** Something waits to be taken to the leader. */
  get hasUnsent(): boolean {
    const next = this.queue[this.sent];
    return next !== undefined && next.count > 0;
  }

  /** Where the command begun last is being encoded. */
  get writer(): ByteWriter {
    return (this.queue.at(-1) as Waiting).writer;
  }

  /** Begins a command: encode it into the writer, then call {@link end}. */
  begin(): ByteWriter {
    const open = this.openChunk();
    this.commandStart = open.writer.length;
    open.writer.u32(0);
    return open.writer;
  }

  /** Takes the command just encoded; its size in bytes, or minus an error's code. */
  end(): number {
    const open = this.queue.at(-1) as Waiting;
    const { writer } = open;
    const size = writer.length - this.commandStart - 4;
    if (size > COMMAND_BYTES_MAX) {
      writer.length = this.commandStart;
      return -errors.MESSAGE_TOO_LARGE.code;
    }
    writer.putU32(this.commandStart, size);
    open.count++;
    this.outstandingBytes += size;
    this.outstandingCommands++;
    return size;
  }

  /** The next chunk for the leader; its bytes are valid until the next call of this or of `begin`. */
  take(): Chunk | undefined {
    const next = this.queue[this.sent];
    if (next === undefined || next.count === 0) return undefined;
    this.sent++;
    next.wasSent = true;
    this.isOpen &&= this.sent < this.queue.length;
    return { commands: next.writer.view().subarray(next.appliedBytes), count: next.count - next.appliedCount };
  }

  /** All that is not applied, in order: whose it is, and whether a leader ever had it. */
  *unapplied(): Generator<Submitted> {
    for (const { writer, wasSent, appliedBytes } of this.queue) {
      const reader = new ByteReader(writer.bytes, appliedBytes, writer.length);
      while (reader.remaining > 0) {
        const bytes = reader.u32();
        const end = reader.position + bytes;
        reader.u8();
        yield { sessionId: reader.u53(), generation: reader.u32(), number: reader.u53(), bytes, wasSent };
        reader.position = end;
      }
    }
  }

  /** Forgets everything: nobody waits for it. */
  clear(): void {
    this.queue = [];
    this.sent = 0;
    this.isOpen = false;
    this.outstandingBytes = 0;
    this.outstandingCommands = 0;
  }

  /** Another leader: it gets everything again. */
  resend(): void {
    this.sent = 0;
  }

  /** A command was applied: if it is the oldest of these, that one is done; true then. */
  applied(command: Command): boolean {
    const first = this.queue[0];
    if (first === undefined || first.count === 0 || !this.isHead(first, command)) return false;
    const size = this.sizeOfHead(first);
    first.appliedBytes += 4 + size;
    first.appliedCount++;
    this.outstandingBytes -= size;
    this.outstandingCommands--;
    if (first.appliedCount < first.count) return true;
    assert(first.appliedBytes === first.writer.length, "a chunk ends with its last command");
    this.queue.shift();
    this.sent = Math.max(0, this.sent - 1);
    this.keep(first.writer);
    return true;
  }

  private openChunk(): Waiting {
    const last = this.queue.at(-1);
    const isFull = last !== undefined && (last.writer.length >= BATCH_BYTES_TARGET || last.count >= BATCH_COMMANDS_MAX);
    if (this.isOpen && last !== undefined && !isFull) return last;
    const writer = this.spares.pop() ?? new ByteWriter(64 * 1024);
    const fresh = { writer, wasSent: false, count: 0, appliedCount: 0, appliedBytes: 0 };
    this.queue.push(fresh);
    this.isOpen = true;
    return fresh;
  }

  private isHead({ writer, appliedBytes }: Waiting, command: Command): boolean {
    const { head } = this;
    head.reset(writer.bytes, appliedBytes + SESSION_AT, writer.length);
    return head.u53() === command.sessionId && head.u32() === command.generation && head.u53() === command.number;
  }

  private sizeOfHead({ writer, appliedBytes }: Waiting): number {
    return this.head.reset(writer.bytes, appliedBytes, writer.length).u32();
  }

  private keep(writer: ByteWriter): void {
    writer.reset();
    if (writer.bytes.length <= SPARE_BYTES_MAX && this.spares.length < SPARES_MAX) this.spares.push(writer);
  }
}
