import { ByteReader, ByteWriter } from "../../../../src/core/base/bytes.ts";
import { OK, reasonOf } from "../../../../src/core/base/errors.ts";
import { makeZxid } from "../../../../src/core/base/zxid.ts";
import type { Answer } from "../../../../src/core/tree/answer.ts";
import { AnswerReader, emptyAnswer } from "../../../../src/core/tree/answer-codec.ts";
import { batchFlag } from "../../../../src/core/tree/batch.ts";
import {
  Command,
  decodeCommand,
  encodeIdentities,
  writeOpenSession,
  writeOperation,
  writeRaiseFeatureLevel,
  writeReconfigure,
} from "../../../../src/core/tree/command.ts";
import type { CreateMode, Identity, ReadOperation, WriteOperation } from "../../../../src/core/tree/operation.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";
import { lookupText } from "../../../../src/core/tree/znode-changes.ts";

const LEADER = { sessionId: 0, generation: 1, identities: new Uint8Array(0) };

/** The real tree, driven by encoded commands one zxid after the other, in few words. */
export class TreeDriver {
  readonly tree: Tree = Tree.fresh(7, { record: () => undefined });
  identities: readonly Identity[] = [];
  private counter = 0;
  private readonly numbers = new Map<number, number>();

  set time(ms: number) {
    this.tree.state.time = ms;
  }

  apply(encode: (writer: ByteWriter) => void): Answer {
    const writer = new ByteWriter(64);
    encode(writer);
    const command = new Command();
    decodeCommand(new ByteReader(writer.copy()), command);
    const answer = emptyAnswer();
    new AnswerReader().read(this.tree.apply(makeZxid(1, ++this.counter), command).slice(), answer);
    return answer;
  }

  /** Fails unless the operation succeeds. */
  write(operation: WriteOperation, sessionId = 0): Answer {
    const number = this.numbers.get(sessionId) ?? 1;
    this.numbers.set(sessionId, number + 1);
    const identities = new ByteWriter(64);
    encodeIdentities(this.identities, identities);
    const issuer = { sessionId, generation: 1, identities: identities.copy() };
    const answer = this.apply((writer) => writeOperation(writer, issuer, number, 0, operation));
    if (answer.code !== OK) throw new Error(`${operation.kind}: ${reasonOf(answer.code)}`);
    return answer;
  }

  create(path: string, options: { mode?: CreateMode; ttlMs?: number; data?: string; session?: number } = {}): number {
    const { mode = 0, ttlMs = 0, data = "", session = 0 } = options;
    this.write({ kind: "create", path, mode, ttlMs, data: new TextEncoder().encode(data) }, session);
    return this.node(path);
  }

  set(path: string, data = ""): void {
    this.write({ kind: "set", path, version: -1, data: new TextEncoder().encode(data) });
  }

  delete(path: string): void {
    this.write({ kind: "delete", path, version: -1 });
  }

  openSession(): number {
    const nobody = { sessionId: 0, generation: 1, identities: new Uint8Array(0) };
    const fields = { secretHash: new Uint8Array(32).fill(this.counter), timeoutMs: 10_000 };
    return this.apply((writer) => writeOpenSession(writer, nobody, 1, fields)).zxid;
  }

  /** The answer's code. */
  raiseFeatureLevel(level: number): number {
    return this.apply((writer) => writeRaiseFeatureLevel(writer, LEADER, level)).code;
  }

  /** The answer's code; in a batch with the flag that goes with it unless told otherwise. */
  reconfigure(expectedZxid: number, configuration: Uint8Array, flags: number = batchFlag.RECONFIGURE): number {
    const { time, featureLevel } = this.tree.state;
    const digest = { digestZxid: 0, digest0: 0, digest1: 0 };
    this.tree.beginBatch({ firstZxid: 1, count: 1, time, featureLevel, flags, ...digest });
    return this.apply((writer) => writeReconfigure(writer, LEADER, 0, expectedZxid, configuration)).code;
  }

  read(operation: ReadOperation, sessionId = 0): Answer {
    const answer = emptyAnswer();
    this.tree.read({ sessionId, identities: this.identities }, operation, answer);
    return answer;
  }

  /** The number of the znode at a path, 0 if there is none. */
  node(path: string): number {
    return lookupText(this.tree.state, path);
  }
}
