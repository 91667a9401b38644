import type { RuntimeEvents } from "./runtime-contract.ts";

/** It is looked at this often, ms, and counts as short from here to there of what is allowed. */
const LOOK_MS = 1_000;
const HIGH = 0.9;
const LOW = 0.85;

/** Tells the member when memory is short: its doors then refuse what makes the tree larger (core.md 39). */
export class MemoryWatch {
  private readonly pressure: { memory: boolean };
  private readonly bytesMax: number;
  private readonly events: Pick<RuntimeEvents, "onNotice">;
  private nextLook = 0;

  /** @param bytesMax what the process may take */
  constructor(pressure: { memory: boolean }, bytesMax: number, events: Pick<RuntimeEvents, "onNotice">) {
    this.pressure = pressure;
    this.bytesMax = bytesMax;
    this.events = events;
  }

  /** @param now monotonic ms */
  tick(now: number): void {
    if (now < this.nextLook) return;
    this.nextLook = now + LOOK_MS;
    const used = process.memoryUsage.rss() / this.bytesMax;
    const isShort = used > (this.pressure.memory ? LOW : HIGH);
    if (isShort === this.pressure.memory) return;
    this.pressure.memory = isShort;
    const message = isShort ? "memory is above its high-water mark: only deletes are accepted" : "memory is free again";
    this.events.onNotice(isShort ? "warn" : "info", message, { share: Number(used.toFixed(2)) });
  }
}
