import { OK } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import type { BufferPool } from "./buffer-pool.ts";
import { operationName } from "./four-letter-words/operation-name.ts";
import type { ConnectionStatistics } from "./four-letter-words/request-statistics.ts";
import { isWrite, type OpCode, opCode } from "./op-code.ts";
import { type PendingDetail, PendingLine } from "./pending-line.ts";
import { writeBody, writeParts } from "./reply-encoder.ts";
import { ReplyWriter } from "./reply-writer.ts";
import { zookeeperCode } from "./zookeeper-error.ts";

/**
 * What a connection owes its client, in order: replies in the order of the requests, whoever answers them, and
 * notifications wherever they come. Collected until {@link take}, which is once a turn.
 */
export class ReplyLine {
  readonly writer: ReplyWriter;
  private readonly pending = new PendingLine();
  private readonly statistics: ConnectionStatistics;
  private readonly now: () => number;
  /** Reused: a reply makes no object. */
  private readonly told = {
    operation: "",
    cxid: 0,
    zxid: 0,
    isUpdate: false,
    requestedAt: 0,
    repliedAt: 0,
    bytes: 0,
  };
  /** One notification and nothing else: sent as it is, since thousands of connections may share it. */
  private lone: Buffer | undefined;
  /** The oldest request is being answered by the door, which takes a while. */
  private isDeferred = false;

  constructor(pool: BufferPool, statistics: ConnectionStatistics, now: () => number) {
    this.writer = new ReplyWriter(pool);
    this.statistics = statistics;
    this.now = now;
  }

  /** Requests without a reply. */
  get outstanding(): number {
    return this.pending.length;
  }

  /** Of the oldest request: its operation, whether it changes the tree, and the watch it may leave. */
  get operation(): number {
    return this.pending.operation;
  }

  get isWrite(): boolean {
    return isWrite(this.pending.operation);
  }

  get watchId(): number | undefined {
    return this.pending.detail?.watchId;
  }

  /** Bytes collected. */
  get bytes(): number {
    return this.writer.length + (this.lone?.length ?? 0);
  }

  /** A request was handed on: its answer comes to {@link answer}, after those before it. */
  expect(xid: number, operation: number, now: number, detail: PendingDetail | undefined): void {
    this.pending.push(xid, operation, now, detail);
  }

  /** The door answers a request itself: `run` is called once everything before it is answered. */
  local(xid: number, operation: number, now: number, run: () => void): void {
    this.pending.push(xid, operation, now, { run });
    if (this.pending.length === 1) this.runLocals();
  }

  /**
   * The door answers a request itself, but not at once: `start` is called when everything before it is answered, and
   * ends with {@link complete} or {@link replace}. Until then no later request may be handed on.
   */
  deferred(xid: number, operation: number, now: number, start: () => void): void {
    this.local(xid, operation, now, () => {
      this.isDeferred = true;
      start();
    });
  }

  /** The oldest request gives its place to a call of the port, which answers it. */
  replace(detail: PendingDetail): void {
    const { pending } = this;
    const { xid, operation, since } = pending;
    pending.shift();
    this.isDeferred = false;
    this.expect(xid, operation, since, detail);
  }

  /** The answer to the oldest request handed on. */
  answer(answer: Answer): void {
    const { pending } = this;
    const { detail } = pending;
    if (detail?.onAnswer !== undefined) {
      pending.shift();
      detail.onAnswer(answer);
    } else {
      this.reply(answer, detail);
      pending.shift();
    }
    if (pending.length > 0) this.runLocals();
  }

  /** The oldest request is answered without the help of the port. */
  complete(error: number, zxid: number, write?: (writer: ReplyWriter) => void): void {
    const { pending, writer } = this;
    const start = this.begin(pending.xid, zxid, error);
    write?.(writer);
    this.end(start, zxid, error);
    pending.shift();
    this.isDeferred = false;
  }

  /** A reply that belongs to no request in the line: to a ping, an auth packet, SASL. */
  outOfLine(xid: number, zxid: number, error: number, write?: (writer: ReplyWriter) => void): void {
    const start = this.begin(xid, zxid, error);
    write?.(this.writer);
    this.writer.endFrame(start);
    this.statistics.answered(this.writer.length - start);
  }

  /** A frame without a header: the response to a connect request. */
  bare(write: (writer: ReplyWriter) => void): void {
    this.spill();
    const start = this.writer.length;
    write(this.writer);
    this.statistics.answered(this.writer.length - start);
  }

  notify(frame: Buffer): void {
    this.statistics.told(frame.length);
    if (this.writer.length === 0 && this.lone === undefined) {
      this.lone = frame;
      return;
    }
    this.spill();
    this.writer.raw(frame);
  }

  /** All that was collected, or undefined. `own` goes back to the pool when it is sent. */
  take(): { readonly bytes: Buffer; readonly own: Buffer | undefined } | undefined {
    const { lone, writer } = this;
    if (lone !== undefined) {
      this.lone = undefined;
      return { bytes: lone, own: undefined };
    }
    const { length } = writer;
    if (length === 0) return undefined;
    const own = writer.take();
    return { bytes: own.subarray(0, length), own };
  }

  private reply(answer: Answer, detail: PendingDetail | undefined): void {
    const { pending, writer } = this;
    const { operation } = pending;
    detail?.adjust?.(answer);
    const hasParts = answer.kind === "multi" || answer.kind === "multi-read";
    const start = this.begin(pending.xid, answer.zxid, hasParts ? OK : zookeeperCode(answer.code));
    if (hasParts) {
      writeParts(writer, detail?.types ?? [], answer.parts, answer.code !== OK);
    } else if (answer.code === OK) {
      if (operation === opCode.SYNC) writer.string(detail?.path ?? "");
      else writeBody(writer, operation, answer);
    }
    this.end(start, answer.zxid, answer.code);
  }

  /** The frame of the oldest request's reply is complete. */
  private end(start: number, zxid: number, error: number): void {
    const { pending, writer, told } = this;
    writer.endFrame(start);
    const isUpdate = isWrite(pending.operation);
    told.operation = operationName(pending.operation as OpCode, isUpdate && error !== OK);
    told.cxid = pending.xid;
    told.zxid = zxid;
    told.isUpdate = isUpdate;
    told.requestedAt = pending.since;
    told.repliedAt = this.now();
    told.bytes = writer.length - start;
    this.statistics.replied(told);
  }

  private begin(xid: number, zxid: number, error: number): number {
    if (this.lone !== undefined) this.spill();
    return this.writer.beginReply(xid, zxid, error);
  }

  private runLocals(): void {
    const { pending } = this;
    while (pending.length > 0 && !this.isDeferred) {
      const run = pending.detail?.run;
      if (run === undefined) return;
      run();
    }
  }

  private spill(): void {
    if (this.lone === undefined) return;
    this.writer.raw(this.lone);
    this.lone = undefined;
  }
}
