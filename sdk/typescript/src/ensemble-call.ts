import type { Client, Metadata, MethodDefinition } from "@grpc/grpc-js";
import { parseEndpoints } from "./endpoints.ts";
import { MusterError } from "./errors.ts";
import { EnsembleServiceService, GetStatusRequest, GetStatusResponse } from "./gen/muster/ensemble/v1/ensemble.ts";
import { grpcError, isFromMember } from "./grpc-error.ts";
import { isTls, memberClient, type TlsOptions } from "./grpc-transport.ts";
import { callMetadata, type TokenOption } from "./token.ts";
import { userAgent } from "./user-agent.ts";

/** How to reach an ensemble, for calls that need no session. */
export interface EnsembleOptions {
  /** As for `connect`; asked one after the other, in this order, until one answers. */
  readonly endpoints: string | readonly string[];
  readonly tls?: TlsOptions | boolean | undefined;
  /** As for `connect`. */
  readonly token?: TokenOption | undefined;
  /** Who this is, for the server's log. */
  readonly applicationName?: string | undefined;
  /** How long each of them has for its answer, ms; 10,000 by default. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const ENSEMBLE_TIMEOUT_MS = 10_000;

type Call = <Request, Response>(method: Method<Request, Response>, request: Request) => Promise<Response>;
type Method<Request, Response> = Pick<
  MethodDefinition<Request, Response>,
  "path" | "requestSerialize" | "responseDeserialize"
>;

const statusMethod: Method<GetStatusRequest, GetStatusResponse> = {
  path: EnsembleServiceService.getStatus.path,
  requestSerialize: (request) => Buffer.from(GetStatusRequest.encode(request).finish()),
  responseDeserialize: (bytes) => GetStatusResponse.decode(bytes),
};

/** Reads the status from the first member that answers. */
export function callStatus(options: EnsembleOptions): Promise<GetStatusResponse> {
  return callRead(options, statusMethod, {});
}

/** Asks the first member that answers. */
export function callRead<Request, Response>(
  options: EnsembleOptions,
  method: Method<Request, Response>,
  request: Request,
): Promise<Response> {
  return fromAnyMember(options, (call) => call(method, request));
}

/**
 * Has a change made by the first member that takes it. Each is asked for its status first: so a member that is not
 * there is told from one whose answer was lost, which is OUTCOME_UNKNOWN and ends the search.
 */
export function callChange<Request, Response>(
  options: EnsembleOptions,
  method: Method<Request, Response>,
  request: Request,
): Promise<Response> {
  return fromAnyMember(options, async (call) => {
    await call(statusMethod, {}).catch((error: MusterError) => {
      // Whoever may change this and not look at that: the member is there all the same.
      if (error.reason !== "NO_PERMISSION") throw error;
    });
    try {
      return await call(method, request);
    } catch (thrown) {
      const error = thrown as MusterError;
      if (error.reason === "CANCELLED") throw new MusterError("CANCELLED", { cause: error.cause, maybeApplied: true });
      if (isFromMember(error) && error.reason !== "DEADLINE_EXCEEDED") throw error;
      throw new MusterError("OUTCOME_UNKNOWN", { cause: error });
    }
  });
}

async function fromAnyMember<T>(options: EnsembleOptions, ask: (call: Call) => Promise<T>): Promise<T> {
  const { tls, token, signal, timeoutMs = ENSEMBLE_TIMEOUT_MS } = options;
  const endpoints = parseEndpoints(options.endpoints);
  const transport = { tls, userAgent: userAgent(options.applicationName) };
  let last: MusterError | undefined;
  for (const endpoint of endpoints) {
    if (signal?.aborted === true) throw new MusterError("CANCELLED", { cause: signal.reason });
    const client = memberClient(endpoint, transport);
    try {
      const terms = { timeoutMs, signal, usesTls: isTls(tls), metadata: () => callMetadata(token) };
      return await ask((method, request) => callOnce(client, method, request, terms));
    } catch (error) {
      last = MusterError.from(error);
      // What this one answered, another one would, too; and what may have been done is not to be done twice.
      if (last.retry === "never" || last.retry === "after-reread" || last.maybeApplied) break;
    } finally {
      client.close();
    }
  }
  throw last as MusterError;
}

interface CallTerms {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly usesTls: boolean;
  readonly metadata: () => Metadata;
}

function callOnce<Request, Response>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
  request: Request,
  { timeoutMs, signal, usesTls, metadata }: CallTerms,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest<Request, Response>(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata(),
      { deadline: Date.now() + timeoutMs },
      (error, response) => {
        signal?.removeEventListener("abort", onAbort);
        if (signal?.aborted === true) reject(new MusterError("CANCELLED", { cause: signal.reason }));
        else if (error !== null || response === undefined) reject(grpcError(error, usesTls));
        else resolve(response);
      },
    );
    const onAbort = (): void => call.cancel();
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
