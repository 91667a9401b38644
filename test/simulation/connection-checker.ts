import { errors, OK, type Reason, reasonOf } from "../../src/core/base/errors.ts";
import { formatZxid } from "../../src/core/base/zxid.ts";
import type { OpenedSession } from "../../src/core/member/connection-listener.ts";
import type { Answer } from "../../src/core/tree/answer.ts";
import type { Identity, ReadOperation } from "../../src/core/tree/operation.ts";
import type { WatchEvent } from "../../src/core/tree/watch-event.ts";
import { show } from "../model/compare.ts";
import type { ExpectedAnswer } from "../model/expectation.ts";
import { isValidPath } from "../model/naive-rules.ts";
import type { ClientRequest, NumberedRequest } from "./client-message.ts";
import type { MemberChecker, MemberView } from "./member-checker.ts";
import { operationText } from "./model-command.ts";
import type { Applied } from "./model-replay.ts";
import { eventText, NaiveWatch, NaiveWatches } from "./naive-watches.ts";
import { demand, Violation } from "./violation.ts";

/** Codes with which a request is refused before it reaches the log, or the tree. */
const REFUSALS: readonly number[] = (
  ["NOT_READY", "STOPPING", "OVERLOADED", "NO_SPACE", "NO_MEMORY", "NO_QUORUM", "NOT_CAUGHT_UP"] as const
).map((reason) => errors[reason].code);

interface Asked {
  readonly request: NumberedRequest;
  /** What others had seen when it was asked. */
  readonly revealed: number;
  /** Which time the member served then, 0 if not: a refusal is decided when a request comes, and told in its turn. */
  readonly service: number;
  /** A write behind the close of its own session. */
  readonly isLate: boolean;
}

/** Events of one zxid that are due. */
interface Due {
  readonly zxid: number;
  readonly texts: readonly string[];
}

/** A watch that goes on from a zxid: its events come before the answer. */
interface Resuming {
  readonly watch: NaiveWatch;
  readonly afterZxid: number;
  /** The member has to get there first: what other watches see on the way, and a little beyond, is told as it comes. */
  readonly waits: boolean;
  /** Index of the next command whose events it has to be told of. */
  next: number;
  fired: boolean;
}

/** One connection, as the member must treat it: everything it is told is compared with the model at that very zxid. */
export class ConnectionChecker {
  sessionId = 0;
  private generation = 0;
  private opening: Extract<ClientRequest, { kind: "open" | "resume" }> | undefined;
  private openingAt = 0;
  private isClosing = false;
  private isClosed = false;
  private readonly checker: MemberChecker;
  private readonly view: MemberView;
  private readonly identities: readonly Identity[];
  private readonly asked: Asked[] = [];
  private readonly watches: NaiveWatches;
  private due: Due[] = [];
  /** When keep-alives came, by token. */
  private readonly touches = new Map<number, number>();
  /** Of its last read. */
  private readZxid = 0;
  private resuming: Resuming | undefined;
  /** A write of its session was refused, to be taken to another member: those behind it must not overtake it. */
  private isSentAway = false;
  /** A wrong tree has told it an event, or has not: from then on its watches are not those of the history. */
  private isMisled = false;

  constructor(checker: MemberChecker, view: MemberView, identities: readonly Identity[]) {
    this.checker = checker;
    this.view = view;
    this.identities = identities;
    this.watches = new NaiveWatches(identities);
  }

  // ---- What the client asks ----

  request(request: ClientRequest, now: number): void {
    if (request.kind === "touch") this.touches.set(request.token, now);
    if (request.kind === "open" || request.kind === "resume") {
      this.opening = request;
      this.openingAt = now;
    } else if (request.kind === "close") this.isClosing = true;
    else if (request.kind !== "touch") {
      this.asked.push({
        request,
        revealed: this.checker.book.revealed,
        service: this.view.serves ? this.view.services : 0,
        isLate: this.isClosing,
      });
      if (request.kind === "write") this.checker.book.askedWrite(this.sessionId, request);
      this.beginResuming();
    }
    if (request.kind === "close" && this.sessionId !== 0) this.checker.book.askedClose(this.sessionId);
  }

  // ---- What it is told ----

  opened({ sessionId, zxid, timeoutMs, resumed }: OpenedSession): void {
    const applied = this.catchUp();
    const { opening } = this;
    demand(opening !== undefined && applied?.zxid === zxid, "sessions begin in the log", () => formatZxid(zxid));
    const { command } = applied;
    const isOwn =
      opening.kind === "open"
        ? command.kind === "open-session" && sessionId === zxid && !resumed
        : command.kind === "move-session" && sessionId === opening.sessionId && command.sessionId === sessionId;
    const isSecret = "secretHash" in command && String(command.secretHash) === String(opening.secretHash);
    const session = this.checker.replay.model.sessions.get(sessionId);
    const isKnown = session !== undefined && session.timeoutMs === timeoutMs && applied.answer.code === OK;
    demand(
      isOwn && isSecret && isKnown,
      "sessions begin in the log",
      () => `${formatZxid(sessionId)}: ${command.kind}`,
    );
    this.opening = undefined;
    this.sessionId = sessionId;
    this.generation = session.generation;
    this.checker.book.lives(sessionId, this.openingAt);
    this.demandToldAll("the session's opening");
  }

  answered(answer: Answer): void {
    const applied = this.catchUp();
    const asked = this.asked.shift();
    const isNext = asked !== undefined && asked.request.number === answer.number && !this.isClosed;
    demand(isNext, "core.md 14: requests are answered in order", () => {
      return `${answer.number} was answered, ${asked?.request.number} was next`;
    });
    this.demandToldAll(`the answer to ${answer.number}`);
    const { request } = asked;
    if (asked.isLate && request.kind === "write") {
      const isOver = answer.code === errors.SESSION_EXPIRED.code;
      demand(isOver, "nothing is written behind a close", () => `${request.number}: ${answer.code}`);
    } else if (REFUSALS.includes(answer.code)) this.refused(asked, answer);
    else if (request.kind === "write") this.writeAnswered(request, answer, applied);
    else this.checkHere(asked, answer);
    this.beginResuming();
  }

  events(events: readonly WatchEvent[], zxid: number): void {
    this.catchUp();
    const texts = events.map(({ watchId, event }) => eventText(watchId, event));
    const isTold = (due: Due | undefined): boolean => due?.zxid === zxid && String(due.texts) === String(texts);
    const isOnTheWay = this.resuming?.waits === true && isTold(this.due[0]);
    const expected = isOnTheWay ? this.due.shift() : (this.nextResumed() ?? this.due.shift());
    const isSame = isTold(expected);
    demand(isSame || this.mayMislead(), "core.md 14: events as they happened", () => {
      const due = expected === undefined ? "nothing" : `${expected.texts} of ${formatZxid(expected.zxid)}`;
      return `told ${texts} of ${formatZxid(zxid)}, due was ${due}`;
    });
    this.checker.book.count("events told", texts.length);
  }

  touched(token: number): void {
    this.catchUp();
    const since = this.touches.get(token);
    demand(since !== undefined, "a keep-alive that came is answered", () => String(token));
    this.checker.book.lives(this.sessionId, since);
    this.demandToldAll("a keep-alive's answer");
  }

  closed(reason: Reason | undefined, zxid: number): void {
    const applied = this.catchUp();
    demand(!this.isClosed, "a connection ends once", () => String(reason));
    this.isClosed = true;
    this.checker.forget(this);
    if (reason === "NOT_READY" || reason === "STOPPING") {
      demand(!this.view.serves, "a leader serves", () => `closed, ${reason}, while serving`);
      return;
    }
    const { model } = this.checker.replay;
    const session = model.sessions.get(this.sessionId);
    const why = `${reason ?? "as asked"} at ${formatZxid(zxid)}`;
    if (this.opening !== undefined) {
      const isRefusal =
        applied?.zxid === zxid && applied.answer.code !== OK && reasonOf(applied.answer.code) === reason;
      demand(isRefusal, "sessions end in the log", () => `opening: ${why}, ${JSON.stringify(applied?.answer)}`);
    } else if (reason === undefined) {
      const isOver = this.isClosing && session === undefined;
      demand(isOver, "sessions end in the log", () => why);
    } else {
      const isOver = reason === "SESSION_EXPIRED" && session === undefined;
      const isMoved = reason === "SESSION_MOVED" && session !== undefined && session.generation > this.generation;
      demand(isOver || isMoved, "sessions end in the log", () => why);
    }
  }

  /** The member was told that the client is gone. */
  gone(): void {
    this.isClosed = true;
    this.checker.forget(this);
  }

  // ---- What the checker tells ----

  /** The model applied a command. */
  applied({ zxid, events }: Applied): void {
    const texts = this.watches.match(events);
    if (texts.length > 0) this.due.push({ zxid, texts });
  }

  /** The member has nothing to do at this moment: whatever was due has been told. */
  settled(): void {
    this.demandToldAll("the end of the turn");
    if (this.sessionId === 0 || this.isClosed) return;
    const session = this.checker.replay.model.sessions.get(this.sessionId);
    demand(
      session?.generation === this.generation,
      "the end of a session is told",
      () => `${formatZxid(this.sessionId)} ended, or moved, and its connection does not know`,
    );
  }

  // ---- Answers ----

  private refused({ request, service }: Asked, { code, zxid }: Answer): void {
    const reason = reasonOf(code);
    const isWrite = request.kind === "write" && this.sessionId !== 0;
    this.checker.book.count(reason, 1);
    if (reason === "NOT_READY" || reason === "STOPPING") {
      const isServed = service === this.view.services && this.view.serves && !(isWrite && this.isSentAway);
      this.isSentAway ||= isWrite;
      demand(!isServed, "a leader serves", () => `${request.kind} ${request.number} at ${formatZxid(zxid)}`);
    }
    if (reason !== "NOT_CAUGHT_UP") return;
    demand(this.isBehind(request), "core.md 15: a read waits for what it has to", () => {
      return `${request.kind} ${request.number}`;
    });
  }

  private isBehind(request: NumberedRequest): boolean {
    if (request.kind === "watch") return request.watch.afterZxid > this.view.zxid;
    return (
      request.kind === "sync" || (request.kind === "read" && (request.linearizable || request.minZxid > this.view.zxid))
    );
  }

  private writeAnswered(
    request: Extract<NumberedRequest, { kind: "write" }>,
    answer: Answer,
    applied: Applied | undefined,
  ): void {
    const { command } = applied ?? {};
    const isOwn =
      command?.kind === "request" &&
      command.issuer.sessionId === this.sessionId &&
      (this.sessionId === 0 || command.issuer.number === request.number) &&
      operationText(command.operation) === operationText(request.operation);
    demand(isOwn, "an answer is of its own command", () => {
      return `${request.number} ${operationText(request.operation)} was answered at ${formatZxid(this.view.zxid)}`;
    });
    this.compare(`${request.number} ${operationText(request.operation)}`, applied?.answer as ExpectedAnswer, answer);
    if (this.sessionId !== 0) this.checker.book.answeredWrite(this.sessionId, request.number, answer);
  }

  private checkHere(asked: Asked, answer: Answer): void {
    const { request, revealed } = asked;
    const here = answer.zxid === this.view.zxid && answer.zxid >= this.readZxid;
    demand(here, "reads never go back", () => `${request.kind} ${request.number} at ${formatZxid(answer.zxid)}`);
    this.readZxid = answer.zxid;
    if (request.kind === "read") {
      const isFresh = answer.zxid >= request.minZxid && (!request.linearizable || answer.zxid >= revealed);
      demand(
        isFresh,
        "core.md 16: a read is as fresh as asked",
        () => `${request.number} at ${formatZxid(answer.zxid)}`,
      );
      this.readAnswered(request.operation, answer);
    } else if (request.kind === "sync") {
      const isFresh = answer.code === OK && answer.zxid >= revealed;
      demand(isFresh, "core.md 16: a read is as fresh as asked", () => `sync at ${formatZxid(answer.zxid)}`);
    } else if (request.kind === "watch") {
      this.watchAnswered(request, answer);
    } else if (request.kind === "unwatch") {
      const expected = this.watches.has(request.watchId) ? OK : errors.NO_WATCH.code;
      const isRight = answer.code === expected || this.isMisled;
      demand(isRight, "watches are as asked", () => `unwatch: ${answer.code}`);
      this.watches.remove(request.watchId);
    }
  }

  private readAnswered(operation: ReadOperation, answer: Answer): void {
    const { model } = this.checker.replay;
    const expected = model.read(this.identities, this.sessionId, this.withModelCursor(operation));
    this.compare(JSON.stringify(operation), expected, answer);
    if (answer.kind === "list" && answer.cursor.length > 0) {
      this.checker.book.cursors.set(String(answer.cursor), modelCursor(expected.next ?? 0));
    }
  }

  private withModelCursor(operation: ReadOperation): ReadOperation {
    if (operation.kind !== "list" || operation.cursor.length === 0) return operation;
    return { ...operation, cursor: this.checker.book.cursors.get(String(operation.cursor)) as Uint8Array };
  }

  private watchAnswered({ watch }: Extract<NumberedRequest, { kind: "watch" }>, answer: Answer): void {
    const { resuming } = this;
    this.resuming = undefined;
    if (answer.code === errors.COMPACTED.code) {
      const isOld = watch.afterZxid > 0 && watch.afterZxid < this.view.historyFromZxid;
      demand(isOld, "core.md 17: recent events are kept", () => formatZxid(watch.afterZxid));
      this.checker.book.count("COMPACTED", 1);
      return;
    }
    const isThere = answer.zxid >= watch.afterZxid;
    demand(isThere, "core.md 17: a resumed watch tells nothing twice", () => formatZxid(watch.afterZxid));
    if (watch.afterZxid > 0) this.checker.book.count("watches resumed", 1);
    const missed = this.nextResumed(resuming);
    const isComplete = missed === undefined || this.mayMislead();
    demand(isComplete, "core.md 17: a resumed watch misses nothing", () => String(missed?.texts));
    const expected = this.checker.replay.model.read(this.identities, 0, { kind: "exists", path: watch.path });
    const isInvalid = expected.code === errors.INVALID_PATH.code;
    const isRight = answer.code === (isInvalid ? errors.INVALID_PATH.code : OK);
    demand(isRight, "watches are as asked", () => `${watch.path}: ${answer.code}`);
    if (isInvalid || resuming?.fired === true) {
      if (!isInvalid) this.watches.remove(watch.watchId);
      return;
    }
    this.watches.add(new NaiveWatch(watch.watchId, watch.path, watch.mode));
  }

  private compare(what: string, expected: ExpectedAnswer, actual: Answer): void {
    const [model, tree] = [show(expected), show(actual)];
    const isCompared = !this.checker.isTainted || this.checker.isWarned;
    const isRight = !isCompared || model === tree;
    demand(isRight, "answers are the model's", () => `${what}\n  model:  ${model}\n  member: ${tree}`);
    this.checker.book.answered(actual.code, isCompared);
  }

  // ---- Events ----

  /** A resuming watch whose turn has come is told of the past now. */
  private beginResuming(): void {
    const request = this.asked[0]?.request;
    if (request?.kind !== "watch" || request.watch.afterZxid === 0 || this.resuming !== undefined) return;
    const { watchId, path, mode, afterZxid } = request.watch;
    if (!isValidPath(path, Number.POSITIVE_INFINITY)) return;
    const next = this.checker.replay.indexAfter(afterZxid);
    const waits = afterZxid > this.view.zxid;
    this.resuming = { watch: new NaiveWatch(watchId, path, mode), afterZxid, waits, next, fired: false };
  }

  /** The next zxid the resuming watch has to be told of. */
  private nextResumed(resuming = this.resuming): Due | undefined {
    if (resuming === undefined) return undefined;
    const { replay } = this.checker;
    while (!resuming.fired) {
      const applied = replay.command(resuming.next);
      if (applied === undefined) return undefined;
      resuming.next++;
      const { zxid, events } = applied;
      // The member may have had to get there first.
      if (zxid <= resuming.afterZxid) continue;
      const texts: string[] = [];
      for (const event of events) {
        if (resuming.fired || !resuming.watch.tells(event, this.identities)) continue;
        texts.push(eventText(resuming.watch.watchId, event));
        resuming.fired = resuming.watch.isOneShot;
      }
      if (texts.length > 0) return { zxid, texts };
    }
    return undefined;
  }

  private demandToldAll(before: string): void {
    const [first] = this.due;
    if (first !== undefined && this.mayMislead()) {
      this.due = [];
      return;
    }
    demand(first === undefined, "core.md 14: events before what reveals them", () => {
      return `${first?.texts} of ${formatZxid(first?.zxid ?? 0)} was not told before ${before}`;
    });
  }

  /** Like reads, events may be wrong where the tree is, until the member notices. */
  private mayMislead(): boolean {
    const { wasTainted, isWarned } = this.checker;
    this.isMisled ||= wasTainted && !isWarned;
    return this.isMisled;
  }

  /** The model follows the member; the command applied last. */
  private catchUp(): Applied | undefined {
    if (this.isClosed) throw new Violation("a connection ends once", "something was told after the end");
    this.checker.advance(this.view.zxid);
    return this.checker.replay.last;
  }
}

function modelCursor(next: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, next);
  return bytes;
}
