import type { Zab } from "../zab/zab.ts";
import { DiskHealth } from "./disk-health.ts";
import type { MemberEffects, Pressure } from "./member-contract.ts";
import type { Standing } from "./standing.ts";

/** A leader hands over for its disk at most this often, ms: where every disk is slow, moving on does not help. */
export const HAND_OVER_EVERY_MS = 60_000;
/** Without a leader for so many time-outs, a slow one is better than none. */
const HEALTHY_FIRST_TIMEOUTS = 2;

export interface DiskWatchHost {
  readonly zab: Zab;
  readonly effects: Pick<MemberEffects, "now" | "transition">;
  readonly standing: Standing;
  readonly pressure: Pressure;
}

/**
 * What a member does about its own slow or full disk (core.md 22): as the leader it hands over to a voter that is up to
 * date and does not say the same of itself; as another it leaves leading to others, as long as there is one to lead.
 */
export class DiskWatch {
  private readonly host: DiskWatchHost;
  private readonly health = new DiskHealth();
  private isRefusing = false;
  private ledAt = Number.NEGATIVE_INFINITY;
  private unwellSince: number | undefined;
  private handedOverAt = Number.NEGATIVE_INFINITY;

  constructor(host: DiskWatchHost) {
    this.host = host;
  }

  /** An fsync of the journal that took `ms` has ended. */
  fsynced(ms: number): void {
    this.health.fsynced(this.host.effects.now(), ms);
  }

  tick(now: number): void {
    const { zab, standing } = this.host;
    if (zab.leaderId !== 0) this.ledAt = now;
    if (standing.isStopping) return;
    const isUnwell = this.health.isSlow(now) || this.host.pressure.disk;
    this.unwellSince = isUnwell ? (this.unwellSince ?? now) : undefined;
    if (zab.isEstablished && this.isDue(now)) this.handOver(now);
    const refuses = isUnwell && now - this.ledAt < HEALTHY_FIRST_TIMEOUTS * zab.timeoutMs;
    if (refuses === this.isRefusing) return;
    this.isRefusing = refuses;
    if (refuses) zab.refuseToLead();
    else zab.allowToLead();
  }

  /** What slows all disks at once slows them within a time-out of each other: then every member has said so by now. */
  private isDue(now: number): boolean {
    const { timeoutMs } = this.host.zab;
    const isUnwellForLong = this.unwellSince !== undefined && now - this.unwellSince >= timeoutMs;
    return isUnwellForLong && now - this.handedOverAt >= HAND_OVER_EVERY_MS;
  }

  private handOver(now: number): void {
    const { zab, effects } = this.host;
    const zxid = zab.commitZxid;
    // Before anything else: who hands over must not be the best candidate still.
    this.isRefusing = true;
    zab.refuseToLead();
    if (!zab.handOver(0)) return;
    this.handedOverAt = now;
    effects.transition({ kind: "slow-disk", zxid, isFull: this.host.pressure.disk, ...this.health.figures(now) });
  }
}
