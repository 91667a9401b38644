import { ByteReader } from "../../src/core/base/bytes.ts";
import { defaultLimits } from "../../src/core/base/limits.ts";
import { formatZxid } from "../../src/core/base/zxid.ts";
import { AnswerReader, emptyAnswer } from "../../src/core/tree/answer-codec.ts";
import { BatchReader } from "../../src/core/tree/batch.ts";
import { Command, decodeCommand } from "../../src/core/tree/command.ts";
import { Tree } from "../../src/core/tree/tree.ts";
import { show } from "../model/compare.ts";
import type { ExpectedAnswer, ExpectedEvent, ModelCommand } from "../model/expectation.ts";
import { NaiveTree } from "../model/naive-tree.ts";
import type { LoggedBatch } from "./journal-history.ts";
import { modelCommand } from "./model-command.ts";
import { demand } from "./violation.ts";

/** One command of the history, with what the model says of it. */
export interface Applied {
  readonly zxid: number;
  readonly command: ModelCommand;
  readonly answer: ExpectedAnswer;
  readonly events: readonly ExpectedEvent[];
}

/** The history: batches in force, oldest first; more may follow, and none changes. */
export interface BatchSource {
  readonly batches: readonly LoggedBatch[];
}

const HASH_SEED = 11;

/**
 * The history from its very beginning, on the naive model and on a real tree that never stops: what any member's state,
 * answers and events at a zxid must be. Goes forward only, as far as somebody has seen.
 */
export class ModelReplay {
  readonly model = new NaiveTree(defaultLimits);
  /** A tree of `src/core/tree` fed with the same bytes, never loaded from anything. */
  readonly tree = Tree.fresh(HASH_SEED, { record: () => undefined });
  readonly applied: Applied[] = [];
  private readonly history: BatchSource;
  private readonly batch = new BatchReader();
  private readonly command = new Command();
  private readonly answers = new AnswerReader();
  private readonly digests = new Map<number, string>();
  private nextBatch = 0;
  private nextZxid = 0;
  private left = 0;
  private timeMs = 0;

  constructor(history: BatchSource) {
    this.history = history;
  }

  get zxid(): number {
    return this.applied.at(-1)?.zxid ?? 0;
  }

  get last(): Applied | undefined {
    return this.applied.at(-1);
  }

  /** Applies everything up to `zxid`; `visit` sees each command. */
  advance(zxid: number, visit: (applied: Applied) => void): void {
    while (this.zxid < zxid) {
      if (this.left === 0) this.openBatch(zxid);
      demand(this.nextZxid <= zxid, "no gap", () => `${formatZxid(zxid)} is in no batch`);
      const applied = this.applyNext();
      this.applied.push(applied);
      if (this.left === 0) this.digests.set(applied.zxid, String(this.tree.state.digest.lanes()));
      visit(applied);
    }
  }

  /** Index of the first command after a zxid. */
  indexAfter(zxid: number): number {
    let low = 0;
    let high = this.applied.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.applied[middle] as Applied).zxid <= zxid) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private openBatch(zxid: number): void {
    const next = this.history.batches[this.nextBatch++];
    demand(next !== undefined, "nothing from nowhere", () => `${formatZxid(zxid)} was seen, but is not in the log`);
    const header = this.batch.open(next.body);
    demand(header.time >= this.timeMs, "time never falls", () => `${header.time} after ${this.timeMs}`);
    const known = this.digests.get(header.digestZxid);
    demand(
      known === undefined || next.isByTainted === true || known === String([header.digest0, header.digest1]),
      "core.md 29: equal digests at equal zxids",
      () => `the batch at ${formatZxid(header.firstZxid)} has another one for ${formatZxid(header.digestZxid)}`,
    );
    this.timeMs = header.time;
    this.tree.beginBatch(header);
    this.left = header.count;
    this.nextZxid = header.firstZxid;
  }

  private applyNext(): Applied {
    const zxid = this.nextZxid++;
    this.left--;
    const reader = this.batch.next();
    const bytes = reader.bytes.slice(reader.position, reader.end);
    decodeCommand(new ByteReader(bytes), this.command);
    const command = modelCommand(this.command);
    const { answer, events } = this.model.apply(zxid, this.timeMs, command);
    decodeCommand(new ByteReader(bytes), this.command);
    const real = emptyAnswer();
    this.answers.read(this.tree.apply(zxid, this.command), real);
    demand(
      show(real) === show(answer),
      "the tree answers as the model",
      () => `${formatZxid(zxid)} ${command.kind}\n  model: ${show(answer)}\n  tree:  ${show(real)}`,
    );
    return { zxid, command, answer, events };
  }
}
