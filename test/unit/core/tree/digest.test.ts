import { describe, expect, it } from "vitest";
import { defaultLimits } from "../../../../src/core/base/limits.ts";
import { BatchReader, BatchWriter } from "../../../../src/core/tree/batch.ts";
import { Command, decodeCommand } from "../../../../src/core/tree/command.ts";
import { Hasher } from "../../../../src/core/tree/digest.ts";
import { FEATURE_LEVEL } from "../../../../src/core/tree/feature-level.ts";
import { NodeHasher } from "../../../../src/core/tree/node-hash.ts";
import type { Session } from "../../../../src/core/tree/session-table.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";
import type { TreeState } from "../../../../src/core/tree/tree-state.ts";
import { lookupText } from "../../../../src/core/tree/znode-changes.ts";
import { patience, seeds, stepsPerHistory } from "../../../model/budget.ts";
import { Comparison } from "../../../model/compare.ts";
import type { ModelCommand, Outcome } from "../../../model/expectation.ts";
import { generateHistory } from "../../../model/generate.ts";
import { NaiveTree } from "../../../model/naive-tree.ts";
import { encodeCommand, flagsOf, RealTree } from "../../../model/real-tree.ts";
import type { Step } from "../../../model/step.ts";

/** A znode with an owner below another, one of the issuer's session, and what holds them. */
function planted(): RealTree {
  const tree = new RealTree();
  const by = { slot: 0, identities: [], older: false };
  const create = { kind: "create", path: "/é", data: new Uint8Array(3), mode: 1 } as const;
  const steps: Step[] = [
    { kind: "open", slot: 0, timeoutMs: 10_000 },
    { kind: "request", by, operation: create, back: 0, answered: 0 },
  ];
  expect(new Comparison(new NaiveTree(defaultLimits), tree).play(steps)).toBeUndefined();
  return tree;
}

/** Remembers what was applied, and after each command whether the digest and the model's state moved. */
class WatchedTree extends RealTree {
  readonly applied: { zxid: number; timeMs: number; command: ModelCommand }[] = [];
  readonly moves: { digest: boolean; state: boolean; what: string }[] = [];
  private readonly model: NaiveTree;
  private fingerprint: string;

  constructor(model: NaiveTree) {
    super();
    this.model = model;
    this.fingerprint = fingerprintOf(model);
  }

  override apply(zxid: number, timeMs: number, command: ModelCommand): Outcome {
    const before = this.tree.state.digest.lanes();
    const outcome = super.apply(zxid, timeMs, command);
    const fingerprint = fingerprintOf(this.model);
    const digest = !this.tree.state.digest.equals(before);
    this.applied.push({ zxid, timeMs, command });
    this.moves.push({ digest, state: fingerprint !== this.fingerprint, what: JSON.stringify(command) });
    this.fingerprint = fingerprint;
    return outcome;
  }
}

/** All the digest has to cover (core.md 30). */
function fingerprintOf(model: NaiveTree): string {
  const sessions = [...model.sessions.values()].map((session) => [session, [...session.answers]]);
  const plain = (_key: string, value: unknown): unknown =>
    value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
  const agreed = [model.limits, model.featureLevel, model.configurationZxid, model.configuration];
  return JSON.stringify([[...model.nodes].sort(), sessions, agreed], plain);
}

function play(seed: number): WatchedTree {
  const model = new NaiveTree(defaultLimits);
  const tree = new WatchedTree(model);
  const difference = new Comparison(model, tree).play(generateHistory(seed, stepsPerHistory).steps);
  expect(difference).toBeUndefined();
  return tree;
}

describe("the digest", () => {
  const histories = seeds(40);
  const replayed = seeds(20);

  it("core.md 30: moves with every change of what it covers, and with nothing else", {
    timeout: patience(histories),
  }, () => {
    let moved = 0;
    let stayed = 0;
    for (const seed of histories) {
      for (const { digest, state, what } of play(seed).moves) {
        expect(digest, what).toBe(state);
        if (digest) moved++;
        else stayed++;
      }
    }
    expect(Math.min(moved, stayed)).toBeGreaterThan(histories.length);
  });

  it("is the same for the same commands, whatever the batches and the hash seed", {
    timeout: patience(replayed),
  }, () => {
    for (const seed of replayed) {
      const first = play(seed);
      const second = Tree.fresh(seed + 1, { record: () => undefined });
      replayInBatches(second, first);
      expect(second.state.digest.lanes()).toEqual(first.tree.state.digest.lanes());
      expect(second.zxid).toBe(first.tree.zxid);
    }
  });

  const columns = [
    "serial",
    "czxid",
    "mzxid",
    "pzxid",
    "ctime",
    "mtime",
    "version",
    "creations",
    "aversion",
    "kind",
    "acl",
    "parent",
    "dataLength",
    "dataHash0",
    "dataHash1",
  ] as const;

  it.each(columns)("core.md 30: covers a znode's %s", (column) => {
    const { state } = planted().tree;
    const node = lookupText(state, "/é");
    state.acls.acquire([{ scheme: "world", id: "anyone", permissions: 1 }]);
    const before = hashOf(state, node);
    state.table[column].set(node, state.table[column].get(node) + 1);
    expect(hashOf(state, node)).not.toEqual(before);
  });

  it.each(["owner", "ttlMs"] as const)("core.md 30: covers a znode's %s", (column) => {
    const { state } = planted().tree;
    const node = lookupText(state, "/é");
    const before = hashOf(state, node);
    const row = state.table.special.get(node);
    state.specials[column].set(row, state.specials[column].get(row) + 1);
    expect(hashOf(state, node)).not.toEqual(before);
  });

  it("core.md 30: covers all of a session", () => {
    const [session] = [...planted().tree.state.sessions.all()] as [Session];
    const hash = (): string => {
      const hasher = new Hasher();
      session.hashInto(hasher);
      return `${hasher.lane0} ${hasher.lane1}`;
    };
    const seen = new Set([hash()]);
    session.generation++;
    seen.add(hash());
    session.window.floor++;
    seen.add(hash());
    session.secretHash[31] = 0xff;
    seen.add(hash());
    expect(seen.size).toBe(4);
  });

  function hashOf(state: TreeState, node: number): number[] {
    const { lane0, lane1 } = new NodeHasher(state).hash(node);
    return [lane0, lane1];
  }

  /** One batch for each run of commands with the same time and rising zxids. */
  function replayInBatches(tree: Tree, { applied }: WatchedTree): void {
    const writer = new BatchWriter();
    for (let at = 0; at < applied.length; ) {
      const first = applied[at] as (typeof applied)[number];
      writer.reset();
      let count = 0;
      for (let next = applied[at]; next !== undefined; next = applied[at + count]) {
        if (next.timeMs !== first.timeMs || next.zxid !== first.zxid + count) break;
        if (count > 0 && flagsOf(first.command) !== flagsOf(next.command)) break;
        encodeCommand(writer.begin(), next.command);
        writer.end();
        count++;
        if (flagsOf(next.command) !== 0) break;
      }
      const rest = { digestZxid: 0, digest0: 0, digest1: 0, flags: flagsOf(first.command) };
      const header = { firstZxid: first.zxid, count, time: first.timeMs, featureLevel: FEATURE_LEVEL, ...rest };
      applyBatch(tree, writer.close(header).slice());
      at += count;
    }
  }

  function applyBatch(tree: Tree, bytes: Uint8Array): void {
    const reader = new BatchReader();
    const command = new Command();
    const { firstZxid, count } = reader.open(bytes);
    tree.beginBatch(reader.header);
    for (let i = 0; i < count; i++) {
      decodeCommand(reader.next(), command);
      tree.apply(firstZxid + i, command);
    }
    expect(reader.remaining).toBe(0);
  }
});
