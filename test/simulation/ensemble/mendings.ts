import type { Machine } from "../machine.ts";
import { SimulatedMending, type SimulatedMendingOptions } from "../simulated-mending.ts";

/** What mending needs of its world. */
export interface MendingsHost
  extends Pick<SimulatedMendingOptions, "timeline" | "network" | "random" | "sizes" | "fault"> {
  readonly members: readonly number[];
  machine(id: number): Machine;
  /** Its data is put aside. */
  putAside(id: number): void;
  /** Its process goes on as a member. */
  start(id: number): void;
  traceOf(id: number): SimulatedMendingOptions["trace"];
}

/** The members that get back from the others what their journals lost, before they begin. */
export class Mendings {
  private readonly host: MendingsHost;
  private readonly running = new Map<number, SimulatedMending>();

  constructor(host: MendingsHost) {
    this.host = host;
  }

  at(id: number): SimulatedMending | undefined {
    return this.running.get(id);
  }

  /** False when the journal is whole. */
  begin(id: number): boolean {
    const { host } = this;
    const machine = host.machine(id);
    const damaged = machine.isRotten ? machine.examine() : undefined;
    if (damaged === undefined) return false;
    const others = host.members.filter((other) => other !== id);
    const { timeline, network, random, sizes, fault } = host;
    const given = { timeline, network, random, sizes, fault, machine, damaged, others, trace: host.traceOf(id) };
    const mending = new SimulatedMending({ ...given, ended: (isMended) => this.ended(mending, isMended) });
    this.running.set(id, mending);
    mending.start();
    return true;
  }

  crash(id: number): void {
    this.running.get(id)?.crash();
    this.running.delete(id);
  }

  private ended(mending: SimulatedMending, isMended: boolean): void {
    const { host } = this;
    const { id } = mending;
    mending.crash();
    if (!isMended) host.putAside(id);
    host.timeline.after(1, () => {
      if (this.running.get(id) !== mending) return;
      this.running.delete(id);
      host.network.detach(id, true);
      host.start(id);
    });
  }
}
