import { OK, reasonOf } from "../../src/core/base/errors.ts";
import { defaultLimits, type Limits } from "../../src/core/base/limits.ts";
import { formatZxid, makeZxid } from "../../src/core/base/zxid.ts";
import type { Identity, ListOperation, ReadOperation, WriteOperation } from "../../src/core/tree/operation.ts";
import type { ExpectedAnswer, Issuer, ModelCommand, Outcome } from "./expectation.ts";
import type { History } from "./generate.ts";
import { OPEN_ACL } from "./naive-state.ts";
import { NaiveTree } from "./naive-tree.ts";
import { IDENTITIES } from "./pools.ts";
import { type Caller, CURRENT_VERSION, type Step, WRONG_VERSION } from "./step.ts";

/** The tree under test, as far as a comparison needs it. */
export interface Subject {
  apply(zxid: number, timeMs: number, command: ModelCommand): Outcome;
  read(identities: readonly Identity[], sessionId: number, operation: ReadOperation): SubjectAnswer;
  readonly nodeCount: number;
  /** Every session with its generation and granted time-out, in the order they were opened. */
  readonly sessions: readonly (readonly [id: number, generation: number, timeoutMs: number])[];
  /** The feature level, and the ensemble's configuration after the zxid that set it. */
  readonly agreement: readonly [featureLevel: number, zxid: number, configuration: Uint8Array];
  /** Called after every step: throws where the tree is at odds with itself. */
  audit(): void;
}

export interface SubjectAnswer extends ExpectedAnswer {
  readonly cursor: Uint8Array;
}

export interface Difference {
  readonly at: number;
  readonly text: string;
}

interface Slot {
  sessionId: number;
  generation: number;
  secretHash: Uint8Array;
  next: number;
}

interface PageState {
  modelCursor: Uint8Array;
  subjectCursor: Uint8Array;
}

const SUPER: readonly Identity[] = [{ scheme: "super", id: "" }];
const NO_CURSOR = new Uint8Array(0);
/** Steps between two comparisons of the whole tree. */
const DUMP_EVERY = 40;

/** One history, played on the model and on a subject. */
export class Comparison {
  readonly model: NaiveTree;
  readonly subject: Subject;
  /** What was played, told only when somebody asks. */
  readonly trace: (() => string)[] = [];
  private readonly slots: Slot[] = [];
  private readonly pages = new Map<string, PageState>();
  private counter = 0;
  private timeMs = 1_700_000_000_000;

  constructor(model: NaiveTree, subject: Subject) {
    this.model = model;
    this.subject = subject;
    for (let slot = 0; slot < 8; slot++) {
      this.slots.push({ sessionId: makeZxid(1, 4_000_000), generation: 1, secretHash: secret(0), next: 1 });
    }
  }

  /** Plays all steps; the first difference, if any. */
  play(steps: readonly Step[]): Difference | undefined {
    for (const [at, step] of steps.entries()) {
      let text = this.guard(() => this.playStep(step));
      const last = at === steps.length - 1;
      if (text === undefined && (last || at % DUMP_EVERY === DUMP_EVERY - 1)) text = this.guard(() => this.dump());
      if (text !== undefined) return { at, text };
    }
    return undefined;
  }

  private guard(work: () => string | undefined): string | undefined {
    try {
      return work();
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  }

  private playStep(step: Step): string | undefined {
    if (step.kind === "read") return this.read(step.by, step.operation);
    if (step.kind === "page") return this.page(step.by, step.path, step.limit);
    const command = this.resolve(step);
    this.counter += 1;
    this.timeMs += this.counter % 3 === 0 ? 0 : 7;
    const zxid = makeZxid(1 + Math.floor(this.counter / 90), this.counter);
    this.trace.push(() => `${formatZxid(zxid)} ${describe(command)}`);
    const expected = this.model.apply(zxid, this.timeMs, command);
    const actual = this.subject.apply(zxid, this.timeMs, command);
    this.trace.push(() => `    ${show(expected.answer)}`);
    this.follow(step, zxid, expected.answer);
    return (
      unequal("answer", show(expected.answer), show(actual.answer)) ??
      unequal("events", JSON.stringify(expected.events), JSON.stringify(actual.events)) ??
      this.counts()
    );
  }

  private counts(): string | undefined {
    this.subject.audit();
    const sessions = [...this.model.sessions.values()].map((each) => [each.id, each.generation, each.timeoutMs]);
    const { featureLevel, configurationZxid, configuration } = this.model;
    const agreed: Subject["agreement"] = [featureLevel, configurationZxid, configuration];
    return (
      unequal("znodes", String(this.model.nodes.size), String(this.subject.nodeCount)) ??
      unequal("sessions", JSON.stringify(sessions), JSON.stringify(this.subject.sessions)) ??
      unequal("agreement", showAgreement(agreed), showAgreement(this.subject.agreement))
    );
  }

  private resolve(step: Exclude<Step, { kind: "read" | "page" }>): ModelCommand {
    switch (step.kind) {
      case "request":
        return this.resolveRequest(step);
      case "open":
        return { kind: "open-session", timeoutMs: step.timeoutMs, secretHash: secret(step.slot + 1) };
      case "move": {
        const { sessionId, secretHash } = this.slot(step.slot);
        return { kind: "move-session", sessionId, secretHash: step.wrongSecret ? secret(99) : secretHash };
      }
      case "close":
        return { kind: "close-session", issuer: this.issuer(step.by, this.slot(step.by.slot).next++, 0) };
      case "limits":
        return { kind: "set-limits", limits: step.limits };
      case "raise":
        return { kind: "raise-feature-level", level: step.level };
      case "reconfigure": {
        const expectedZxid = Math.max(0, this.model.configurationZxid + step.off);
        return { kind: "reconfigure", expectedZxid, configuration: step.configuration };
      }
      case "expire": {
        const { sessionId, generation } = this.slot(step.slot);
        return { kind: "expire-session", sessionId, generation: step.older ? generation - 1 : generation };
      }
      default: {
        const { czxid, mzxid } = this.model.nodes.get(step.path) ?? { czxid: 1, mzxid: 1 };
        const { path, older } = step;
        // A container is told by its czxid, a TTL znode by its mzxid too.
        const changed = older && this.model.nodes.get(path)?.kind === "ttl";
        return {
          kind: "reap",
          path,
          czxid: older && !changed ? Math.max(0, czxid - 1) : czxid,
          mzxid: changed ? mzxid - 1 : mzxid,
        };
      }
    }
  }

  private resolveRequest(step: Extract<Step, { kind: "request" }>): ModelCommand {
    const slot = this.slot(step.by.slot);
    const number = Math.max(1, slot.next - step.back);
    if (number === slot.next) slot.next += 1;
    const answeredBelow = step.answered < 0 ? 0 : Math.min(number, Math.max(0, slot.next - 1 - step.answered));
    const operation = this.resolveVersions(step.operation);
    return { kind: "request", issuer: this.issuer(step.by, number, answeredBelow), operation };
  }

  private resolveVersions(operation: WriteOperation): WriteOperation {
    if (operation.kind === "multi") {
      return {
        ...operation,
        operations: operation.operations.map((leaf) => this.resolveVersions(leaf as never)) as never,
      };
    }
    if (!("version" in operation)) return operation;
    const node = this.model.nodes.get(operation.path);
    const actual = (operation.kind === "set-acl" ? node?.aversion : node?.version) ?? 0;
    if (operation.version === CURRENT_VERSION) return { ...operation, version: actual };
    if (operation.version === WRONG_VERSION) return { ...operation, version: (actual + 1) | 0 };
    return operation;
  }

  private slot(slot: number): Slot {
    return this.slots[Math.max(slot, 0)] as Slot;
  }

  private issuer(by: Caller, number: number, answeredBelow: number): Issuer {
    const { identities } = by;
    if (by.slot < 0) return { sessionId: 0, generation: 0, identities, number, answeredBelow };
    const { sessionId, generation } = this.slot(by.slot);
    return { sessionId, generation: by.older ? generation - 1 : generation, identities, number, answeredBelow };
  }

  /** What a client learns from an answer. */
  private follow(step: Step, zxid: number, answer: ExpectedAnswer): void {
    if (answer.code !== OK) return;
    if (step.kind === "open") {
      this.slots[step.slot] = { sessionId: zxid, generation: 1, secretHash: secret(step.slot + 1), next: 1 };
    } else if (step.kind === "move") {
      this.slot(step.slot).generation += 1;
    }
  }

  private read(by: Caller, operation: ReadOperation): string | undefined {
    const sessionId = by.slot < 0 ? 0 : this.slot(by.slot).sessionId;
    const expected = this.model.read(by.identities, sessionId, operation);
    this.trace.push(() => `${describeRead(operation)}\n    ${show(expected)}`);
    return unequal("answer", show(expected), show(this.subject.read(by.identities, sessionId, operation)));
  }

  private page(by: Caller, path: string, limit: number): string | undefined {
    const from = this.pages.get(path) ?? { modelCursor: NO_CURSOR, subjectCursor: NO_CURSOR };
    const page = (cursor: Uint8Array): ListOperation => ({ kind: "list", path, limit, cursor });
    const expected = this.model.read(by.identities, 0, page(from.modelCursor));
    this.trace.push(() => `${describeRead(page(from.modelCursor))}\n    ${show(expected)}`);
    const actual = this.subject.read(by.identities, 0, page(from.subjectCursor));
    if (expected.code === OK) {
      this.pages.set(path, { modelCursor: cursorOf(expected.next ?? 0), subjectCursor: actual.cursor.slice() });
    }
    return unequal("answer", show(expected), show(actual));
  }

  /** Reads every znode of both. */
  private dump(): string | undefined {
    for (const path of [...this.model.nodes.keys()].sort()) {
      for (const kind of ["get", "count"] as const) {
        const text = this.compareRead({ kind, path });
        if (text !== undefined) return text;
      }
      const text = this.compareRead({ kind: "list", path, limit: 0, cursor: NO_CURSOR }) ?? this.compareAccess(path);
      if (text !== undefined) return text;
    }
    for (const id of this.model.sessions.keys()) {
      const text = this.compareRead({ kind: "ephemerals", path: "/" }, id);
      if (text !== undefined) return text;
    }
    return undefined;
  }

  /** What everybody sees of a znode that is not open to everybody. */
  private compareAccess(path: string): string | undefined {
    const { acl } = this.model.node(path);
    for (const identities of acl === OPEN_ACL ? [SUPER] : IDENTITIES) {
      const text = this.compareRead({ kind: "get-acl", path }, 0, identities);
      if (text !== undefined) return text;
    }
    return undefined;
  }

  private compareRead(operation: ReadOperation, sessionId = 0, identities = SUPER): string | undefined {
    const expected = show(this.model.read(identities, sessionId, operation));
    const actual = show(this.subject.read(identities, sessionId, operation));
    return unequal(`dump: ${describeRead(operation)} by ${JSON.stringify(identities)}`, expected, actual);
  }
}

/** A failing history cut down, as text for people; undefined where model and subject agree. */
export function examine(history: History, subject: () => Subject): string | undefined {
  const play = (steps: readonly Step[]): { run: Comparison; difference: Difference | undefined } => {
    const run = new Comparison(new NaiveTree(defaultLimits), subject());
    return { run, difference: run.play(steps) };
  };
  const first = play(history.steps).difference;
  if (first === undefined) return undefined;
  let steps = history.steps.slice(0, first.at + 1);
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = steps.length - size; at >= 0; at -= size) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)];
      const difference = play(fewer).difference;
      if (difference !== undefined) steps = fewer.slice(0, difference.at + 1);
      at = Math.min(at, steps.length);
    }
  }
  const { run, difference } = play(steps);
  const head = `seed ${history.seed}`;
  return [head, ...run.trace.map((tell) => tell()), difference?.text ?? first.text].join("\n");
}

function showAgreement([featureLevel, zxid, configuration]: Subject["agreement"]): string {
  return `level ${featureLevel}, configuration of ${formatZxid(zxid)}: ${showData(configuration)}`;
}

function unequal(what: string, expected: string, actual: string): string | undefined {
  return expected === actual ? undefined : `${what} differs\n  model: ${expected}\n  tree:  ${actual}`;
}

/** A stand-in for the SHA-256 of a secret. */
export function secret(seed: number): Uint8Array {
  return new Uint8Array(32).fill(seed);
}

function cursorOf(next: number): Uint8Array {
  if (next === 0) return NO_CURSOR;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, next);
  return bytes;
}

/** The fields an answer's kind calls for, in one order, on one line. */
export function show(answer: ExpectedAnswer | SubjectAnswer): string {
  return `${formatZxid(answer.zxid)} ${showPart(answer)}`;
}

function showPart(answer: ExpectedAnswer | SubjectAnswer): string {
  const reason = answer.code === OK ? "OK" : reasonOf(answer.code);
  const { kind, stat, path, data, names, acl, count, parts } = answer;
  const texts = [reason, kind];
  if (kind === "create") texts.push(JSON.stringify(path));
  if (kind === "create" || kind === "stat" || kind === "get" || kind === "list" || kind === "acl") {
    texts.push(showStat(stat));
  }
  if (kind === "get") texts.push(showData(data));
  if (kind === "list" || kind === "ephemerals") texts.push(JSON.stringify(names));
  if (kind === "list") texts.push(hasMore(answer) ? "more" : "end");
  if (kind === "acl") texts.push(JSON.stringify(acl?.map(({ scheme, id, permissions }) => [scheme, id, permissions])));
  if (kind === "acl") texts.push(`mode=${answer.mode},ttlMs=${answer.ttlMs}`);
  if (kind === "count") texts.push(String(count));
  if (kind === "multi" || kind === "multi-read") texts.push(`[${(parts ?? []).map(showPart).join(" | ")}]`);
  return texts.join(" ");
}

function hasMore(answer: ExpectedAnswer | SubjectAnswer): boolean {
  return "cursor" in answer ? answer.cursor.length > 0 : (answer.next ?? 0) !== 0;
}

function showStat(stat: ExpectedAnswer["stat"]): string {
  if (stat === undefined) return "no stat";
  const { aversion, ctime, cversion, czxid, dataLength, ephemeralOwner, mtime, mzxid, numChildren } = stat;
  const first = `aversion=${aversion},ctime=${ctime},cversion=${cversion},czxid=${czxid},dataLength=${dataLength}`;
  const second = `ephemeralOwner=${ephemeralOwner},mtime=${mtime},mzxid=${mzxid},numChildren=${numChildren}`;
  return `${first},${second},pzxid=${stat.pzxid},version=${stat.version}`;
}

function showData(data: Uint8Array | undefined): string {
  if (data === undefined) return "no data";
  const first = data[0] ?? 0;
  if (data.every((byte) => byte === first)) return `${data.length}x${first}`;
  return JSON.stringify(Buffer.from(data.buffer, data.byteOffset, data.length).toString("latin1"));
}

function describe(command: ModelCommand): string {
  if (command.kind === "set-limits") return `set-limits ${JSON.stringify(unusual(command.limits))}`;
  if (command.kind !== "request") return JSON.stringify(command, plain);
  const { sessionId, generation, identities, number, answeredBelow } = command.issuer;
  const who = `session ${formatZxid(sessionId)}.${generation} #${number}<${answeredBelow}`;
  return `${who} ${JSON.stringify(identities)}\n    ${JSON.stringify(command.operation, plain)}`;
}

function unusual(limits: Limits): unknown {
  const usual = Object.entries(defaultLimits);
  return Object.fromEntries(
    Object.entries(limits).filter(([name, value]) => !usual.some(([n, v]) => n === name && v === value)),
  );
}

function describeRead(operation: ReadOperation): string {
  return JSON.stringify(operation, plain);
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? showData(value) : value;
}
