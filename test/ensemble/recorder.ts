import { performance } from "node:perf_hooks";
import { type MusterClient, MusterError, type Stat, type WatchEvent, type WatchMode } from "@muster/client";
import type { ReadOperation, WriteOperation } from "../../src/core/tree/operation.ts";
import type { ExpectedAnswer } from "../model/expectation.ts";

/** What a client did, and what it was told. */
export interface Recorded {
  readonly client: number;
  /** The session it was called in. */
  readonly sessionId: number;
  /** `read`: sequentially consistent; the others are linearizable. */
  readonly kind: "write" | "read" | "linearizable" | "sync";
  readonly write: WriteOperation | undefined;
  readonly read: ReadOperation | undefined;
  /** performance.now() of this process, as all times here. */
  readonly invokedAt: number;
  /** Infinity: there was no answer. */
  returnedAt: number;
  /** `unknown`: it may or may not have been applied. */
  outcome: "ok" | "failed" | "unknown";
  /** Why it failed, or why nobody knows. */
  reason: string;
  /** Where it stands in the history; 0 where it was not told. */
  zxid: number;
  /** {@link answerText} of the answer. */
  answer: string;
  /** What the client's first watch had told when the answer came: everything up to here. */
  toldZxid: number;
}

/** What a watch told, between two zxids all of it. */
export interface RecordedWatch {
  readonly client: number;
  readonly path: string;
  readonly mode: WatchMode;
  readonly registeredAt: number;
  readonly events: WatchEvent[];
  /** Everything up to here has been told. */
  readonly toldZxid: () => number;
}

/** Answers that are the application's own business, not the ensemble's failure. */
const BUSINESS: ReadonlySet<string> = new Set(["VERSION_MISMATCH", "NODE_EXISTS", "NODE_NOT_FOUND", "NOT_EMPTY"]);

/** Everything that clients did in a run, for the checker. */
export class Recorder {
  readonly operations: Recorded[] = [];
  readonly watches: RecordedWatch[] = [];
  /** Every session that operations were recorded of. */
  readonly sessions = new Set<number>();
  /** Sessions that were told to be gone although their clients lived. */
  readonly expired: string[] = [];

  /** Calls that rejected for another reason than what they asked. */
  get rejected(): Recorded[] {
    return this.operations.filter(({ outcome, reason }) => outcome !== "ok" && !BUSINESS.has(reason));
  }

  /** The longest that any call of this time took, ms. */
  longestMs(from = 0, to = Number.POSITIVE_INFINITY): number {
    const times = this.operations.filter(({ invokedAt }) => invokedAt >= from && invokedAt < to);
    return times.reduce((longest, { invokedAt, returnedAt }) => Math.max(longest, returnedAt - invokedAt), 0);
  }

  /** From `at` to the first answer of a write that was called afterwards. */
  firstWriteAfter(at: number): number {
    let first = Number.POSITIVE_INFINITY;
    // They are in the order of their calls.
    for (let index = this.operations.length - 1; index >= 0; index--) {
      const { kind, outcome, invokedAt, returnedAt } = this.operations[index] as Recorded;
      if (invokedAt < at) break;
      if (kind === "write" && outcome === "ok") first = Math.min(first, returnedAt);
    }
    return first - at;
  }

  /** The longest time in which no write was answered, between two moments. */
  longestGap(from: number, to: number): number {
    const times = this.operations
      .filter(({ kind, outcome, returnedAt }) => kind === "write" && outcome === "ok" && returnedAt < to)
      .map(({ returnedAt }) => returnedAt)
      .filter((at) => at > from)
      .sort((a, b) => a - b);
    let longest = 0;
    let before = from;
    for (const at of [...times, to]) {
      longest = Math.max(longest, at - before);
      before = at;
    }
    return longest;
  }

  follow(client: MusterClient, number: number): void {
    client.diagnostics.on("session-expired", ({ sessionId }) => {
      this.expired.push(`session ${sessionId.toString(16)} of client ${number}`);
    });
  }

  /** Performs a write; resolves with its result, or with undefined where it failed. */
  write<T extends { zxid: number }>(
    client: MusterClient,
    number: number,
    operation: WriteOperation,
    call: () => Promise<T>,
  ): Promise<T | undefined> {
    const recorded = this.begin(client, number, "write", operation, undefined);
    return this.settle(recorded, call, (result) => resultText(operation, result));
  }

  /** Performs a read. */
  read<T extends { zxid: number }>(
    client: MusterClient,
    number: number,
    kind: "read" | "linearizable",
    operation: ReadOperation,
    call: () => Promise<T>,
    text: (result: T) => string,
  ): Promise<T | undefined> {
    return this.settle(this.begin(client, number, kind, undefined, operation), call, text);
  }

  sync(client: MusterClient, number: number): Promise<{ zxid: number } | undefined> {
    const recorded = this.begin(client, number, "sync", undefined, undefined);
    return this.settle(
      recorded,
      () => client.znodes.sync(),
      () => "",
    );
  }

  private begin(
    client: MusterClient,
    number: number,
    kind: Recorded["kind"],
    write: WriteOperation | undefined,
    read: ReadOperation | undefined,
  ): Recorded {
    const sessionId = client.session.id;
    this.sessions.add(sessionId);
    const recorded: Recorded = {
      ...{ client: number, sessionId, kind, write, read, invokedAt: performance.now() },
      ...{
        returnedAt: Number.POSITIVE_INFINITY,
        outcome: "unknown",
        reason: "no answer yet",
        zxid: 0,
        answer: "",
        toldZxid: 0,
      },
    };
    this.operations.push(recorded);
    return recorded;
  }

  private async settle<T extends { zxid: number }>(
    recorded: Recorded,
    call: () => Promise<T>,
    text: (result: T) => string,
  ): Promise<T | undefined> {
    try {
      const result = await call();
      recorded.returnedAt = performance.now();
      recorded.outcome = "ok";
      recorded.reason = "";
      recorded.zxid = result.zxid;
      recorded.answer = text(result);
      recorded.toldZxid = this.watches.find(({ client }) => client === recorded.client)?.toldZxid() ?? 0;
      return result;
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
      recorded.returnedAt = performance.now();
      recorded.outcome = error.maybeApplied ? "unknown" : "failed";
      recorded.reason = error.reason;
      recorded.zxid = error.zxid ?? 0;
      return undefined;
    }
  }
}

/** What an answer says, the same for the SDK's results and the model's. */
export function answerText(answer: ExpectedAnswer): string {
  const { kind } = answer;
  if (kind === "create") return createText(answer.path, answer.stat);
  if (kind === "get") return getText(answer.data, answer.stat);
  if (kind === "list") return listText(answer.names, answer.stat);
  if (kind === "multi" || kind === "multi-read") return (answer.parts ?? []).map(partText).join(" | ");
  return kind === "stat" ? statText(answer.stat) : "";
}

function partText(part: ExpectedAnswer): string {
  return part.code === 0 ? answerText(part) : `failed ${part.code}`;
}

function resultText(operation: WriteOperation, result: object): string {
  if (operation.kind === "multi") {
    const { results } = result as { results: readonly object[] };
    return operation.operations
      .map((part, index) => resultText(part as WriteOperation, results[index] ?? {}))
      .join(" | ");
  }
  const { path, stat } = result as { path?: string; stat?: Stat };
  if (operation.kind === "create") return createText(path, stat);
  return operation.kind === "set" ? statText(stat) : "";
}

function createText(path: string | undefined, stat: Stat | undefined): string {
  return `${path} ${statText(stat)}`;
}

export function getText(data: Uint8Array | undefined, stat: Stat | undefined): string {
  return `${Buffer.from(data ?? []).toString("latin1")} ${statText(stat)}`;
}

export function listText(names: readonly string[] | undefined, stat: Stat | undefined): string {
  return `${names?.join(",")} ${statText(stat)}`;
}

function statText(stat: Stat | undefined): string {
  if (stat === undefined) return "no stat";
  const { czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner, numChildren } = stat;
  const zxids = [czxid, mzxid, pzxid].map((zxid) => zxid.toString(16));
  return [...zxids, ctime, mtime, version, cversion, aversion, ephemeralOwner, numChildren, stat.dataLength].join(" ");
}
