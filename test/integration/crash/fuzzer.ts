import { Prng } from "../../../src/core/base/prng.ts";
import {
  HEALTHY_METHOD,
  healthyRequest,
  httpRequests,
  openMessage,
  SESSION_METHOD,
  sessionMessages,
  unaryRequests,
} from "./fuzz-seeds.ts";
import { frame, type Outcome, RawGrpc, recordClientBytes, sendBytes } from "./grpc-wire.ts";
import { mutate } from "./mutate.ts";

const UNDER_WAY = 40;
const MESSAGES_PER_STREAM_MAX = 4;
const MALFORMED_METHODS = ["/muster.coordination.v1.CoordinationService/Nothing", "/", "//x", "/a%00b/c"];
/** gRPC's UNKNOWN: what grpc-js answers when a handler threw something nobody foresaw. */
const STATUS_UNKNOWN = 2;

/** What a case sends, from a random source of its own, so that it can be repeated alone. */
type Attack = (random: Prng) => Promise<Outcome>;

export interface FuzzFinding {
  readonly caseNumber: number;
  readonly attack: string;
  readonly outcome: Outcome;
}

/** Sends mutated requests and frames to a member's ports and keeps what looks wrong. */
export class Fuzzer {
  /** Answers by attack and outcome, for the report. */
  readonly counts = new Map<string, number>();
  /** Requests that hung, or were answered as nobody meant to answer. */
  readonly findings: FuzzFinding[] = [];
  private readonly seed: number;
  private readonly grpc: RawGrpc;
  private readonly endpoints: { readonly grpc: string; readonly http: string };
  private readonly attacks: readonly (readonly [string, Attack])[];
  private recorded: readonly Uint8Array[] = [];

  constructor(endpoints: { readonly grpc: string; readonly http: string }, seed: number) {
    this.seed = seed;
    this.endpoints = endpoints;
    this.grpc = new RawGrpc(endpoints.grpc);
    this.attacks = [
      ["session", (random) => this.session(random)],
      ["session", (random) => this.session(random)],
      ["unary", (random) => this.unary(random)],
      ["grpc frame", (random) => this.grpcFrame(random)],
      ["http/2 bytes", (random) => sendBytes(this.endpoints.grpc, this.mutated(this.recorded, random), false)],
      ["http/1 bytes", (random) => sendBytes(this.endpoints.http, this.mutated(httpRequests, random), true)],
    ];
  }

  /** Runs cases `from` to `to` - 1. */
  async run(from: number, to: number): Promise<void> {
    if (this.recorded.length === 0) {
      this.recorded = await Promise.all(unaryRequests.map((r) => recordClientBytes(r.method, frame(r.message))));
    }
    let next = from;
    const worker = async (): Promise<void> => {
      for (let number = next++; number < to; number = next++) await this.one(number);
    };
    await Promise.all(Array.from({ length: UNDER_WAY }, worker));
  }

  /** A request as it should be: is the member still what it was? */
  async healthy(): Promise<Outcome> {
    return this.grpc.call(HEALTHY_METHOD, [frame(healthyRequest)]);
  }

  close(): void {
    this.grpc.close();
  }

  private async one(caseNumber: number): Promise<void> {
    const random = new Prng(this.seed * 1_000_003 + caseNumber);
    const [attack, act] = random.pick(this.attacks);
    const outcome = await act(random);
    const key = `${attack}: ${outcome.end}${outcome.status === undefined ? "" : ` ${outcome.status}`}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    if (outcome.end === "hung" || outcome.status === STATUS_UNKNOWN)
      this.findings.push({ caseNumber, attack, outcome });
  }

  private session(random: Prng): Promise<Outcome> {
    const body: Uint8Array[] = random.chance(0.8) ? [frame(openMessage)] : [];
    for (let i = 1 + random.below(MESSAGES_PER_STREAM_MAX); i > 0; i--) {
      body.push(frame(random.chance(0.1) ? random.pick(sessionMessages) : this.mutated(sessionMessages, random)));
    }
    return this.grpc.call(SESSION_METHOD, body);
  }

  private unary(random: Prng): Promise<Outcome> {
    const { method, message } = random.pick(unaryRequests);
    const messages = unaryRequests.map((request) => request.message);
    const target = random.chance(0.05) ? random.pick(MALFORMED_METHODS) : method;
    return this.grpc.call(target, [frame(mutate(message, messages, random))]);
  }

  /** The five bytes before a message lie about it, or messages come in pieces. */
  private grpcFrame(random: Prng): Promise<Outcome> {
    const method = random.chance(0.5) ? SESSION_METHOD : random.pick(unaryRequests).method;
    const framed = frame(random.pick(sessionMessages));
    const broken = random.chance(0.5) ? mutate(framed, sessionMessages, random) : framed;
    if (random.chance(0.7) && broken.length > 4) broken[random.below(5)] = random.below(256);
    const cut = random.below(broken.length + 1);
    return this.grpc.call(method, [broken.subarray(0, cut), broken.subarray(cut)]);
  }

  private mutated(seeds: readonly Uint8Array[], random: Prng): Uint8Array {
    return mutate(random.pick(seeds), seeds, random);
  }
}
