import { Client, Metadata } from "@grpc/grpc-js";
import { parseEndpoints } from "./endpoints.ts";
import { MusterError } from "./errors.ts";
import {
  CoordinationServiceService,
  GetStatusRequest,
  GetStatusResponse,
} from "./gen/muster/coordination/v1/coordination_service.ts";
import { grpcError } from "./grpc-error.ts";
import { channelCredentials, channelOptions, type TlsOptions } from "./grpc-transport.ts";
import { userAgent } from "./user-agent.ts";

/** One member as the member that was asked sees it. */
export interface MemberStatus {
  readonly id: number;
  /** starting, looking, leader, follower, observer or stopped. */
  readonly role: string;
  /** The last zxid it is known to have applied. */
  readonly zxid: number;
  /** Where it serves, host:port; empty where it does not. */
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly peerAddress: string;
}

/** The ensemble as one of its members sees it. */
export interface EnsembleStatus {
  /** 32 hex digits. */
  readonly ensembleId: string;
  /** The member that answered; what follows but for `members` is about it. */
  readonly memberId: number;
  /** The last zxid it has applied. */
  readonly zxid: number;
  readonly epoch: number;
  /** Of its program. */
  readonly version: string;
  /** What keeps it from serving, for people; empty when it serves. */
  readonly notReady: readonly string[];
  /** nodes, sessions, ephemerals, watches, connections, outstandingBytes, dataBytes. */
  readonly counts: Readonly<Record<string, number>>;
  readonly members: readonly MemberStatus[];
}

export interface StatusOptions {
  /** As for `connect`; asked one after the other, in this order, until one answers. */
  readonly endpoints: string | readonly string[];
  readonly tls?: TlsOptions | boolean | undefined;
  /** Who this is, for the server's log. */
  readonly applicationName?: string | undefined;
  /** How long each of them has for its answer, ms; 10,000 by default. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const STATUS_TIMEOUT_MS = 10_000;

/**
 * Asks how a member and its ensemble are. Needs no session, so that a member that does not serve answers, too.
 * Rejects with the last one's error (UNREACHABLE, DEADLINE_EXCEEDED) when none answers, and with CANCELLED.
 */
export async function readStatus(options: StatusOptions): Promise<EnsembleStatus> {
  const { tls, signal, timeoutMs = STATUS_TIMEOUT_MS } = options;
  const endpoints = parseEndpoints(options.endpoints);
  const channel = { tls, userAgent: userAgent(options.applicationName) };
  let last: MusterError | undefined;
  for (const endpoint of endpoints) {
    if (signal?.aborted === true) throw new MusterError("CANCELLED", { cause: signal.reason });
    try {
      const client = new Client(endpoint, channelCredentials(tls), channelOptions(channel));
      return statusOf(await callStatus(client, timeoutMs, signal));
    } catch (error) {
      last = MusterError.from(error);
      // What this one answered, another one would, too.
      if (last.retry === "never" || last.retry === "after-reread") break;
    }
  }
  throw last as MusterError;
}

function callStatus(client: Client, timeoutMs: number, signal: AbortSignal | undefined): Promise<GetStatusResponse> {
  const { path } = CoordinationServiceService.getStatus;
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest<GetStatusRequest, GetStatusResponse>(
      path,
      (request) => Buffer.from(GetStatusRequest.encode(request).finish()),
      (bytes) => GetStatusResponse.decode(bytes),
      {},
      new Metadata(),
      { deadline: Date.now() + timeoutMs },
      (error, response) => {
        signal?.removeEventListener("abort", onAbort);
        client.close();
        if (signal?.aborted === true) reject(new MusterError("CANCELLED", { cause: signal.reason }));
        else if (error !== null || response === undefined) reject(grpcError(error));
        else resolve(response);
      },
    );
    const onAbort = (): void => call.cancel();
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function statusOf({ header, epoch, version, notReady, counts, members }: GetStatusResponse): EnsembleStatus {
  if (header === undefined) throw new MusterError("MALFORMED", { message: "a status lacks its header" });
  const { ensembleId, memberId, zxid } = header;
  return { ensembleId, memberId, zxid, epoch, version, notReady, counts: Object.fromEntries(counts), members };
}
