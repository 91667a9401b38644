import {
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceError,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { ErrorInfo } from "../../src/gen/google/rpc/error_details.ts";
import { Status } from "../../src/gen/google/rpc/status.ts";
import { CoordinationServiceService } from "../../src/gen/muster/coordination/v1/coordination_service.ts";
import {
  type Operation,
  Result,
  type SessionRequest,
  type SessionResponse,
} from "../../src/gen/muster/coordination/v1/session.ts";

import {
  EnsembleServiceService,
  type GetStatusRequest,
  type GetStatusResponse,
} from "../../src/gen/muster/ensemble/v1/ensemble.ts";

type Call = ServerDuplexStream<SessionRequest, SessionResponse>;
type Case<T, C> = Extract<T, { $case: C }> extends { value: infer V } ? V : never;
type Request = NonNullable<SessionRequest["request"]>;

/** Hands out what arrives to whoever asks, in order, whichever comes first. */
class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #takers: ((item: T) => void)[] = [];

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker(item);
  }

  take(): Promise<T> {
    const item = this.#items.shift();
    return item === undefined ? new Promise((resolve) => this.#takers.push(resolve)) : Promise.resolve(item);
  }

  get size(): number {
    return this.#items.length;
  }
}

export interface Opening {
  sessionId?: number;
  timeoutMs?: number;
  zxid?: number;
  endpoints?: string[];
  ensembleId?: string;
}

export const SECRET = Uint8Array.from({ length: 32 }, (_, index) => index);

/** An error as a member sends it, with ErrorInfo if there is a reason. */
export function wireError(code: number, reason?: string, detail = ""): ServiceError {
  const trailer = new Metadata();
  if (reason !== undefined) {
    const metadata = new Map(detail === "" ? [] : [["detail", detail] as const]);
    const info = ErrorInfo.encode({ reason, domain: "muster.dev", metadata }).finish();
    const any = { typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: info };
    const details = Status.encode({ code, message: "", details: [any] }).finish();
    trailer.set("grpc-status-details-bin", Buffer.from(details));
  }
  return { code, details: reason ?? "no reason", metadata: trailer } as unknown as ServiceError;
}

/** One session stream as the server sees it: the test reads every request and makes every answer. */
export class ScriptedStream {
  readonly #call: Call;
  readonly #requests = new Mailbox<Request>();
  /** Operations taken out of batches and not asked for yet. */
  readonly #operations: Operation[] = [];
  /** Resolves when the client or the server has ended it. */
  readonly closed: Promise<void>;
  answeredBelow = 0;
  batches = 0;

  constructor(call: Call) {
    this.#call = call;
    this.closed = new Promise((resolve) => {
      call.on("cancelled", () => resolve());
      call.on("end", () => resolve());
    });
    call.on("data", ({ request }: SessionRequest) => {
      if (request !== undefined) this.#requests.put(request);
    });
    call.on("error", () => {});
  }

  /** The next request, which must be of this kind. */
  async next<C extends Request["$case"]>(kind: C): Promise<Case<Request, C>> {
    const request = await this.#requests.take();
    if (request.$case !== kind) throw new Error(`expected ${kind}, got ${JSON.stringify(request)}`);
    return request.value as Case<Request, C>;
  }

  /** Requests that have arrived and not been asked for. */
  get unread(): number {
    return this.#requests.size;
  }

  /** The next operation, from this batch or the next. */
  async operation(): Promise<Operation> {
    while (this.#operations.length === 0) {
      const batch = await this.next("operations");
      this.batches += 1;
      this.answeredBelow = batch.answeredBelow;
      this.#operations.push(...batch.operations);
    }
    return this.#operations.shift() as Operation;
  }

  async operations(count: number): Promise<Operation[]> {
    const operations: Operation[] = [];
    while (operations.length < count) operations.push(await this.operation());
    return operations;
  }

  send(response: NonNullable<SessionResponse["response"]>): void {
    this.#call.write({ response });
  }

  /** Answers an open request. */
  async open(opening: Opening = {}): Promise<Case<Request, "open">> {
    const request = await this.next("open");
    this.opened(opening, false);
    return request;
  }

  /** Answers a resume request. */
  async resume(opening: Opening = {}): Promise<Case<Request, "resume">> {
    const request = await this.next("resume");
    this.opened({ sessionId: request.sessionId, ...opening }, true);
    return request;
  }

  opened(opening: Opening, resumed: boolean): void {
    const { sessionId = 77, timeoutMs = 30_000, zxid = 1_000, endpoints = [], ensembleId = "e1" } = opening;
    const secret = resumed ? new Uint8Array(0) : SECRET;
    const value = { sessionId, secret, timeoutMs, resumed, ensembleId, memberId: 1, zxid, endpoints };
    this.send({ $case: "opened", value });
  }

  results(...results: (Partial<Result> & { number: number })[]): void {
    const value = { results: results.map((result) => Result.fromPartial(result as Result)) };
    this.send({ $case: "results", value });
  }

  event(zxid: number, type: 1 | 2 | 3 | 4, path: string, ...watchIds: number[]): void {
    this.send({ $case: "events", value: { zxid, events: [{ event: { type, path }, watchIds }] } });
  }

  /** Says that the session is over. */
  sessionClosed(reason?: string, status = 9): void {
    const failure = reason === undefined ? undefined : { status, reason, message: "" };
    this.send({ $case: "closed", value: { failure, zxid: 0 } });
    this.#call.end();
  }

  /** Ends the stream with an error that carries ErrorInfo. */
  fail(code: number, reason?: string): void {
    this.#call.emit("error", wireError(code, reason));
  }

  /** Ends the stream without a word. */
  end(): void {
    this.#call.end();
  }
}

/** A member whose every answer is the test's. */
export class ScriptedServer implements AsyncDisposable {
  readonly #server = new Server();
  readonly #streams = new Mailbox<ScriptedStream>();
  endpoint = "";
  /** Answers GetStatus; nothing at all while it answers undefined. */
  onStatus: () => GetStatusResponse | undefined = () => undefined;
  /** Answers a change of the ensemble, or does not. */
  onChange: (asked: { method: string; request: object }, answer: sendUnaryData<{ zxid: number }>) => void = () => {};

  static async start(): Promise<ScriptedServer> {
    const server = new ScriptedServer();
    const getStatus: handleUnaryCall<GetStatusRequest, GetStatusResponse> = (_call, answer) => {
      const status = server.onStatus();
      if (status !== undefined) answer(null, status);
    };
    server.#server.addService(CoordinationServiceService, {
      session: (call: Call) => server.#streams.put(new ScriptedStream(call)),
    });
    const change =
      (method: string): handleUnaryCall<object, { zxid: number }> =>
      ({ request }, answer) =>
        server.onChange({ method, request }, answer);
    server.#server.addService(EnsembleServiceService, {
      getStatus,
      addMember: change("addMember"),
      removeMember: change("removeMember"),
      changeMember: change("changeMember"),
      transferLeadership: change("transferLeadership"),
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    server.endpoint = `127.0.0.1:${port}`;
    return server;
  }

  /** The next stream a client opens here. */
  stream(): Promise<ScriptedStream> {
    return this.#streams.take();
  }

  get unseenStreams(): number {
    return this.#streams.size;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    return Promise.resolve();
  }
}
