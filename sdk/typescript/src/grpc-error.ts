import type { Metadata } from "@grpc/grpc-js";
import { failureError, fromGrpcCode, isGrpcError, MusterError } from "./errors.ts";
import { ErrorInfo } from "./gen/google/rpc/error_details.ts";
import { Status } from "./gen/google/rpc/status.ts";
import { withTlsAdvice } from "./tls-trouble.ts";

const ERROR_DOMAIN = "muster.dev";
const ERROR_INFO_URL = "type.googleapis.com/google.rpc.ErrorInfo";

/**
 * A gRPC error by the ErrorInfo in its details; without one, by its status code.
 *
 * @param usesTls whether the client does: what to do about a connection that failed depends on it
 */
export function grpcError(error: unknown, usesTls = false): MusterError {
  if (!isGrpcError(error)) return MusterError.from(error);
  const metadata = "metadata" in error ? (error.metadata as Metadata | undefined) : undefined;
  const info = infoIn(metadata);
  if (info === undefined) return fromGrpcCode(error, (message) => withTlsAdvice(message, usesTls));
  const detail = info.metadata.get("detail") ?? "";
  const message = detail === "" ? error.details : `${error.details}: ${detail}`;
  const found = failureError(error.code, info.reason, message, { cause: error });
  fromMembers.add(found);
  return found;
}

const fromMembers = new WeakSet<MusterError>();

/** Whether a member said so: the others come from the network, the library, or a proxy in between. */
export function isFromMember(error: MusterError): boolean {
  return fromMembers.has(error);
}

function infoIn(metadata: Metadata | undefined): ErrorInfo | undefined {
  const [details] = metadata?.get("grpc-status-details-bin") ?? [];
  if (!Buffer.isBuffer(details)) return undefined;
  try {
    for (const any of Status.decode(details).details) {
      if (any.typeUrl !== ERROR_INFO_URL) continue;
      const info = ErrorInfo.decode(any.value);
      if (info.domain === ERROR_DOMAIN) return info;
    }
  } catch {
    // Details that cannot be decoded say nothing; the status code still does.
  }
  return undefined;
}
