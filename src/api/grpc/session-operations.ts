import type { Connection, ReadOptions, WatchRequest } from "../../coordination/port.ts";
import { errors, OK, type Reason } from "../../core/base/errors.ts";
import { epochOf } from "../../core/base/zxid.ts";
import type { Identity, ReadOperation, WriteOperation } from "../../core/tree/operation.ts";
import { breaksGuard } from "../../products/floor/guarded-subtrees.ts";
import type { Warrant } from "../../products/floor/warrant.ts";
import type { AnswerLine } from "./answer-line.ts";
import { identityOfCredential, withIdentity } from "./credentials.ts";
import type { Credential } from "./gen/muster/coordination/v1/session.ts";
import { OperationDecoder, type OperationSink } from "./operation-decoder.ts";
import { DoorError } from "./status.ts";

/**
 * The operations of one stream on their way from a message to the port, a batch at a time. Between two of them it can
 * stop, and go on later.
 */
export class SessionOperations implements OperationSink {
  private readonly connection: Connection;
  private readonly answers: AnswerLine;
  private readonly operationsMax: number;
  private readonly readEpoch: () => number;
  /** What the client may do; undefined: everything, and then nothing is looked up. */
  private readonly warrant: Warrant | undefined;
  /** The member's epoch when it was last looked at; it only rises. */
  private epoch = 0;
  private readonly decoder = new OperationDecoder();
  /** A watch has been asked for on this stream. */
  watches = false;
  private identities: readonly Identity[];
  private advancing = false;
  /** A batch was begun and has operations left. */
  open = false;

  constructor(
    connection: Connection,
    identities: readonly Identity[],
    dependencies: {
      readonly answers: AnswerLine;
      readonly operationsMax: number;
      readonly readEpoch: () => number;
      readonly warrant: Warrant | undefined;
    },
  ) {
    this.connection = connection;
    this.identities = identities;
    this.answers = dependencies.answers;
    this.operationsMax = dependencies.operationsMax;
    this.readEpoch = dependencies.readEpoch;
    this.warrant = dependencies.warrant;
  }

  /** Takes the OperationBatch at `start` to `end` of a message; {@link advance} decodes it. */
  begin(message: Buffer, start: number, end: number): void {
    this.decoder.begin(message, start, end, this.operationsMax);
    this.open = true;
  }

  /** Decodes until the batch is done or `saturated` says so. */
  advance(saturated: () => boolean): void {
    if (this.advancing) return;
    this.advancing = true;
    try {
      while (this.open && !saturated()) {
        if (!this.decoder.next(this)) this.drop();
      }
    } finally {
      this.advancing = false;
    }
  }

  /** Forgets the rest of the batch. */
  drop(): void {
    this.open = false;
    this.decoder.release();
  }

  submit(number: number, answeredBelow: number, operation: WriteOperation): void {
    if (this.warrant?.allowsOperation(operation) === false) {
      this.refuse(number, "NO_PERMISSION");
      return;
    }
    if (breaksGuard(operation, this.identities)) {
      this.refuse(number, "GUARDED_PATH");
      return;
    }
    this.answers.ask();
    this.connection.submit(number, answeredBelow, operation);
  }

  read(number: number, operation: ReadOperation, options: ReadOptions): void {
    if (this.warrant?.allowsOperation(operation) === false) {
      this.refuse(number, "NO_PERMISSION");
      return;
    }
    if (this.isOfFutureEpoch(options.minZxid)) {
      this.refuse(number, "WRONG_ENSEMBLE");
      return;
    }
    this.answers.ask();
    this.connection.read(number, operation, options);
  }

  sync(number: number): void {
    if (this.warrant?.allows("sync") === false) {
      this.refuse(number, "NO_PERMISSION");
      return;
    }
    this.answers.ask();
    this.connection.sync(number);
  }

  addWatch(number: number, request: WatchRequest): void {
    if (this.warrant !== undefined && !(this.warrant.allows("add-watch") && this.warrant.mayReachPath(request.path))) {
      this.refuse(number, "NO_PERMISSION");
      return;
    }
    this.watches = true;
    this.answers.ask();
    this.connection.addWatch(number, request);
  }

  removeWatch(number: number, watchId: number): void {
    if (this.warrant?.allows("remove-watch") === false) {
      this.refuse(number, "NO_PERMISSION");
      return;
    }
    this.answers.ask();
    this.connection.removeWatch(number, watchId);
  }

  authenticate(number: number, credential: Credential): void {
    if (this.warrant?.allows("authenticate") === false) {
      this.refuse(number, "NO_PERMISSION");
      return;
    }
    try {
      this.identities = withIdentity(this.identities, identityOfCredential(credential));
    } catch (error) {
      if (!(error instanceof DoorError)) throw error;
      this.refuse(number, error.reason);
      return;
    }
    this.connection.setIdentities(this.identities);
    this.answers.answerSelf(number, OK);
  }

  /** A zxid that no member of this history can have given is an error, not a wait (core.md 15). */
  private isOfFutureEpoch(minZxid: number): boolean {
    if (epochOf(minZxid) <= this.epoch) return false;
    this.epoch = this.readEpoch();
    return epochOf(minZxid) > this.epoch;
  }

  refuse(number: number, reason: Reason): void {
    this.answers.answerSelf(number, errors[reason].code);
  }
}
