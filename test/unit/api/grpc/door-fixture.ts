import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import type { Gate } from "../../../../src/api/grpc/admissions.ts";
import { ErrorInfo } from "../../../../src/api/grpc/gen/google/rpc/error_details.ts";
import { Status } from "../../../../src/api/grpc/gen/google/rpc/status.ts";
import { CoordinationServiceClient } from "../../../../src/api/grpc/gen/muster/coordination/v1/coordination_service.ts";
import { SessionRequest, SessionResponse } from "../../../../src/api/grpc/gen/muster/coordination/v1/session.ts";
import { createGrpcDoor, type GrpcDoor } from "../../../../src/api/grpc/grpc-door.ts";
import type { DoorLog, GrpcLimits } from "../../../../src/api/grpc/grpc-options.ts";
import { TokenStore } from "../../../../src/products/floor/token-store.ts";
import { openGate } from "../open-gate.ts";
import { ScriptedCoordination } from "../scripted-coordination.ts";

export type Request = NonNullable<SessionRequest["request"]>;
export type Response = NonNullable<SessionResponse["response"]>;

/** How a stream or call ended: a status and, for a failure, what its ErrorInfo says. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly domain: string;
  readonly metadata: ReadonlyMap<string, string>;
}

export interface Fixture {
  readonly port: ScriptedCoordination;
  readonly door: GrpcDoor;
  readonly address: string;
  readonly client: CoordinationServiceClient;
  readonly logged: { level: string; fields: object; message: string }[];
  stream(): TestStream;
}

export async function startDoor(limits: Partial<GrpcLimits> = {}, gate: Gate = openGate()): Promise<Fixture> {
  const port = new ScriptedCoordination();
  const logged: Fixture["logged"] = [];
  const at = (level: string) => (fields: object, message: string) => void logged.push({ level, fields, message });
  const log: DoorLog = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const door = createGrpcDoor(
    { listen: "127.0.0.1:0", version: "0.0.1", mayBeAnonymous: true, limits },
    { coordination: port, log, gate, tokens: new TokenStore(port) },
  );
  const { address } = await door.start();
  const client = new CoordinationServiceClient(address, credentials.createInsecure(), UNLIMITED);
  const raw = new Client(address, credentials.createInsecure(), UNLIMITED);
  onTestFinished(async () => {
    client.close();
    raw.close();
    await door.stop(0);
  });
  return { port, door, address, client, logged, stream: () => new TestStream(raw) };
}

const UNLIMITED = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

/** A client's end of a session stream that can also say what no client would. */
export class TestStream {
  readonly received: Response[] = [];
  readonly ended: Promise<Ending>;
  private readonly call;
  private waiters: (() => void)[] = [];

  constructor(client: Client) {
    const same = (bytes: Buffer) => bytes;
    this.call = client.makeBidiStreamRequest("/muster.coordination.v1.CoordinationService/Session", same, same);
    this.call.on("data", (bytes: Buffer) => {
      const { response } = SessionResponse.decode(bytes);
      if (response !== undefined) this.received.push(response);
      const waiters = this.waiters;
      this.waiters = [];
      for (const waiter of waiters) waiter();
    });
    this.ended = new Promise((resolve) => {
      this.call.on("error", (error: ServiceError) => resolve(endingOf(error)));
      this.call.on("end", () => this.call.on("status", (status) => status.code === 0 && resolve(endingOf(status))));
      this.call.on("status", (status) => status.code === 0 && resolve(endingOf(status)));
    });
  }

  send(request: Request): this {
    return this.sendBytes(Buffer.from(SessionRequest.encode({ request }).finish()));
  }

  sendBytes(bytes: Buffer): this {
    this.call.write(bytes);
    return this;
  }

  /** Opens a session and waits for it. */
  async open(): Promise<this> {
    this.send({ $case: "open", value: { timeoutMs: 10_000, credentials: [], ensembleId: "", minZxid: 0 } });
    await this.next("opened");
    return this;
  }

  halfClose(): void {
    this.call.end();
  }

  cancel(): void {
    this.call.cancel();
  }

  pause(): void {
    this.call.pause();
  }

  resume(): void {
    this.call.resume();
  }

  /** Takes the next response of a kind, dropping nothing: those before it stay in `received`. */
  async next<K extends Response["$case"], R extends Extract<Response, { $case: K }>>(kind: K): Promise<R["value"]> {
    for (;;) {
      const at = this.received.findIndex((response) => response.$case === kind);
      if (at >= 0) return (this.received.splice(at, 1)[0] as R)["value"] as R["value"];
      await new Promise<void>((resolve) => this.waiters.push(resolve));
    }
  }
}

export function endingOf(error: Pick<ServiceError, "code" | "metadata">): Ending {
  const details = error.metadata?.get("grpc-status-details-bin")[0];
  if (!(details instanceof Buffer)) return { code: error.code, reason: "", domain: "", metadata: new Map() };
  const any = Status.decode(details).details[0];
  if (any === undefined) throw new Error("a status without details");
  const info = ErrorInfo.decode(any.value);
  return { code: error.code, reason: info.reason, domain: info.domain, metadata: info.metadata };
}

/** Lets a unary call be awaited: its response, or how it failed. */
export function outcome<T>(start: (callback: (error: ServiceError | null, response: T) => void) => void) {
  return new Promise<{ response?: T; ending?: Ending }>((resolve) => {
    start((error, response) => resolve(error === null ? { response } : { ending: endingOf(error) }));
  });
}
