import { OK } from "../../src/core/base/errors.ts";
import type { Answer } from "../../src/core/tree/answer.ts";
import type { ClientRequest } from "./client-message.ts";
import { isLinearizable, type RegisterOperation } from "./linearizability.ts";
import { demand } from "./violation.ts";

interface Asked {
  readonly kind: "set" | "get";
  readonly path: string;
  readonly data: string;
  readonly from: number;
}

/** What clients wrote and read, linearizably, of each znode's data, by when members took and answered it. */
export class RegisterHistories {
  private readonly pending = new Map<string, Asked>();
  private readonly answered = new Set<string>();
  /** By znode: its path and which of all that ever had it. */
  private readonly histories = new Map<string, { readonly path: string; readonly operations: RegisterOperation[] }>();
  /** Also written in transactions, which are no operation on one znode. */
  private readonly mixed = new Set<string>();

  /** @param who the session, or the connection where there is none */
  asked(who: string, request: ClientRequest, now: number): void {
    if (request.kind !== "write" && request.kind !== "read") return;
    const key = `${who} ${request.number}`;
    const { operation } = request;
    if (operation.kind === "multi") for (const { path } of operation.operations) this.mixed.add(path);
    if (this.pending.has(key) || this.answered.has(key)) return;
    const from = now;
    if (operation.kind === "set")
      this.pending.set(key, { kind: "set", path: operation.path, data: hex(operation.data), from });
    const isFresh = request.kind === "read" && request.linearizable;
    if (isFresh && operation.kind === "get")
      this.pending.set(key, { kind: "get", path: operation.path, data: "", from });
  }

  told(who: string, answer: Answer, now: number): void {
    const key = `${who} ${answer.number}`;
    const asked = this.pending.get(key);
    if (asked === undefined || answer.code !== OK) return;
    this.pending.delete(key);
    this.answered.add(key);
    const { kind, path, from } = asked;
    const data = kind === "get" ? hex(answer.data) : asked.data;
    const znode = `${answer.stat.czxid} ${path}`;
    const history = this.histories.get(znode) ?? { path, operations: [] };
    this.histories.set(znode, history);
    history.operations.push({ kind, data, version: answer.stat.version, from, until: now });
  }

  /** Searches an order for each; which ones were searched, and which had too much at once. */
  check(count: (what: string) => void): void {
    for (const [znode, { path, operations }] of this.histories) {
      // Those of the system change without anybody writing to them.
      if (this.mixed.has(path) || path.startsWith("/zookeeper")) continue;
      const lost = [...this.pending.values()].filter((asked) => asked.path === path && asked.kind === "set");
      const all = [...operations, ...lost.map((asked) => ({ ...asked, version: undefined, until: NEVER }))];
      const isSo = isLinearizable(all);
      demand(isSo !== false, "what clients saw of a znode has an order", () => `${znode}: ${JSON.stringify(all)}`);
      count(isSo === undefined ? "znodes with too much at once" : "znodes searched");
    }
  }
}

const NEVER = Number.POSITIVE_INFINITY;

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
