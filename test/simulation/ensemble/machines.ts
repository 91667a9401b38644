import type { Prng } from "../../../src/core/base/prng.ts";
import { SimulatedDisk } from "../../support/simulated-disk.ts";
import type { Fault } from "../faults.ts";
import { Machine } from "../machine.ts";
import { LyingDisk } from "./draw-sizes.ts";

/** The machines of a world, and the disks that are put into them. */
export class Machines {
  readonly byId = new Map<number, Machine>();
  private readonly random: Prng;
  private readonly fault: Fault | undefined;
  private lives = 0;

  constructor(ids: readonly number[], random: Prng, fault: Fault | undefined) {
    this.random = random;
    this.fault = fault;
    for (const id of ids) this.byId.set(id, new Machine(id, this.incarnation(), this.disk()));
  }

  at(id: number): Machine {
    return this.byId.get(id) as Machine;
  }

  putAside(id: number): void {
    this.at(id).putAside(this.disk());
  }

  wipe(id: number): void {
    const { incarnation } = this.at(id);
    this.at(id).replace(this.disk(), this.fault === "keep-incarnation" ? incarnation : this.incarnation());
  }

  private incarnation(): string {
    return (++this.lives).toString(16).padStart(32, "0");
  }

  private disk(): SimulatedDisk {
    const seed = this.random.uint32();
    return this.fault === "lying-disk" ? new LyingDisk(seed) : new SimulatedDisk(seed);
  }
}
