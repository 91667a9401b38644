import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { failureOf, type GrpcFailure } from "./status.ts";
import { type UnaryDependencies, unaryPatience } from "./unary-call.ts";

/** How a call ends. */
export type Ending<Response> = { readonly response: Response } | { readonly failure: GrpcFailure };

/**
 * Starts what ends later, and answers once: with how it ended or, when that takes too long, that nobody knows. What
 * `start` returns is called when the caller does not wait for the end.
 */
export function answerInTime<Response>(
  deps: UnaryDependencies,
  call: ServerUnaryCall<Buffer, Response>,
  callback: sendUnaryData<Response>,
  start: (end: (ending: Ending<Response>) => void) => (() => void) | undefined,
): void {
  let over = false;
  let giveUp: (() => void) | undefined;
  const finish = (answer: () => void): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    answer();
  };
  const fail = (failure: GrpcFailure): void => {
    deps.counters.unaryFailures++;
    callback(failure);
  };
  const late = (): void => {
    giveUp?.();
    finish(() => fail(failureOf("DEADLINE_EXCEEDED", { outcome: "unknown" })));
  };
  const timer = setTimeout(late, unaryPatience(call, deps.limits));
  call.on("cancelled", () => {
    giveUp?.();
    finish(() => undefined);
  });
  try {
    giveUp = start((ending) => {
      finish(() => {
        if ("response" in ending) callback(null, ending.response);
        else fail(ending.failure);
      });
    });
  } catch (error) {
    clearTimeout(timer);
    if (over) return;
    over = true;
    throw error;
  }
}
