import { errors, OK } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import type { DoorCounters } from "./door-counters.ts";
import { ResultEncoder } from "./result-encoder.ts";

/** The door's own answers that may wait for the port's; then no further operation is decoded. */
const OWN_ANSWERS_MAX = 1024;

interface OwnAnswer {
  /** It stands behind this many answers of the port. */
  readonly after: number;
  readonly number: number;
  readonly code: number;
}

/**
 * The answers of one stream, in the order of its requests. Most are the port's; some the door gives itself (a refused
 * operation, a proved identity), and those wait here until every answer before theirs has come.
 */
export class AnswerLine {
  private readonly results: ResultEncoder;
  private readonly counters: DoorCounters;
  private asked = 0;
  private answered = 0;
  private own: OwnAnswer[] = [];
  /** The highest zxid answered, for the door's own answers. */
  private lastZxid = 0;

  constructor(resultBytesMax: number, counters: DoorCounters) {
    this.results = new ResultEncoder(resultBytesMax);
    this.counters = counters;
  }

  /** Collected and not taken yet. */
  get bytes(): number {
    return this.results.bytes;
  }

  /** As many of the door's own answers wait as may. */
  get crowded(): boolean {
    return this.own.length >= OWN_ANSWERS_MAX;
  }

  get complete(): boolean {
    return this.answered >= this.asked;
  }

  /** The zxid the session was opened at. */
  begin(zxid: number): void {
    this.lastZxid = zxid;
  }

  /** One more was asked of the port. Its answer may come at once. */
  ask(): void {
    this.counters.operations++;
    this.asked++;
  }

  /** The door's own answer to the request that was just decoded. */
  answerSelf(number: number, code: number): void {
    this.counters.operations++;
    if (this.complete) this.results.addShort(number, this.lastZxid, code);
    else this.own.push({ after: this.asked, number, code });
  }

  /** Collects an answer of the port; `refuseReads`: without its content, as OVERLOADED, if it is a read's. */
  add(answer: Answer, refuseReads: boolean): void {
    this.answered++;
    if (answer.zxid > this.lastZxid) this.lastZxid = answer.zxid;
    if (refuseReads && answer.code === OK && isRead(answer)) {
      this.counters.readsOverloaded++;
      this.results.addShort(answer.number, answer.zxid, errors.OVERLOADED.code);
    } else this.results.add(answer);
    for (let first = this.own[0]; first !== undefined && first.after <= this.answered; first = this.own[0]) {
      this.results.addShort(first.number, this.lastZxid, first.code);
      this.own.shift();
    }
  }

  /** What was collected, as one message. */
  take(): Buffer | undefined {
    return this.results.take();
  }
}

function isRead(answer: Answer): boolean {
  const { kind } = answer;
  return kind === "get" || kind === "list" || kind === "ephemerals" || kind === "acl" || kind === "multi-read";
}
