import { errors, OK } from "../../src/core/base/errors.ts";
import { formatZxid } from "../../src/core/base/zxid.ts";
import type { Answer } from "../../src/core/tree/answer.ts";
import type { EnsembleConfiguration } from "../../src/core/zab/ensemble-configuration.ts";
import { show } from "../model/compare.ts";
import type { NumberedRequest } from "./client-message.ts";
import { operationText } from "./model-command.ts";
import type { Applied } from "./model-replay.ts";
import { RegisterHistories } from "./register-histories.ts";
import { SharedReplay } from "./shared-replay.ts";
import { demand } from "./violation.ts";

/** Answers that say nothing about whether the request was applied. */
const UNDECIDED: readonly number[] = [
  errors.STALE_REQUEST.code,
  errors.SESSION_MOVED.code,
  errors.SESSION_EXPIRED.code,
];

interface AskedWrite {
  readonly text: string;
  /** What anybody had seen when it was asked for the first time. */
  readonly revealed: number;
}

const UNCOMPARED = "answers not compared";

/** What all clients of a world have asked and were told, whichever member they were connected to. */
export class ClientBook {
  /** Highest zxid whose effect anybody has seen. */
  revealed = 0;
  /** The latest committed configuration, as far as any member has known it; undefined for the first one. */
  configuration: { readonly zxid: number; readonly members: EnsembleConfiguration["members"] } | undefined;
  readonly counts = new Map<string, number>();
  readonly replay = new SharedReplay();
  readonly registers = new RegisterHistories();
  /** The model's cursor for each cursor a member gave out. */
  readonly cursors = new Map<string, Uint8Array>();
  private readonly asked = new Map<string, AskedWrite>();
  /** First answers, by session and number. */
  private readonly answers = new Map<string, string>();
  private readonly closes = new Set<number>();
  /** By session: when the latest keep-alive that was acknowledged came, or when the session was opened or moved. */
  private readonly livesSince = new Map<number, number>();

  /** Names for connections without a session. */
  newName(): string {
    return `connection ${++this.names}`;
  }

  private names = 0;

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** What a tree says that is known to be wrong cannot be compared. */
  answered(code: number, isCompared: boolean): void {
    const kind = code === OK ? "answers OK" : "answers with an error";
    this.count(isCompared ? kind : UNCOMPARED);
  }

  /** Answers that were not compared. */
  get uncompared(): number {
    return this.counts.get(UNCOMPARED) ?? 0;
  }

  reveal(zxid: number): void {
    this.revealed = Math.max(this.revealed, zxid);
  }

  askedWrite(sessionId: number, { number, operation }: Extract<NumberedRequest, { kind: "write" }>): void {
    const key = `${sessionId}:${number}`;
    if (sessionId === 0 || this.asked.has(key)) return;
    this.asked.set(key, { text: operationText(operation), revealed: this.revealed });
  }

  askedClose(sessionId: number): void {
    this.closes.add(sessionId);
  }

  /** The first answer to a request is its answer for ever: anything else was applied twice. */
  answeredWrite(sessionId: number, number: number, answer: Answer): void {
    if (UNDECIDED.includes(answer.code)) return;
    const key = `${sessionId}:${number}`;
    const text = show(answer);
    const first = this.answers.get(key);
    if (first === undefined) this.answers.set(key, text);
    else this.count("repeats answered");
    demand(first === undefined || first === text, "nothing is applied twice", () => `${key}\n  ${first}\n  ${text}`);
    const revealed = this.asked.get(key)?.revealed ?? 0;
    demand(answer.zxid > revealed, "writes are linearizable: after all that was seen before", () => {
      return `${key} at ${formatZxid(answer.zxid)}, ${formatZxid(revealed)} had been seen`;
    });
  }

  /** A client relies on its session from then on, for a whole time-out. */
  lives(sessionId: number, since: number): void {
    if (sessionId !== 0) this.livesSince.set(sessionId, Math.max(since, this.livesSince.get(sessionId) ?? 0));
  }

  /** An expiry is proposed, by a leader that has led since then. */
  expires(sessionId: number, timeoutMs: number, leadingSince: number, now: number): void {
    const since = Math.max(leadingSince, this.livesSince.get(sessionId) ?? 0);
    demand(now - since >= timeoutMs, "core.md 11: no session expires before its time", () => {
      return `${formatZxid(sessionId)} after ${now - since} of ${timeoutMs} ms`;
    });
  }

  /** A command of the log: once, by whoever is the first to apply it. */
  applied({ command, zxid }: Applied): void {
    this.count(command.kind);
    if (command.kind === "request" && command.issuer.sessionId !== 0) {
      const { sessionId, number } = command.issuer;
      const asked = this.asked.get(`${sessionId}:${number}`)?.text;
      const text = operationText(command.operation);
      demand(asked === text, "the log holds what was asked", () => `${formatZxid(zxid)}: ${text}\n  asked: ${asked}`);
    } else if (command.kind === "close-session") {
      const { sessionId } = command.issuer;
      const isAsked = this.closes.has(sessionId);
      demand(isAsked, "the log holds what was asked", () => `${formatZxid(zxid)}: close of ${formatZxid(sessionId)}`);
    }
  }
}
