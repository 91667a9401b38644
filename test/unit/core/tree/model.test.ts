import { describe, expect, it } from "vitest";
import { OK, type Reason, reasonOf } from "../../../../src/core/base/errors.ts";
import { defaultLimits } from "../../../../src/core/base/limits.ts";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import type { TreeState } from "../../../../src/core/tree/tree-state.ts";
import { lookupText } from "../../../../src/core/tree/znode-changes.ts";
import { patience, seeds, stepsPerHistory } from "../../../model/budget.ts";
import { Comparison, examine } from "../../../model/compare.ts";
import type { ExpectedAnswer, ModelCommand, Outcome } from "../../../model/expectation.ts";
import { generateHistory, type History } from "../../../model/generate.ts";
import { NaiveTree } from "../../../model/naive-tree.ts";
import { RealTree } from "../../../model/real-tree.ts";
import type { Step } from "../../../model/step.ts";

const ROOT_USER = { slot: -1, identities: [{ scheme: "super", id: "" }], older: false };

function create(path: string, mode: 0 | 2 = 0): Step {
  const operation = { kind: "create", path, data: new Uint8Array(0), mode } as const;
  return { kind: "request", by: ROOT_USER, operation, back: 0, answered: -1 };
}

describe("the tree and the naive model of it", () => {
  const histories = seeds(250);
  it("agree on every answer, stat, event, list and dump", { timeout: patience(histories) }, () => {
    for (const seed of histories) {
      expect(examine(generateHistory(seed, stepsPerHistory), () => new RealTree())).toBeUndefined();
    }
  });

  it("agree where the 32-bit counters wrap", () => {
    const model = new NaiveTree(defaultLimits);
    const tree = new RealTree();
    const comparison = new Comparison(model, tree);
    expect(comparison.play([create("/a")])).toBeUndefined();
    wrapSoon(model, tree);
    const set: Step = {
      kind: "request",
      by: ROOT_USER,
      operation: { kind: "set", path: "/a", data: new Uint8Array(1), version: -1 },
      back: 0,
      answered: -1,
    };
    expect(comparison.play([set, set, create("/a/", 2), create("/a/s-", 2), create("/a/s-", 2)])).toBeUndefined();
    expect([...model.nodes.keys()]).toEqual(
      expect.arrayContaining(["/a/2147483646", "/a/s-2147483647", "/a/s--2147483648"]),
    );
    versionTo(model, tree, -3);
    expect(comparison.play([set, set])).toBeUndefined();
    expect(model.node("/a").version).toBe(0);
  });

  /** The znode /a of both is about to wrap. */
  function wrapSoon(model: NaiveTree, tree: RealTree): void {
    change(tree, (state, node) => state.table.creations.set(node, 2 ** 31 - 2));
    model.node("/a").creations = 2 ** 31 - 2;
    versionTo(model, tree, 2 ** 31 - 2);
  }

  function versionTo(model: NaiveTree, tree: RealTree, version: number): void {
    change(tree, (state, node) => state.table.version.set(node, version));
    model.node("/a").version = version;
  }

  function change(tree: RealTree, make: (state: TreeState, node: number) => void): void {
    const { state } = tree.tree;
    const node = lookupText(state, "/a");
    state.beginNodeChange(node);
    make(state, node);
    state.endNodeChange(node);
  }
});

describe("the naive model", () => {
  it("begins as ZooKeeper's tree does", () => {
    const model = new NaiveTree(defaultLimits);
    expect([...model.nodes.keys()]).toEqual(["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"]);
    expect(model.statOf("/")).toMatchObject({ czxid: 0, cversion: -1, numChildren: 1, version: 0 });
    expect(model.statOf("/zookeeper")).toMatchObject({ cversion: -2, numChildren: 2 });
  });

  it("counts cversion and pzxid as ZooKeeper shows them", () => {
    const model = new NaiveTree(defaultLimits);
    const issuer = { sessionId: 0, generation: 0, identities: [], number: 1, answeredBelow: 0 };
    const apply = (counter: number, operation: Extract<ModelCommand, { kind: "request" }>["operation"]): Outcome =>
      model.apply(makeZxid(1, counter), counter, { kind: "request", issuer, operation });
    const data = new Uint8Array(0);
    apply(1, { kind: "create", path: "/p", data, mode: 0 });
    apply(2, { kind: "create", path: "/p/a", data, mode: 0 });
    apply(3, { kind: "create", path: "/p/b", data, mode: 0 });
    expect(model.statOf("/p")).toMatchObject({ cversion: 2, numChildren: 2, pzxid: makeZxid(1, 3) });
    apply(4, { kind: "delete", path: "/p/a", version: -1 });
    expect(model.statOf("/p")).toMatchObject({ cversion: 3, numChildren: 1, pzxid: makeZxid(1, 4) });
    expect(apply(5, { kind: "create", path: "/p/n", data, mode: 2 }).answer.path).toBe("/p/n0000000002");
  });
});

describe("the comparison itself", () => {
  const histories = Array.from({ length: 60 }, (_, seed) => generateHistory(seed, 200));

  it("meets every reason an operation can fail for, and every kind of success", { timeout: 60_000 }, () => {
    const met = new Set<string>();
    for (const history of histories) collect(history, met);
    const reasons: Reason[] = [
      "NODE_NOT_FOUND",
      "NODE_EXISTS",
      "VERSION_MISMATCH",
      "NOT_EMPTY",
      "EPHEMERAL_PARENT",
      "NO_PERMISSION",
      "INVALID_PATH",
      "INVALID_ARGUMENT",
      "INVALID_ACL",
      "QUOTA_EXCEEDED",
      "TOO_LARGE",
      "EPHEMERAL_LIMIT",
      "ROLLED_BACK",
      "SESSION_EXPIRED",
      "SESSION_MOVED",
      "SESSION_REQUIRED",
      "STALE_REQUEST",
      "WRONG_SECRET",
      "SESSION_LIMIT",
      "NOT_EXPIRED",
      "UNSUPPORTED",
      "CONFIGURATION_CHANGED",
    ];
    const commands = ["create", "delete", "set", "set-acl", "multi", "delete-tree", "reap", "set-limits"];
    const duties = ["raise-feature-level", "reconfigure"];
    const sessions = ["open-session", "move-session", "close-session", "expire-session"];
    const successes = [...commands, ...duties, ...sessions].map((kind) => `${kind} OK`);
    expect([...reasons, ...successes].filter((kind) => !met.has(kind))).toEqual([]);
  });

  it.each<[string, (outcome: Outcome, command: ModelCommand) => Outcome]>([
    ["an event lost", ({ answer, events }) => ({ answer, events: events.slice(0, -1) })],
    ["a stat field off by one", (outcome) => withStat(outcome, (stat) => ({ ...stat, pzxid: stat.pzxid + 1 }))],
    [
      "another reason",
      ({ answer, events }) => ({ answer: { ...answer, code: answer.code === 1 ? 2 : answer.code }, events }),
    ],
    ["a success kept quiet", ({ answer, events }) => ({ answer: { ...answer, kind: "none" }, events })],
  ])("notices %s, and cuts the history down to a few steps", (_, spoil) => {
    class SpoiltTree extends RealTree {
      override apply(zxid: number, timeMs: number, command: ModelCommand): Outcome {
        return spoil(super.apply(zxid, timeMs, command), command);
      }
    }
    const text = firstDifference(() => new SpoiltTree());
    expect(text).toContain("differs\n  model: ");
    expect(text?.split("\n").length).toBeLessThan(20);
  });

  it("notices a command applied twice", () => {
    class ForgetfulTree extends RealTree {
      override apply(zxid: number, timeMs: number, command: ModelCommand): Outcome {
        for (const session of this.tree.state.sessions.all()) session.window.clear();
        return super.apply(zxid, timeMs, command);
      }
    }
    expect(firstDifference(() => new ForgetfulTree())).toContain("differs\n  model: ");
  });

  function firstDifference(subject: () => RealTree): string | undefined {
    for (const history of histories) {
      const text = examine(history, subject);
      if (text !== undefined) return text;
    }
    return undefined;
  }

  function withStat(outcome: Outcome, change: (stat: NonNullable<ExpectedAnswer["stat"]>) => ExpectedAnswer["stat"]) {
    const { stat } = outcome.answer;
    if (stat === undefined) return outcome;
    return { ...outcome, answer: { ...outcome.answer, stat: change(stat) as typeof stat } };
  }

  /** Plays a history, noting what the model answers. */
  function collect(history: History, met: Set<string>): void {
    const note = (kind: string, { code, parts }: ExpectedAnswer): void => {
      met.add(code === OK ? `${kind} OK` : reasonOf(code));
      for (const part of parts ?? []) note("part", part);
    };
    class NotedModel extends NaiveTree {
      override apply(zxid: number, timeMs: number, command: ModelCommand): Outcome {
        const outcome = super.apply(zxid, timeMs, command);
        note(command.kind === "request" ? command.operation.kind : command.kind, outcome.answer);
        return outcome;
      }
    }
    new Comparison(new NotedModel(defaultLimits), new RealTree()).play(history.steps);
  }
});
