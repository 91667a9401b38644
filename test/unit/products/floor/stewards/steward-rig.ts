import { vi } from "vitest";
import { LocalCoordination } from "../../../../../src/coordination/local-coordination.ts";
import type { Connection, ConnectionListener, Coordination } from "../../../../../src/coordination/port.ts";
import type { Answer } from "../../../../../src/core/tree/answer.ts";
import { emptyAnswer } from "../../../../../src/core/tree/answer-codec.ts";
import type { Identity, ReadOperation, WriteOperation } from "../../../../../src/core/tree/operation.ts";
import { type Job, jobSchema } from "../../../../../src/products/floor/stewards/job.ts";
import { type JobPlan, Steward } from "../../../../../src/products/floor/stewards/steward.ts";
import { jobsPath } from "../../../../../src/products/floor/stewards/steward-layout.ts";
import { ZnodeDecoder } from "../../../../../src/products/floor/znode-decoder.ts";
import { SoloMember } from "../../../../support/solo-member.ts";

export const PRODUCT = "test";
export const SESSION_TIMEOUT_MS = 4_000;
const SELF: readonly Identity[] = [{ scheme: "super", id: "" }];

/** The port as a process sees it that can stand still, or die, at any call in either direction. */
export class FaultyPort implements Pick<Coordination, "connect"> {
  /** Calls and words that have passed. */
  passed = 0;
  private readonly coordination: LocalCoordination;
  private stopAt = Number.POSITIVE_INFINITY;
  private isDead = false;
  private held: (() => void)[] = [];

  constructor(coordination: LocalCoordination) {
    this.coordination = coordination;
  }

  connect(listener: ConnectionListener, identities: readonly Identity[]): Connection {
    const heard = this.guarded(listener);
    return this.guarded(this.coordination.connect(heard, identities));
  }

  /** Nothing passes from the `count`th thing on that would pass from now. */
  standStillAfter(count: number): void {
    this.stopAt = this.passed + count;
  }

  get standsStill(): boolean {
    return this.passed >= this.stopAt;
  }

  /** What it had under way is lost with it. */
  die(): void {
    this.isDead = true;
    this.held = [];
  }

  /** Goes on as if nothing had been. */
  resume(): void {
    this.stopAt = Number.POSITIVE_INFINITY;
    for (const each of this.held.splice(0)) each();
  }

  /** Every method of it waits while this stands still. Answers are scratch objects: one that waits is copied. */
  private guarded<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (_, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          if (this.isDead) return undefined;
          const call = (...given: unknown[]): unknown => Reflect.apply(value, target, given);
          if (this.standsStill) {
            const kept = args.map((arg) => (name === "onAnswer" ? copyOf(arg as Answer) : arg));
            this.held.push(() => call(...kept));
            return undefined;
          }
          this.passed++;
          return call(...args);
        };
      },
    });
  }
}

function copyOf(answer: Answer): Answer {
  const { stat, data, parts, names } = answer;
  return { ...answer, stat: { ...stat }, data: data.slice(), names: [...names], parts: parts.map(copyOf) };
}

/** One member that several stewards are at. Timers have to be fake. */
export class StewardRig {
  readonly solo = SoloMember.leading();
  readonly log: string[] = [];
  /** ms since 1970, of all stewards. */
  now = 1_000_000;
  private readonly coordination = new LocalCoordination(this.solo.member, () => undefined);
  private readonly client = this.solo.client(SELF);
  private next = 1_000_000;

  port(): FaultyPort {
    return new FaultyPort(this.coordination);
  }

  steward(memberId: number, port: FaultyPort, plan: (job: Job) => Promise<JobPlan>): Steward {
    const say = (level: string) => (details: object, message: string) => {
      const { job = "", detail = "" } = details as { job?: string; detail?: string };
      this.log.push(`${level} ${memberId}: ${[message, job, detail].filter(Boolean).join(", ")}`);
    };
    const steward = new Steward(port, {
      product: PRODUCT,
      memberId,
      identities: SELF,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      now: () => this.now,
      decoder: new ZnodeDecoder(),
      plan,
      log: { info: say("info"), warn: say("warn") },
    });
    steward.start();
    return steward;
  }

  /** Until nothing moves any more, but for what is due later. */
  async settle(): Promise<void> {
    for (let zxid = -1, told = -1; zxid !== this.zxid || told !== this.log.length; ) {
      zxid = this.zxid;
      told = this.log.length;
      for (let i = 0; i < 20; i++) {
        this.solo.settle();
        await vi.advanceTimersByTimeAsync(1);
      }
    }
  }

  /** Lets time pass for the member and for all clocks. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 200) {
      this.now += 200;
      this.solo.pass(200);
      await vi.advanceTimersByTimeAsync(200);
      await this.settle();
    }
  }

  write(...operations: WriteOperation[]): void {
    for (const operation of operations) this.client.connection.submit(this.next++, 0, operation);
    this.solo.settle();
  }

  children(path: string): readonly string[] {
    return this.read({ kind: "list", path, limit: 0, cursor: new Uint8Array(0), whole: true }).names;
  }

  job(id: string): { state: string; detail: string } | undefined {
    const { code, data } = this.read({ kind: "get", path: `${jobsPath(PRODUCT)}/${id}` });
    return code === 0 ? jobSchema.parse(JSON.parse(Buffer.from(data).toString())) : undefined;
  }

  private read(operation: ReadOperation): Answer {
    const answer = emptyAnswer();
    this.solo.member.tree.read({ sessionId: 0, identities: SELF }, operation, answer);
    return answer;
  }

  private get zxid(): number {
    return this.solo.member.tree.zxid;
  }
}
