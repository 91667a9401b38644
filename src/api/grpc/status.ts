import { randomUUID } from "node:crypto";
import { Metadata } from "@grpc/grpc-js";
import { ERROR_DOMAIN, errors, type Reason } from "../../core/base/errors.ts";
import { ErrorInfo } from "./gen/google/rpc/error_details.ts";
import { Status } from "./gen/google/rpc/status.ts";
import type { DoorLog } from "./grpc-options.ts";
import { MalformedError } from "./wire-reader.ts";

/** The trailer gRPC clients look for the rich error in. */
export const DETAILS_TRAILER = "grpc-status-details-bin";
const ERROR_INFO_TYPE = "type.googleapis.com/google.rpc.ErrorInfo";

/** What grpc-js wants for a failed call. */
export interface GrpcFailure {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
  readonly reason: Reason;
}

/** A refusal by the door itself; `metadata` holds every changing part of it by name. */
export class DoorError extends Error {
  override readonly name = "DoorError";
  readonly reason: Reason;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(reason: Reason, metadata: Readonly<Record<string, string>> = {}) {
    super(errors[reason].message);
    this.reason = reason;
    this.metadata = metadata;
  }
}

/** The status of a reason, with its ErrorInfo in the trailer. The text never holds a client's own words. */
export function failureOf(reason: Reason, metadata: Readonly<Record<string, string>> = {}): GrpcFailure {
  const { grpc, message } = errors[reason];
  const info = ErrorInfo.encode({ reason, domain: ERROR_DOMAIN, metadata: new Map(Object.entries(metadata)) }).finish();
  const status = Status.encode({ code: grpc, message, details: [{ typeUrl: ERROR_INFO_TYPE, value: info }] }).finish();
  const trailer = new Metadata();
  trailer.set(DETAILS_TRAILER, Buffer.from(status));
  return { code: grpc, details: message, metadata: trailer, reason };
}

/**
 * The one funnel from whatever was thrown to a status. What nobody foresaw is INTERNAL: the client gets an id, the log
 * gets that id with the error, and no stack trace leaves the process.
 */
export function failureOfThrown(thrown: unknown, log: DoorLog): GrpcFailure {
  if (thrown instanceof DoorError) return failureOf(thrown.reason, thrown.metadata);
  if (thrown instanceof MalformedError) return failureOf("MALFORMED", { detail: thrown.message });
  const errorId = randomUUID();
  log.error({ errorId, err: thrown }, "a gRPC request met a defect");
  return failureOf("INTERNAL", { error_id: errorId });
}
