import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { DoorError, failureOfThrown } from "./status.ts";
import type { UnaryDependencies } from "./unary-call.ts";
import { MalformedError } from "./wire-reader.ts";

export type UnaryHandler<Response> = (
  call: ServerUnaryCall<Buffer, Response>,
  callback: sendUnaryData<Response>,
) => void;

/** Counts the call and turns whatever it throws into a status. */
export function unaryHandler<Response>(
  deps: UnaryDependencies,
  action: UnaryHandler<Response>,
): UnaryHandler<Response> {
  return (call, callback) => {
    deps.counters.unaryCalls++;
    try {
      action(call, callback);
    } catch (error) {
      deps.counters.unaryFailures++;
      if (error instanceof MalformedError) deps.counters.malformed++;
      const failure = failureOfThrown(error, deps.log);
      if (failure.reason === "INTERNAL") deps.counters.defects++;
      callback(failure);
    }
  };
}

/** The bytes of a request that has no data in it. */
export function smallRequest<Response>(deps: UnaryDependencies, call: ServerUnaryCall<Buffer, Response>): Buffer {
  return requestWithin(call.request, deps.limits.smallMessageBytesMax);
}

export function requestWithin(message: Buffer, limit: number): Buffer {
  if (message.length <= limit) return message;
  throw new DoorError("MESSAGE_TOO_LARGE", { limit: `${limit}`, bytes: `${message.length}` });
}
