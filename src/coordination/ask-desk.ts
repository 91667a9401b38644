import { assert } from "../core/base/assert.ts";
import { FormatError } from "../core/base/bytes.ts";
import type { Reason } from "../core/base/errors.ts";
import { ASK_BYTES_MAX } from "../core/base/limits.ts";
import type { AsideListener, EnsembleLinks } from "../runtime/ensemble-links.ts";
import { Answerers } from "./answerers.ts";
import { ASK_MS, ASK_TOPIC_LENGTH_MAX, ASKS_OUTSTANDING_MAX } from "./ask-limits.ts";
import { type AnswerBody, decodeAskMessage, encodeAnswer, encodeQuestion } from "./ask-message.ts";
import type { AskAnswer, AskOutcome, MissingMember, Question } from "./port.ts";

/** What of the links the desk needs. */
export type AskLinks = Pick<EnsembleLinks, "peers" | "sendAside" | "listenAside">;

export interface AskDeskOptions {
  readonly memberId: number;
  /** The ensemble as this member knows it. */
  memberIds(): readonly number[];
  /** undefined: there are no others. */
  readonly links: AskLinks | undefined;
  /** For the log. */
  onNotice(level: "warn" | "error", message: string, details: object): void;
}

/** Asks the other members, and answers them: products.md 2. What is lost on the way is missing from the outcome. */
export class AskDesk implements AsideListener {
  private readonly options: AskDeskOptions;
  private readonly answerers: Answerers;
  private readonly asks = new Map<number, Ask>();
  private next = 1;

  constructor(options: AskDeskOptions) {
    this.options = options;
    this.answerers = new Answerers((topic, error) => this.tellDefect(`what answers "${topic}"`, error));
    options.links?.listenAside(this);
  }

  ask(to: number | "all", topic: string, bytes: Uint8Array, done: (outcome: AskOutcome) => void): void {
    assert(topic.length > 0 && topic.length <= ASK_TOPIC_LENGTH_MAX, "a topic is 1 to ASK_TOPIC_LENGTH_MAX long");
    const members = to === "all" ? this.everybody() : [to];
    const refused = this.refusalOf(bytes);
    const tell = (outcome: AskOutcome): void => {
      try {
        done(outcome);
      } catch (error) {
        this.tellDefect(`who asked about "${topic}"`, error);
      }
    };
    if (refused !== undefined) {
      const missing = members.map((memberId) => ({ memberId, reason: refused }));
      tell(outcomeOf([], missing));
      return;
    }
    const number = this.next++;
    const ask = new Ask(members, (outcome) => {
      this.asks.delete(number);
      tell(outcome);
    });
    this.asks.set(number, ask);
    const message = encodeQuestion(number, topic, bytes);
    for (const memberId of members) {
      const reason = this.put(memberId, message);
      if (reason !== undefined) ask.lacks(memberId, reason);
    }
    // Last: its answer may be the one that completes the outcome, here and now.
    const { memberId } = this.options;
    if (members.includes(memberId)) {
      this.answerers.take(memberId, topic, bytes, (answer) => ask.answered(memberId, answer));
    }
  }

  answer(topic: string, answerer: (question: Question) => void): () => void {
    return this.answerers.add(topic, answerer);
  }

  aside(peer: number, bytes: Uint8Array): void {
    const word = this.decode(peer, bytes);
    if (word?.kind === "question") {
      this.answerers.take(peer, word.topic, word.bytes, (answer) => this.reply(peer, word.number, answer));
    }
    // Nobody waits for what comes late.
    if (word?.kind === "answer") this.asks.get(word.number)?.answered(peer, word);
  }

  linkDown(peer: number): void {
    this.answerers.forget(peer);
    for (const ask of [...this.asks.values()]) ask.lacks(peer, "MEMBER_NOT_CONNECTED");
  }

  private everybody(): number[] {
    return [...new Set([...this.options.memberIds(), this.options.memberId])];
  }

  private refusalOf(bytes: Uint8Array): Reason | undefined {
    if (bytes.length > ASK_BYTES_MAX) return "TOO_LARGE";
    return this.asks.size >= ASKS_OUTSTANDING_MAX ? "OVERLOADED" : undefined;
  }

  /** Sends it to another member; returns why it is missing already, if it is. */
  private put(memberId: number, message: Uint8Array): Reason | undefined {
    const { options } = this;
    if (memberId === options.memberId) return undefined;
    const peer = options.links?.peers.get(memberId);
    if (peer === undefined) return options.memberIds().includes(memberId) ? "MEMBER_NOT_CONNECTED" : "MEMBER_UNKNOWN";
    if (peer.said?.answersAsks !== true) return "UNSUPPORTED";
    return options.links?.sendAside(memberId, message) === true ? undefined : "OVERLOADED";
  }

  /** Where there is no room for it, the asker will miss it. */
  private reply(peer: number, number: number, answer: AnswerBody): void {
    this.options.links?.sendAside(peer, encodeAnswer(number, answer));
  }

  private decode(peer: number, bytes: Uint8Array): ReturnType<typeof decodeAskMessage> | undefined {
    try {
      return decodeAskMessage(bytes);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      // A link is worth more than a question: whoever asked will miss the answer.
      const text = `a message beside the log from member ${peer} was passed over: ${error.message}`;
      this.options.onNotice("warn", text, { memberId: peer });
      return undefined;
    }
  }

  private tellDefect(who: string, error: unknown): void {
    this.options.onNotice("error", `${who} threw an error; this is a defect`, { err: error });
  }
}

/** One question and what has been heard of it. */
class Ask {
  private readonly waiting: Set<number>;
  private readonly answers: AskAnswer[] = [];
  private readonly missing: MissingMember[] = [];
  private readonly timer: NodeJS.Timeout;
  private readonly done: (outcome: AskOutcome) => void;

  constructor(members: readonly number[], done: (outcome: AskOutcome) => void) {
    this.waiting = new Set(members);
    this.done = done;
    this.timer = setTimeout(() => {
      for (const memberId of [...this.waiting]) this.lacks(memberId, "DEADLINE_EXCEEDED");
    }, ASK_MS).unref();
  }

  answered(memberId: number, { reason, detail, bytes }: AnswerBody): void {
    if (!this.waiting.delete(memberId)) return;
    this.answers.push({ memberId, reason, detail, bytes });
    this.finishIfHeard();
  }

  /** Without effect for a member that is not waited for. */
  lacks(memberId: number, reason: Reason): void {
    if (!this.waiting.delete(memberId)) return;
    this.missing.push({ memberId, reason });
    this.finishIfHeard();
  }

  private finishIfHeard(): void {
    if (this.waiting.size > 0) return;
    clearTimeout(this.timer);
    this.done(outcomeOf(this.answers, this.missing));
  }
}

function outcomeOf(answers: readonly AskAnswer[], missing: readonly MissingMember[]): AskOutcome {
  return { answers: byMember(answers), missing: byMember(missing), partial: missing.length > 0 };
}

function byMember<T extends { readonly memberId: number }>(all: readonly T[]): T[] {
  return [...all].sort((one, other) => one.memberId - other.memberId);
}
