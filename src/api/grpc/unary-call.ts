import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import type { Connection, ConnectionListener, Coordination } from "../../coordination/port.ts";
import { OK, type Reason, reasonOf } from "../../core/base/errors.ts";
import type { Answer } from "../../core/tree/answer.ts";
import type { Principal } from "../../products/floor/principal.ts";
import { identitiesOf } from "./credentials.ts";
import type { DoorCounters } from "./door-counters.ts";
import type { DoorLog, GrpcLimits } from "./grpc-options.ts";
import { DoorError, failureOf, failureOfThrown, type GrpcFailure } from "./status.ts";

export interface UnaryDependencies {
  readonly coordination: Coordination;
  readonly limits: GrpcLimits;
  readonly counters: DoorCounters;
  readonly log: DoorLog;
  readonly version: string;
  /** Who asked a call that was let in. */
  readonly principalOf: (call: object) => Principal;
}

/** The number of a call's one request: its port connection is its own. */
export const REQUEST_NUMBER = 1;
/** Our DEADLINE_EXCEEDED, which has details, must come before grpc-js's, which has none. */
const DEADLINE_MARGIN_MS = 5;

/**
 * One unary call on a port connection of its own, without a session: ordering between calls is not promised (core.md
 * 15), and a call that waits holds up no other. `respond` turns the answer, a scratch object, into the response.
 */
export class UnaryCall<Response> implements ConnectionListener {
  private readonly deps: UnaryDependencies;
  private readonly callback: sendUnaryData<Response>;
  private readonly respond: (answer: Answer) => Response;
  private readonly onLate: Readonly<Record<string, string>>;
  private connection: Connection | undefined;
  private timer: NodeJS.Timeout | undefined;
  private done = false;

  constructor(
    deps: UnaryDependencies,
    call: ServerUnaryCall<Buffer, Response>,
    callback: sendUnaryData<Response>,
    request: {
      readonly ask: (connection: Connection) => void;
      readonly respond: (answer: Answer) => Response;
      readonly write: boolean;
    },
  ) {
    this.deps = deps;
    this.callback = callback;
    this.respond = request.respond;
    // A write that is late may have been applied, and without a session it cannot be repeated safely.
    this.onLate = request.write ? { outcome: "unknown" } : {};
    this.timer = setTimeout(
      () => this.fail(failureOf("DEADLINE_EXCEEDED", this.onLate)),
      unaryPatience(call, deps.limits),
    );
    call.on("cancelled", () => this.finish());
    try {
      this.connection = deps.coordination.connect(this, identitiesOf(call.getPeer(), deps.principalOf(call), []));
      request.ask(this.connection);
    } catch (error) {
      this.fail(this.failureOfThrown(error));
    }
    // The answer may have come while it was asked for, before the connection was known here.
    if (this.done) this.connection?.detach();
  }

  onAnswer(answer: Answer): void {
    if (this.done) return;
    if (answer.code !== OK) {
      this.fail(failureOf(reasonOf(answer.code), { zxid: `${answer.zxid}` }));
      return;
    }
    try {
      const response = this.respond(answer);
      this.finish();
      this.callback(null, response);
    } catch (error) {
      this.fail(this.failureOfThrown(error));
    }
  }

  onClosed(reason: Reason | undefined): void {
    this.fail(failureOf(reason ?? "STOPPING"));
  }

  onOpened(): void {}
  onEvents(): void {}
  onTouched(): void {}
  onTurnEnd(): void {}

  private failureOfThrown(error: unknown): GrpcFailure {
    if (!(error instanceof DoorError)) this.deps.counters.defects++;
    return failureOfThrown(error, this.deps.log);
  }

  private fail(failure: GrpcFailure): void {
    if (this.done) return;
    this.finish();
    this.deps.counters.unaryFailures++;
    this.callback(failure);
  }

  private finish(): void {
    if (this.done) return;
    this.done = true;
    clearTimeout(this.timer);
    this.connection?.detach();
  }
}

/** How long a call may take, ms: until its own deadline or the door's limit, whichever is sooner. */
export function unaryPatience(call: { getDeadline(): Date | number }, limits: GrpcLimits): number {
  const left = Number(call.getDeadline()) - Date.now() - DEADLINE_MARGIN_MS;
  return Math.max(0, Math.min(left, limits.unaryTimeoutMs));
}
