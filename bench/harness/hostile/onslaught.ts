import type { BenchOptions } from "../bench-options.ts";
import { sleep } from "../waiting.ts";
import type { AttackOutcomes } from "./attack.ts";
import { HostileProcess } from "./hostile-process.ts";

/** So that no process needs more open files than are commonly allowed. */
const BURST_PER_PROCESS = 5_000;
/** Frames that have not left after so many times what they should take stay here: the members are too slow for them. */
const PATIENCE_TIMES = 3;
/** All connections of a burst are open together for so long, ms. */
const BURST_HELD_MS = 1_000;
/** From the first mutated frame to the burst, ms. */
const BURST_AFTER_MS = 5_000;

type Burst = AttackOutcomes["burst"];

export interface OnslaughtOutcome extends Burst {
  readonly frames: number;
  readonly frameConnections: number;
  readonly framesMs: number;
  /** On performance.now()'s clock. */
  readonly burstFrom: number;
  readonly burstTo: number;
}

/** Everything hostile at once, in processes of its own. */
export class Onslaught {
  private readonly options: BenchOptions;
  private readonly endpoints: readonly string[];
  private readonly active: HostileProcess[] = [];
  private silent: HostileProcess | undefined;

  constructor(options: BenchOptions, endpoints: readonly string[]) {
    this.options = options;
    this.endpoints = endpoints;
  }

  /** Opens the connections that are slow or silent; resolves once they are open. */
  async openIdlers(): Promise<void> {
    const { endpoints } = this;
    const { idlers: count } = this.options;
    const slow = this.start(new HostileProcess({ kind: "slow-loris", endpoints, count }));
    const silent = new HostileProcess({ kind: "silent", endpoints, count });
    this.silent = silent;
    await Promise.all([slow.outcome, silent.outcome]);
    silent.freeze();
  }

  /** All mutated frames, and the burst amid them. */
  async run(): Promise<OnslaughtOutcome> {
    const { frames, frameRate: framesPerSecond, seed } = this.options;
    const { endpoints } = this;
    const begin = performance.now();
    const msMax = ((PATIENCE_TIMES * frames) / framesPerSecond) * 1000;
    const sender = new HostileProcess({ kind: "mutated-frames", endpoints, frames, framesPerSecond, msMax, seed });
    this.start(sender);
    const burst = async () => {
      await sleep(BURST_AFTER_MS);
      const burstFrom = performance.now();
      const outcome = await this.burst();
      return { ...outcome, burstFrom, burstTo: performance.now() };
    };
    const framesDone = sender.outcome.then((sent) => ({ ...sent, framesMs: performance.now() - begin }));
    const [sent, outcome] = await Promise.all([framesDone, burst()]);
    return { frames: sent.frames, frameConnections: sent.connections, framesMs: sent.framesMs, ...outcome };
  }

  /** Ends all but the silent connections, whose process stays stopped. */
  async endActive(): Promise<void> {
    await Promise.all(this.active.map((each) => each.end()));
  }

  async end(): Promise<void> {
    await this.endActive();
    await this.silent?.end();
  }

  private start<Kind extends HostileProcess>(process: Kind): Kind {
    this.active.push(process);
    return process;
  }

  private async burst(): Promise<Burst> {
    const { endpoints } = this;
    const counts: number[] = [];
    for (let left = this.options.burst; left > 0; left -= BURST_PER_PROCESS) {
      counts.push(Math.min(left, BURST_PER_PROCESS));
    }
    const processes = counts.map((count) => this.start(new HostileProcess({ kind: "burst", endpoints, count })));
    const outcomes = await Promise.all(processes.map(({ outcome }) => outcome));
    await sleep(BURST_HELD_MS);
    await Promise.all(processes.map((each) => each.end()));
    return {
      connected: outcomes.reduce((sum, { connected }) => sum + connected, 0),
      refused: outcomes.reduce((sum, { refused }) => sum + refused, 0),
      ms: Math.max(0, ...outcomes.map(({ ms }) => ms)),
    };
  }
}
