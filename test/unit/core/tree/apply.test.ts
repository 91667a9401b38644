import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, FormatError } from "../../../../src/core/base/bytes.ts";
import { defaultLimits } from "../../../../src/core/base/limits.ts";
import { Prng } from "../../../../src/core/base/prng.ts";
import { AnswerReader, emptyAnswer } from "../../../../src/core/tree/answer-codec.ts";
import { BatchReader, BatchWriter, batchFlag } from "../../../../src/core/tree/batch.ts";
import { Command, decodeCommand } from "../../../../src/core/tree/command.ts";
import { FEATURE_LEVEL } from "../../../../src/core/tree/feature-level.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";
import { auditTree } from "../../../model/audit.ts";
import { patience, seeds } from "../../../model/budget.ts";
import { Comparison } from "../../../model/compare.ts";
import type { ModelCommand, Outcome } from "../../../model/expectation.ts";
import { generateHistory } from "../../../model/generate.ts";
import { Mutator } from "../../../model/mutate.ts";
import { NaiveTree } from "../../../model/naive-tree.ts";
import { encodeCommand, RealTree } from "../../../model/real-tree.ts";

/** Mutants tried beside each good command. */
const MUTANTS = 6;
const STEPS = 150;

/** Collects the bytes of a history's commands, as they were applied. */
class Collector extends RealTree {
  readonly commands: { zxid: number; timeMs: number; bytes: Uint8Array }[] = [];

  override apply(zxid: number, timeMs: number, command: ModelCommand): Outcome {
    const writer = new ByteWriter(256);
    encodeCommand(writer, command);
    this.commands.push({ zxid, timeMs, bytes: writer.copy() });
    return super.apply(zxid, timeMs, command);
  }
}

function commandsOf(seed: number): Collector["commands"] {
  const collector = new Collector();
  new Comparison(new NaiveTree(defaultLimits), collector).play(generateHistory(seed, STEPS).steps);
  return collector.commands.filter(({ bytes }) => bytes.length < 10_000);
}

describe("apply", () => {
  const histories = seeds(25);

  it("core.md 4: is total over everything the decoder accepts", { timeout: patience(histories) }, () => {
    const counts = { refused: 0, accepted: 0 };
    for (const seed of histories) fuzz(seed, counts);
    expect(counts.refused).toBeGreaterThan(histories.length * 10);
    expect(counts.accepted).toBeGreaterThan(histories.length * 10);
  });

  function fuzz(seed: number, counts: { refused: number; accepted: number }): void {
    const random = new Prng(seed);
    const mutator = new Mutator(random);
    const commands = commandsOf(seed);
    const others = commands.map(({ bytes }) => bytes);
    const tree = Tree.fresh(seed, { record: () => undefined });
    let zxid = 0;
    for (const { bytes, timeMs } of commands) {
      const rest = { featureLevel: 1, digestZxid: 0, digest0: 0, digest1: 0, flags: batchFlag.RECONFIGURE };
      tree.beginBatch({ firstZxid: 1, count: 1, time: timeMs, ...rest });
      for (let i = 0; i < MUTANTS; i++) {
        const mutant = mutator.mutate(bytes, others);
        const command = accepted(mutant);
        if (command === undefined) counts.refused++;
        else {
          counts.accepted++;
          applyOne(tree, ++zxid, command, mutant);
        }
      }
      applyOne(tree, ++zxid, accepted(bytes) as Command, bytes);
    }
  }

  function accepted(bytes: Uint8Array): Command | undefined {
    const command = new Command();
    try {
      decodeCommand(new ByteReader(bytes), command);
      return command;
    } catch (error) {
      if (error instanceof FormatError) return undefined;
      throw error;
    }
  }

  function applyOne(tree: Tree, zxid: number, command: Command, bytes: Uint8Array): void {
    try {
      new AnswerReader().read(tree.apply(zxid, command), emptyAnswer());
      auditTree(tree);
    } catch (error) {
      throw new Error(`command ${Buffer.from(bytes).toString("hex")}`, { cause: error });
    }
  }
});

describe("a batch", () => {
  it("is read, or refused as not being one, whatever its bytes", { timeout: 60_000 }, () => {
    const random = new Prng(1);
    const mutator = new Mutator(random);
    let refused = 0;
    for (const seed of seeds(5)) {
      const writer = new BatchWriter();
      const commands = commandsOf(seed).slice(0, 20);
      for (const { bytes } of commands) {
        writer.begin().raw(bytes);
        writer.end();
      }
      const header = { firstZxid: 1, count: commands.length, time: 1, featureLevel: FEATURE_LEVEL };
      const batch = writer.close({ ...header, digestZxid: 0, digest0: 0, digest1: 0 }).slice();
      for (let i = 0; i < 500; i++) if (!isReadable(mutator.mutate(batch, [batch]))) refused++;
      expect(isReadable(batch)).toBe(true);
    }
    expect(refused).toBeGreaterThan(500);
  });

  function isReadable(bytes: Uint8Array): boolean {
    const reader = new BatchReader();
    const command = new Command();
    try {
      const { count } = reader.open(bytes);
      for (let i = 0; i < count; i++) decodeCommand(reader.next(), command);
      return reader.remaining === 0;
    } catch (error) {
      if (error instanceof FormatError) return false;
      throw error;
    }
  }
});
