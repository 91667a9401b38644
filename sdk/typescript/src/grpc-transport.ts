import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { type ChannelOptions, Client, credentials, type Metadata } from "@grpc/grpc-js";
import { MusterError } from "./errors.ts";
import { CoordinationServiceService } from "./gen/muster/coordination/v1/coordination_service.ts";
import { EnsembleServiceService, type GetStatusResponse } from "./gen/muster/ensemble/v1/ensemble.ts";
import { grpcError } from "./grpc-error.ts";
import { callMetadata, type TokenOption } from "./token.ts";
import type { ProbeAnswer, SessionStream, SessionTransport, StreamListener } from "./transport.ts";

/** Largest answer accepted, bytes: a list page or a multi-read of large znodes. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
/** HTTP/2 window, bytes: the default of 64 KiB would stall a hundred outstanding 1 KiB requests. */
const FLOW_CONTROL_BYTES = 4 * 1024 * 1024;

/** TLS towards the members. PEM text or bytes. */
export interface TlsOptions {
  /** Authorities to trust; the system's by default. */
  readonly ca?: string | Uint8Array | undefined;
  /** The client's own certificate chain and key. */
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  /** The name to expect in the server's certificate, where it is not the endpoint's host. */
  readonly serverName?: string | undefined;
}

export interface GrpcTransportOptions {
  readonly tls?: TlsOptions | boolean | undefined;
  readonly token?: TokenOption | undefined;
  readonly userAgent: string;
}

const pem = (value: string | Uint8Array | undefined): Buffer | null =>
  value === undefined ? null : Buffer.from(value);

export function isTls(tls: TlsOptions | boolean | undefined): tls is TlsOptions | true {
  return tls !== undefined && tls !== false;
}

/** A client of one member, on a connection of its own. */
export function memberClient(endpoint: string, options: GrpcTransportOptions): Client {
  const { tls } = options;
  if (!isTls(tls)) return new Client(endpoint, credentials.createInsecure(), channelOptions(options, undefined));
  const { ca, cert, key, serverName } = tls === true ? ({} as TlsOptions) : tls;
  const host = endpoint.slice(0, endpoint.lastIndexOf(":")).replace(/^\[|\]$/g, "");
  const isAddress = serverName === undefined && isIP(host) !== 0;
  // TLS has no way to ask for an address by name, and Node warns of the try; the certificate is compared with it here.
  const verify = isAddress
    ? { checkServerIdentity: (_: string, peer: PeerCertificate) => checkServerIdentity(host, peer) }
    : {};
  const creds = credentials.createSsl(pem(ca), pem(key), pem(cert), verify);
  return new Client(endpoint, creds, channelOptions(options, isAddress ? NAMELESS : serverName));
}

/** Stands in TLS for a member that is known by its address alone. */
const NAMELESS = "member.invalid";

/** `tlsName` is the name TLS asks for, where it is not the endpoint's host. */
function channelOptions({ tls, userAgent }: GrpcTransportOptions, tlsName: string | undefined): ChannelOptions {
  const serverName = typeof tls === "object" ? tls.serverName : undefined;
  return {
    "grpc.primary_user_agent": userAgent,
    // A client is one connection: none is shared between clients, and closing one ends its socket.
    "grpc.use_local_subchannel_pool": 1,
    // The session resends by its own numbers; the library's retry would only buffer every message.
    "grpc.enable_retries": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_send_message_length": -1,
    "grpc-node.flow_control_window": FLOW_CONTROL_BYTES,
    ...(tlsName === undefined ? {} : { "grpc.ssl_target_name_override": tlsName }),
    ...(serverName === undefined ? {} : { "grpc.default_authority": serverName }),
  };
}

const identity = (message: Buffer): Buffer => message;

/** Streams over gRPC. The messages pass as bytes: the session has its own codec. */
export function grpcTransport(options: GrpcTransportOptions): SessionTransport {
  const usesTls = isTls(options.tls);
  return {
    open: (endpoint, listener) => {
      const metadata = metadataOr(options.token, (error) => listener.onEnd(error));
      if (metadata === undefined) return { write: () => true, destroy: () => undefined };
      return openStream(memberClient(endpoint, options), { metadata, usesTls }, listener);
    },
    probe: (endpoint, done) => {
      const metadata = metadataOr(options.token, () => done("serving"));
      if (metadata === undefined) return () => undefined;
      return askStatus(memberClient(endpoint, options), metadata, done);
    },
  };
}

/** A token's function is somebody else's code: what it throws is the end of an attempt, told later like any other. */
function metadataOr(token: TokenOption | undefined, failed: (error: MusterError) => void): Metadata | undefined {
  try {
    return callMetadata(token);
  } catch (error) {
    queueMicrotask(() => failed(MusterError.from(error)));
    return undefined;
  }
}

function askStatus(client: Client, metadata: Metadata, done: (answer: ProbeAnswer) => void): () => void {
  const { path, requestSerialize, responseDeserialize } = EnsembleServiceService.getStatus;
  let over = false;
  const answered = (error: unknown, response: GetStatusResponse | undefined): void => {
    if (over) return;
    client.close();
    if (response !== undefined) done(response.notReady.length === 0 ? "serving" : "not-serving");
    // What refuses the question is alive, too.
    else done(grpcError(error).reason === "UNREACHABLE" ? "unreachable" : "serving");
  };
  const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, metadata, answered);
  return () => {
    over = true;
    call.cancel();
    client.close();
  };
}

function openStream(
  client: Client,
  { metadata, usesTls }: { readonly metadata: Metadata; readonly usesTls: boolean },
  listener: StreamListener,
): SessionStream {
  const { path } = CoordinationServiceService.session;
  const call = client.makeBidiStreamRequest<Buffer, Buffer>(path, identity, identity, metadata);
  let over = false;
  const destroy = (): void => {
    over = true;
    call.cancel();
    client.close();
  };
  const end = (error: MusterError): void => {
    if (over) return;
    destroy();
    listener.onEnd(error);
  };
  call.on("data", (message: Buffer) => {
    if (!over) listener.onMessage(message);
  });
  call.on("drain", () => {
    if (!over) listener.onDrain();
  });
  // After `destroy` the cancelled call still reports an error, which must find a listener.
  call.on("error", (error: unknown) => end(grpcError(error, usesTls)));
  call.on("status", () => end(new MusterError("UNREACHABLE", { message: "the member ended the stream" })));
  return {
    write: (message) => (over ? true : call.write(message)),
    destroy,
  };
}
