import { errors } from "../../src/core/base/errors.ts";
import { formatZxid } from "../../src/core/base/zxid.ts";
import { eventType, type Identity } from "../../src/core/tree/operation.ts";
import type { ExpectedEvent } from "../model/expectation.ts";
import type { JournalHistory } from "../simulation/journal-history.ts";
import { operationText } from "../simulation/model-command.ts";
import { type Applied, ModelReplay } from "../simulation/model-replay.ts";
import { NaiveWatch } from "../simulation/naive-watches.ts";
import { demand } from "../simulation/violation.ts";
import { answerText, type Recorded, type RecordedWatch, type Recorder } from "./recorder.ts";

/** What clients saw. */
export type Seen = Pick<Recorder, "operations" | "watches" | "sessions">;

export interface CheckOptions {
  /** Every watch has told of everything up to here. */
  readonly endZxid: number;
  /** Whether a watch may have been told that events are missing: where members were wiped. */
  readonly mayCompact?: boolean;
  /** Sessions whose clients were taken away: they may expire. */
  readonly abandoned?: ReadonlySet<number>;
}

/** What was checked, so that a run that checks nothing shows. */
export interface Checked {
  readonly commands: number;
  readonly writes: number;
  readonly reads: number;
  readonly linearizable: number;
  readonly events: number;
  readonly replayed: number;
  readonly compacted: number;
}

/** The counts, and the model at the end of the log. */
export interface Judged {
  readonly checked: Checked;
  readonly replay: ModelReplay;
}

const SUPER: readonly Identity[] = [{ scheme: "super", id: "" }];
const ANYONE: readonly Identity[] = [];
/** Answers that decide nothing about the request: another copy of it may be applied. */
const UNDECIDED: ReadonlySet<number> = new Set([
  errors.STALE_REQUEST.code,
  errors.SESSION_MOVED.code,
  errors.SESSION_EXPIRED.code,
]);
const EVENT_NAMES: Readonly<Record<number, string>> = {
  [eventType.CREATED]: "created",
  [eventType.DELETED]: "deleted",
  [eventType.DATA_CHANGED]: "data-changed",
  [eventType.CHILDREN_CHANGED]: "children-changed",
};

/**
 * Judges what clients recorded by the log the members agree on: every acknowledged write is in it, once, with the
 * answer of the naive model; every read is the model's state at its zxid; zxids respect real time and each client's
 * own order; each watch told of every event, once, in order. Throws a Violation at the first difference.
 */
export function checkHistory(history: JournalHistory, recorder: Seen, options: CheckOptions): Judged {
  checkRealTime(recorder.operations);
  checkClientOrder(recorder.operations);
  const check = new HistoryCheck(history, recorder, options);
  return check.run();
}

class HistoryCheck {
  private readonly replay: ModelReplay;
  private readonly history: JournalHistory;
  private readonly recorder: Seen;
  private readonly options: CheckOptions;
  private readonly writes = new Map<number, Recorded>();
  /** Writes without an answer, by session and what they asked. */
  private readonly unknown = new Map<string, number>();
  private readonly events: ExpectedEvent[] = [];
  /** When the command of a zxid was called, as far as it is known. */
  private readonly times = new Map<number, number>();
  private replayed = 0;
  private told = 0;
  private compacted = 0;

  constructor(history: JournalHistory, recorder: Seen, options: CheckOptions) {
    this.history = history;
    this.recorder = recorder;
    this.options = options;
    this.replay = new ModelReplay(history);
  }

  run(): Judged {
    this.indexWrites();
    const reads = this.recorder.operations
      .filter(({ read, zxid, outcome }) => read !== undefined && zxid !== 0 && outcome !== "unknown")
      .sort((one, other) => one.zxid - other.zxid);
    for (const each of reads) {
      this.advance(each.zxid);
      this.checkRead(each);
    }
    this.advance(this.history.lastZxid);
    const [lost] = this.writes.values();
    demand(lost === undefined, "no acknowledged write is lost", () => `${describe(lost)}: not in the log`);
    for (const watch of this.recorder.watches) this.checkWatch(watch);
    this.checkReveals();
    const writes = this.recorder.operations.filter(({ write, zxid }) => write !== undefined && zxid !== 0).length;
    const linearizable = reads.filter(({ kind }) => kind === "linearizable").length;
    const { replayed, told: events, compacted } = this;
    const commands = this.replay.applied.length;
    const checked = { commands, writes, reads: reads.length, linearizable, events, replayed, compacted };
    return { checked, replay: this.replay };
  }

  private indexWrites(): void {
    for (const each of this.recorder.operations) {
      if (each.write === undefined) continue;
      if (each.outcome === "unknown") {
        const key = unknownKey(each.sessionId, operationText(each.write));
        this.unknown.set(key, (this.unknown.get(key) ?? 0) + 1);
      } else if (each.zxid !== 0) {
        const other = this.writes.get(each.zxid);
        demand(other === undefined, "a zxid means one command", () => `${describe(each)}\n  ${describe(other)}`);
        this.writes.set(each.zxid, each);
      }
    }
  }

  private advance(zxid: number): void {
    this.replay.advance(zxid, (applied) => this.follow(applied));
  }

  private follow(applied: Applied): void {
    const { command, zxid, answer } = applied;
    this.events.push(...applied.events);
    this.times.set(zxid, this.writes.get(zxid)?.invokedAt ?? 0);
    if (command.kind === "expire-session" && answer.code === 0) {
      const { sessionId } = command;
      const mayExpire = !this.recorder.sessions.has(sessionId) || this.options.abandoned?.has(sessionId) === true;
      demand(
        mayExpire,
        "no session of a living client expires",
        () => `${formatZxid(sessionId)} at ${formatZxid(zxid)}`,
      );
    }
    if (command.kind !== "request" || !this.recorder.sessions.has(command.issuer.sessionId)) return;
    if (answer.zxid !== zxid) {
      this.replayed++;
      return;
    }
    if (UNDECIDED.has(answer.code)) return;
    const text = operationText(command.operation);
    const asked = this.writes.get(zxid);
    if (asked === undefined) this.adopt(command.issuer.sessionId, text, zxid);
    else {
      this.writes.delete(zxid);
      this.checkWrite(asked, applied, text);
    }
  }

  /** In the log, but nobody was told of it: a write whose outcome its client does not know, and each such once. */
  private adopt(sessionId: number, text: string, zxid: number): void {
    const key = unknownKey(sessionId, text);
    const left = this.unknown.get(key) ?? 0;
    demand(left > 0, "nothing is applied twice, or unasked", () => `${formatZxid(zxid)} ${shorten(text)}`);
    this.unknown.set(key, left - 1);
  }

  private checkWrite(asked: Recorded, { command, answer, zxid }: Applied, text: string): void {
    const sessionId = command.kind === "request" ? command.issuer.sessionId : 0;
    const wanted = asked.write === undefined ? "" : operationText(asked.write);
    const same = text === wanted && sessionId === asked.sessionId;
    demand(same, "the log holds what was asked", () => `${describe(asked)}\n  log: ${shorten(text)}`);
    demand(
      (asked.outcome === "ok") === (answer.code === 0),
      "an answer is the model's",
      () => `${describe(asked)}: model code ${answer.code} at ${formatZxid(zxid)}`,
    );
    if (asked.outcome === "failed") {
      const reason = Object.entries(errors).find(([, { code }]) => code === answer.code)?.[0];
      demand(reason === asked.reason, "an answer is the model's", () => `${describe(asked)}: model ${reason}`);
      return;
    }
    const expected = answerText(answer);
    demand(asked.answer === expected, "an answer is the model's", () => `${describe(asked)}\n  model: ${expected}`);
  }

  private checkRead(each: Recorded): void {
    if (each.read === undefined) return;
    const calledAt = this.times.get(each.zxid) ?? 0;
    demand(calledAt < each.returnedAt, "nobody reads the future", () => describe(each));
    const { model } = this.replay;
    const answer = model.read(SUPER, each.sessionId, each.read);
    const expected = answer.code === 0 ? answerText(answer) : "";
    demand(
      (each.outcome === "ok") === (answer.code === 0) && each.answer === expected,
      "a read is the state at its zxid",
      () => `${describe(each)}\n  model: ${answer.code} ${expected}`,
    );
  }

  private checkWatch({ client, path, mode, registeredAt, events }: RecordedWatch): void {
    const watch = new NaiveWatch(0, path, mode);
    const about = `watch of client ${client} on ${path}`;
    const due = this.events.filter((event) => {
      const inTime = event.zxid > registeredAt && event.zxid <= this.options.endZxid;
      return inTime && watch.tells(event, ANYONE);
    });
    let at = 0;
    for (const event of events) {
      if (event.type === "compacted") {
        demand(this.options.mayCompact === true, "every event is told", () => `${about}: compacted at ${event.zxid}`);
        this.compacted++;
        while (due[at] !== undefined && (due[at]?.zxid ?? 0) <= event.zxid) at++;
        continue;
      }
      const next = due[at++];
      const expected = next === undefined ? "nothing more" : eventLine(EVENT_NAMES[next.type], next.path, next.zxid);
      const told = eventLine(event.type, event.path, event.zxid);
      demand(told === expected, "every event once, in order", () => `${about}\n  told: ${told}\n  due:  ${expected}`);
      this.told++;
    }
    const missing = due[at];
    demand(
      missing === undefined,
      "every event is told",
      () => `${about}: ${missing?.path} ${formatZxid(missing?.zxid ?? 0)}`,
    );
  }

  /** When an answer came, the client's watch over everything had told of all that the answer could reveal. */
  private checkReveals(): void {
    for (const { client, path, mode, registeredAt, events } of this.recorder.watches) {
      if (mode !== "persistent-recursive" || events.some(({ type }) => type === "compacted")) continue;
      const watch = new NaiveWatch(0, path, mode);
      const due = this.events.filter((event) => watch.tells(event, ANYONE)).map(({ zxid }) => zxid);
      for (const each of this.recorder.operations) {
        if (each.client !== client || each.outcome !== "ok" || each.zxid <= registeredAt) continue;
        const shown = lastUpTo(due, Math.min(each.zxid, this.options.endZxid));
        const wasTold = each.toldZxid >= shown || shown <= registeredAt;
        demand(wasTold, "an event comes before the answer that reveals it", () => {
          return `${describe(each)}: told up to ${formatZxid(each.toldZxid)}, not of ${formatZxid(shown)}`;
        });
      }
    }
  }
}

/** The last of these below or at a zxid; 0: there is none. */
function lastUpTo(zxids: readonly number[], zxid: number): number {
  let low = 0;
  let high = zxids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((zxids[middle] as number) <= zxid) low = middle + 1;
    else high = middle;
  }
  return zxids[low - 1] ?? 0;
}

/**
 * What had returned before an operation was called stands before it in the total order: a write is later than all that,
 * a linearizable read, a barrier and a failed write no earlier.
 */
function checkRealTime(operations: readonly Recorded[]): void {
  const linearizable = operations.filter(({ kind, zxid, outcome }) => {
    return kind !== "read" && zxid !== 0 && outcome !== "unknown";
  });
  const returns = [...linearizable].sort((one, other) => one.returnedAt - other.returnedAt);
  const calls = [...linearizable].sort((one, other) => one.invokedAt - other.invokedAt);
  let at = 0;
  let latest: Recorded | undefined;
  for (const call of calls) {
    for (let next = returns[at]; next !== undefined && next.returnedAt < call.invokedAt; next = returns[++at]) {
      if (next.zxid > (latest?.zxid ?? 0)) latest = next;
    }
    const floor = latest?.zxid ?? 0;
    const holds = call.kind === "write" ? call.zxid > floor : call.zxid >= floor;
    demand(holds, "zxids follow real time", () => `${describe(call)}\n  called after ${describe(latest)}`);
  }
}

/** A client's writes rise, and a read shows at least all that the client had seen or done in the order of its calls. */
function checkClientOrder(operations: readonly Recorded[]): void {
  const lastWrite = new Map<number, Recorded>();
  const latest = new Map<number, Recorded>();
  for (const each of operations) {
    const { client, zxid, outcome, kind } = each;
    if (zxid === 0 || outcome === "unknown") continue;
    const before = kind === "write" ? lastWrite.get(client) : latest.get(client);
    const floor = before?.zxid ?? 0;
    const holds = kind === "write" ? zxid > floor : zxid >= floor;
    demand(holds, "a client never goes back", () => `${describe(each)}\n  after ${describe(before)}`);
    if (kind === "write") lastWrite.set(client, each);
    if (zxid > (latest.get(client)?.zxid ?? 0)) latest.set(client, each);
  }
}

function unknownKey(sessionId: number, text: string): string {
  return `${sessionId} ${text}`;
}

function eventLine(type: string | undefined, path: string, zxid: number): string {
  return `${type} ${path} @${formatZxid(zxid)}`;
}

function describe(each: Recorded | undefined): string {
  if (each === undefined) return "nothing";
  const { client, kind, write, read, outcome, reason, zxid, invokedAt, returnedAt, answer } = each;
  const what = write === undefined ? (read?.kind ?? "") : shorten(operationText(write));
  const time = `${invokedAt.toFixed(1)}..${returnedAt.toFixed(1)} ms`;
  return `client ${client} ${kind} ${what} ${outcome} ${reason} ${formatZxid(zxid)} (${time}) ${shorten(answer)}`;
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
