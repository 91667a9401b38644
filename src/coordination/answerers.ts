import { assert } from "../core/base/assert.ts";
import type { Reason } from "../core/base/errors.ts";
import { ASK_ANSWER_BYTES_MAX } from "../core/base/limits.ts";
import {
  ASK_DETAIL_LENGTH_MAX,
  ASK_MS,
  ASK_TOPIC_LENGTH_MAX,
  QUESTIONS_HELD_BYTES_MAX,
  QUESTIONS_HELD_MAX,
} from "./ask-limits.ts";
import type { AnswerBody } from "./ask-message.ts";
import type { Question } from "./port.ts";

const NO_BYTES = new Uint8Array(0);

/** Who answers what is asked of this member, and what is asked and not answered yet. */
export class Answerers {
  private readonly byTopic = new Map<string, (question: Question) => void>();
  private readonly held = new Set<HeldQuestion>();
  private readonly onDefect: (topic: string, error: unknown) => void;
  private heldBytes = 0;

  /** `onDefect`: an answerer threw. */
  constructor(onDefect: (topic: string, error: unknown) => void) {
    this.onDefect = onDefect;
  }

  add(topic: string, answerer: (question: Question) => void): () => void {
    assert(topic.length > 0 && topic.length <= ASK_TOPIC_LENGTH_MAX, "a topic is 1 to ASK_TOPIC_LENGTH_MAX long");
    assert(!this.byTopic.has(topic), "a topic is answered already");
    this.byTopic.set(topic, answerer);
    return () => {
      if (this.byTopic.get(topic) === answerer) this.byTopic.delete(topic);
    };
  }

  /** `reply` is called at most once, and not once `ASK_MS` have passed. */
  take(from: number, topic: string, bytes: Uint8Array, reply: (answer: AnswerBody) => void): void {
    const answerer = this.byTopic.get(topic);
    if (answerer === undefined) {
      reply(refusal("UNSUPPORTED", `this member answers nothing about "${topic}"`));
      return;
    }
    if (this.held.size >= QUESTIONS_HELD_MAX || this.heldBytes + bytes.length > QUESTIONS_HELD_BYTES_MAX) {
      reply(refusal("OVERLOADED", `${this.held.size} questions with ${this.heldBytes} bytes are not answered yet`));
      return;
    }
    const question = new HeldQuestion(from, bytes, (answer) => {
      this.release(question);
      reply(answer);
    });
    this.hold(question);
    try {
      answerer(question);
    } catch (error) {
      this.onDefect(topic, error);
      question.refuse("INTERNAL", `answering "${topic}" failed by a defect`);
    }
  }

  /** The member is not linked any more: nobody waits for its answers. */
  forget(from: number): void {
    for (const question of this.held) if (question.from === from) this.drop(question);
  }

  private hold(question: HeldQuestion): void {
    this.held.add(question);
    this.heldBytes += question.bytes.length;
    question.timer = setTimeout(() => this.drop(question), ASK_MS).unref();
  }

  private drop(question: HeldQuestion): void {
    question.silence();
    this.release(question);
  }

  private release(question: HeldQuestion): void {
    clearTimeout(question.timer);
    if (this.held.delete(question)) this.heldBytes -= question.bytes.length;
  }
}

class HeldQuestion implements Question {
  readonly from: number;
  readonly bytes: Uint8Array;
  timer: NodeJS.Timeout | undefined;
  private settle: ((answer: AnswerBody) => void) | undefined;

  constructor(from: number, bytes: Uint8Array, settle: (answer: AnswerBody) => void) {
    this.from = from;
    this.bytes = bytes;
    this.settle = settle;
  }

  answer(bytes: Uint8Array): void {
    if (bytes.length <= ASK_ANSWER_BYTES_MAX) {
      this.finish({ reason: undefined, detail: "", bytes });
      return;
    }
    this.refuse("TOO_LARGE", `the answer has ${bytes.length} bytes, and may have ${ASK_ANSWER_BYTES_MAX}`);
  }

  refuse(reason: Reason, detail: string): void {
    this.finish(refusal(reason, detail.slice(0, ASK_DETAIL_LENGTH_MAX)));
  }

  /** What is answered from here on is lost. */
  silence(): void {
    this.settle = undefined;
  }

  private finish(answer: AnswerBody): void {
    const { settle } = this;
    this.silence();
    settle?.(answer);
  }
}

function refusal(reason: Reason, detail: string): AnswerBody {
  return { reason, detail, bytes: NO_BYTES };
}
