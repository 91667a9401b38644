import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerOptions,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import type { Coordination } from "../../coordination/port.ts";
import { Admissions, type Gate } from "./admissions.ts";
import { authCalls, type TokenDesk } from "./auth-calls.ts";
import { DoorCertificates } from "./door-certificates.ts";
import { type DoorCounters, emptyCounters } from "./door-counters.ts";
import { ensembleCalls } from "./ensemble-calls.ts";
import { AuthServiceService } from "./gen/muster/auth/v1/auth.ts";
import { CoordinationServiceService } from "./gen/muster/coordination/v1/coordination_service.ts";
import { EnsembleServiceService } from "./gen/muster/ensemble/v1/ensemble.ts";
import {
  type DoorLog,
  type DoorTls,
  defaultGrpcLimits,
  type GrpcDoorOptions,
  type GrpcLimits,
} from "./grpc-options.ts";
import { Health } from "./health.ts";
import { checkListenAddress } from "./listen-address.ts";
import type { SessionCall } from "./outbound-queue.ts";
import { addReflection } from "./reflection.ts";
import { SessionStream } from "./session-stream.ts";
import { unaryCalls } from "./unary-calls.ts";

export interface GrpcDoorDependencies {
  readonly coordination: Coordination;
  readonly log: DoorLog;
  readonly gate: Gate;
  readonly tokens: TokenDesk;
}

export interface GrpcDoor {
  /** Listens; resolves with `host:port` as bound. Rejects with ListenError or the socket's error. */
  start(): Promise<{ address: string }>;
  /**
   * Takes nothing new, lets what was asked be answered for `graceMs`, then ends every stream with STOPPING. Sessions
   * live on. Idempotent.
   */
  stop(graceMs: number): Promise<void>;
  /** New certificates for new connections, of a door with TLS. */
  setTls(tls: DoorTls): void;
  /** A copy of the counters. */
  stats(): DoorCounters;
}

/** Messages up to this factor above the limit reach the door, which refuses them with MESSAGE_TOO_LARGE by name. */
const TRANSPORT_SLACK = 2;
/** After the grace of a stop, time for the last statuses to leave; then connections are cut. */
const LAST_STATUS_MS = 200;

/** The gRPC front door: muster.{coordination,ensemble,auth}.v1, grpc.health.v1 and server reflection. */
export function createGrpcDoor(options: GrpcDoorOptions, dependencies: GrpcDoorDependencies): GrpcDoor {
  const { coordination, log, gate, tokens } = dependencies;
  const limits: GrpcLimits = { ...defaultGrpcLimits, ...options.limits };
  const counters = emptyCounters();
  const certificates = options.tls === undefined ? undefined : new DoorCertificates(options.tls);
  const streams = new Set<SessionStream>();
  const server = new Server(serverOptions(limits));
  const health = new Health(coordination, limits.healthPollMs);
  const onGone = (stream: SessionStream) => streams.delete(stream);
  const admissions = new Admissions(gate, options.mayBeAnonymous, counters);
  const guarded = admissions.guarding(server);
  const principalOf = (call: object) => admissions.principalOf(call);
  const unary = { coordination, limits, counters, log, version: options.version, principalOf };
  guarded.addService(bytesOf(EnsembleServiceService), ensembleCalls(unary));
  guarded.addService(bytesOf(AuthServiceService), authCalls(unary, tokens));
  guarded.addService(bytesOf(CoordinationServiceService), {
    ...unaryCalls(unary),
    session: (call: SessionCall) => {
      const principal = principalOf(call);
      streams.add(new SessionStream(call, { coordination, limits, counters, log, principal, onGone }));
    },
  });
  health.addToServer(guarded);
  addReflection(guarded);
  const marks = setInterval(() => {
    const { zxid } = coordination.status();
    for (const stream of streams) stream.mark(zxid);
    expelStrangers(streams, gate);
  }, limits.progressIntervalMs);
  marks.unref();
  let stopped: Promise<void> | undefined;
  return {
    start: async () => {
      const listen = checkListenAddress(options.listen, options.insecure === true || certificates !== undefined);
      const address = await bind(server, listen, certificates?.credentials ?? ServerCredentials.createInsecure());
      health.start();
      log.info({ address }, "gRPC door open");
      return { address };
    },
    stop: (graceMs) => {
      clearInterval(marks);
      stopped ??= stop(server, health, streams, graceMs).then(() => log.info({}, "gRPC door closed"));
      return stopped;
    },
    setTls: (tls) => certificates?.set(tls),
    stats: () => ({ ...counters }),
  };
}

/** Ends the streams of tokens that were revoked or have expired meanwhile. */
function expelStrangers(streams: ReadonlySet<SessionStream>, gate: Gate): void {
  const byToken = new Map<string, SessionStream[]>();
  for (const stream of streams) {
    const { tokenId } = stream.principal;
    if (tokenId === undefined) continue;
    const known = byToken.get(tokenId);
    if (known === undefined) byToken.set(tokenId, [stream]);
    else known.push(stream);
  }
  for (const [tokenId, ofToken] of byToken) {
    gate.isCurrent(tokenId, (isCurrent) => {
      if (!isCurrent) for (const stream of ofToken) stream.expel();
    });
  }
}

/**
 * A service with requests as bytes, and the session's responses too: the stream has its own codecs, and the unary calls
 * decode where an error can be given details.
 */
function bytesOf(service: Readonly<Record<string, object>>): ServiceDefinition {
  const methods = Object.entries(service).map(([name, method]) => [name, withBytes(name, method)]);
  return Object.fromEntries(methods) as ServiceDefinition;
}

function withBytes(name: string, method: object): object {
  const same = (bytes: Buffer): Buffer => bytes;
  const responses: Partial<MethodDefinition<Buffer, Buffer>> = name === "session" ? { responseSerialize: same } : {};
  return { ...method, requestDeserialize: same, ...responses };
}

function serverOptions(limits: GrpcLimits): ServerOptions {
  const age = limits.connectionAgeMs === 0 ? {} : { "grpc.max_connection_age_ms": limits.connectionAgeMs };
  return {
    "grpc.max_receive_message_length": limits.messageBytesMax * TRANSPORT_SLACK,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": limits.concurrentStreamsMax,
    "grpc.keepalive_time_ms": limits.keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
    ...age,
  };
}

function bind(server: Server, listen: string, credentials: ServerCredentials): Promise<string> {
  return new Promise((resolve, reject) => {
    server.bindAsync(listen, credentials, (error, port) => {
      if (error !== null) reject(error);
      else resolve(`${listen.slice(0, listen.lastIndexOf(":"))}:${port}`);
    });
  });
}

async function stop(
  server: Server,
  health: Health,
  streams: ReadonlySet<SessionStream>,
  graceMs: number,
): Promise<void> {
  health.stop();
  for (const stream of streams) stream.stop();
  let forced: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    const late = setTimeout(() => {
      for (const stream of streams) stream.stopNow();
      forced = setTimeout(() => server.forceShutdown(), LAST_STATUS_MS);
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(late);
      clearTimeout(forced);
      resolve();
    });
  });
}
