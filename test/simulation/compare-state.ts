import { formatZxid } from "../../src/core/base/zxid.ts";
import { emptyAnswer } from "../../src/core/tree/answer-codec.ts";
import type { ReadOperation } from "../../src/core/tree/operation.ts";
import type { Tree } from "../../src/core/tree/tree.ts";
import { auditTree } from "../model/audit.ts";
import { show } from "../model/compare.ts";
import type { NaiveTree } from "../model/naive-tree.ts";
import { demand } from "./violation.ts";

const SUPER = [{ scheme: "super", id: "" }];
const RULE = "the tree is the model's";

/** Reads every znode and session of both: stat, data, ACL, children, descendants, ephemerals; and audits the tree. */
export function compareState(model: NaiveTree, tree: Tree): void {
  auditTree(tree, true);
  const compare = (operation: ReadOperation, sessionId = 0): void => {
    const answer = emptyAnswer();
    tree.read({ sessionId, identities: SUPER }, operation, answer);
    const [expected, actual] = [show(model.read(SUPER, sessionId, operation)), show(answer)];
    demand(expected === actual, RULE, () => `${JSON.stringify(operation)}\n  model: ${expected}\n  tree:  ${actual}`);
  };
  const sizes = `${model.nodes.size} znodes, ${model.sessions.size} sessions`;
  const actualSizes = `${tree.state.table.size} znodes, ${tree.state.sessions.size} sessions`;
  demand(sizes === actualSizes, RULE, () => `model: ${sizes}; tree: ${actualSizes}`);
  for (const [path, { owner }] of model.nodes) {
    for (const kind of ["get", "get-acl", "count"] as const) compare({ kind, path });
    compare({ kind: "list", path, limit: 0, cursor: new Uint8Array(0) });
    const isOwned = owner === 0 || tree.state.sessions.get(owner) !== undefined;
    demand(isOwned, "ephemerals exist while their session is open", () => `${path} of ${formatZxid(owner)}`);
  }
  for (const [id, { generation, timeoutMs }] of model.sessions) {
    const session = tree.state.sessions.get(id);
    const isSame = session?.generation === generation && session.timeoutMs === timeoutMs;
    demand(isSame, RULE, () => `session ${formatZxid(id)}: generation ${session?.generation}, not ${generation}`);
    compare({ kind: "ephemerals", path: "/" }, id);
  }
}
