import { assert } from "../../src/core/base/assert.ts";
import { ByteWriter, decodeUtf8 } from "../../src/core/base/bytes.ts";
import { OK } from "../../src/core/base/errors.ts";
import type { Answer } from "../../src/core/tree/answer.ts";
import { AnswerReader, emptyAnswer } from "../../src/core/tree/answer-codec.ts";
import { BatchReader, BatchWriter, batchFlag } from "../../src/core/tree/batch.ts";
import {
  Command,
  decodeCommand,
  encodeIdentities,
  writeCloseSession,
  writeExpireSession,
  writeMoveSession,
  writeOpenSession,
  writeOperation,
  writeRaiseFeatureLevel,
  writeReap,
  writeReconfigure,
  writeSetLimits,
} from "../../src/core/tree/command.ts";
import type { EventSink } from "../../src/core/tree/event-buffer.ts";
import { FEATURE_LEVEL, FIRST_FEATURE_LEVEL } from "../../src/core/tree/feature-level.ts";
import type { EventType, Identity, ReadOperation } from "../../src/core/tree/operation.ts";
import { Tree } from "../../src/core/tree/tree.ts";
import { auditTree } from "./audit.ts";
import type { Subject, SubjectAnswer } from "./compare.ts";
import type { ExpectedEvent, Issuer, ModelCommand, Outcome } from "./expectation.ts";

const HASH_SEED = 7;
const NOBODY = { sessionId: 0, generation: 1, identities: new Uint8Array(0) };

/** Encodes a command as a door or the leader would. */
export function encodeCommand(writer: ByteWriter, command: ModelCommand): void {
  switch (command.kind) {
    case "request":
      encodeRequest(writer, command);
      return;
    case "open-session":
      writeOpenSession(writer, NOBODY, 1, command);
      return;
    case "move-session":
      writeMoveSession(writer, NOBODY, 1, command.sessionId, command.secretHash);
      return;
    case "close-session":
      writeCloseSession(writer, issuerOf(command.issuer), command.issuer.number, command.issuer.answeredBelow);
      return;
    case "expire-session":
      writeExpireSession(writer, NOBODY, command.sessionId, command.generation);
      return;
    case "set-limits":
      writeSetLimits(writer, NOBODY, 1, command.limits, FIRST_FEATURE_LEVEL);
      return;
    case "raise-feature-level":
      writeRaiseFeatureLevel(writer, NOBODY, command.level);
      return;
    case "reconfigure":
      writeReconfigure(writer, NOBODY, 1, command.expectedZxid, command.configuration);
      return;
    case "reap":
      writeReap(writer, NOBODY, new TextEncoder().encode(command.path), command.czxid, command.mzxid);
  }
}

function encodeRequest(writer: ByteWriter, { issuer, operation }: Extract<ModelCommand, { kind: "request" }>): void {
  writeOperation(writer, issuerOf(issuer), issuer.number, issuer.answeredBelow, operation);
}

function issuerOf({ sessionId, generation, identities }: Issuer) {
  const writer = new ByteWriter(64);
  encodeIdentities(identities, writer);
  return { sessionId, generation, identities: writer.copy() };
}

/** The tree of `src/core/tree`, fed with encoded batches of one command each. */
export class RealTree implements Subject {
  tree: Tree;
  readonly sink: EventSink;
  private events: ExpectedEvent[] = [];
  private readonly batch = new BatchWriter();
  private readonly reader = new BatchReader();
  private readonly command = new Command();
  private readonly answers = new AnswerReader();

  constructor() {
    this.sink = {
      record: (type: EventType, path: Uint8Array, start: number, end: number, zxid: number, aclId: number): void => {
        const acl = this.tree.state.acls.entries(aclId);
        this.events.push({ type, path: decodeUtf8(path, start, end), zxid, acl });
      },
    };
    this.tree = Tree.fresh(HASH_SEED, this.sink);
  }

  /** Goes on with a tree that was loaded from a snapshot of the present one. */
  replaceTree(load: (sink: EventSink) => Tree): void {
    this.tree = load(this.sink);
  }

  apply(zxid: number, timeMs: number, command: ModelCommand): Outcome {
    this.events = [];
    const { nextSerial } = this.tree.state;
    const answer = this.applyInBatch(zxid, timeMs, command);
    assert(answer.code === OK || this.tree.state.nextSerial === nextSerial, "a failed command takes no serial");
    return { answer, events: this.events };
  }

  private applyInBatch(zxid: number, timeMs: number, command: ModelCommand): Answer {
    this.batch.reset();
    encodeCommand(this.batch.begin(), command);
    this.batch.end();
    const rest = { digestZxid: 0, digest0: 0, digest1: 0, flags: flagsOf(command) };
    const header = { firstZxid: zxid, count: 1, time: timeMs, featureLevel: FEATURE_LEVEL, ...rest };
    // A Buffer, as sockets and files give them: its `slice` is a view, not a copy.
    const bytes = Buffer.from(this.batch.close(header));
    this.tree.beginBatch(this.reader.open(bytes));
    decodeCommand(this.reader.next(), this.command);
    const answer = emptyAnswer();
    this.answers.read(this.tree.apply(zxid, this.command).slice(), answer);
    // A tree that kept a view of the batch would now show it.
    bytes.fill(0xa5);
    return answer;
  }

  read(identities: readonly Identity[], sessionId: number, operation: ReadOperation): SubjectAnswer {
    const answer = emptyAnswer();
    this.tree.read({ sessionId, identities }, operation, answer);
    return answer;
  }

  get nodeCount(): number {
    return this.tree.state.table.size;
  }

  get sessions(): Subject["sessions"] {
    const sessions = [...this.tree.state.sessions.all()].sort((a, b) => a.id - b.id);
    return sessions.map(({ id, generation, timeoutMs }) => [id, generation, timeoutMs]);
  }

  get agreement(): Subject["agreement"] {
    const { featureLevel, configurationZxid, configuration } = this.tree.state;
    return [featureLevel, configurationZxid, configuration];
  }

  audit(): void {
    auditTree(this.tree);
  }
}

/** What the header of a batch of this command says of it. */
export function flagsOf({ kind }: ModelCommand): number {
  return kind === "reconfigure" ? batchFlag.RECONFIGURE : 0;
}
