import { DialAttempt, type DialContext, type DialOutcome } from "./dial-attempt.ts";
import type { Purpose } from "./hello.ts";
import { LINK_PROVEN_MS, RETRY_FIRST_MS, RETRY_LAST_MS } from "./transport-limits.ts";

/** How long to wait before dial number `attempt` (the first is 0), ms, given a random number from 0 to 1. */
export function retryDelay(attempt: number, random: number): number {
  if (attempt < 2) return 0;
  const full = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(attempt - 2, 16));
  return full * (1 - random / 2);
}

export interface DiallerHost extends DialContext {
  helloTo(peerId: number, purpose: Purpose): Uint8Array;
  onDialled(peerId: number, address: string, outcome: DialOutcome): void;
}

/** Keeps dialling one peer while there is no link to it. */
export class PeerDialler {
  readonly id: number;
  private readonly host: DiallerHost;
  private address: string;
  private attempts = 0;
  private attempt: DialAttempt | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(id: number, address: string, host: DiallerHost) {
    this.id = id;
    this.address = address;
    this.host = host;
  }

  get currentAddress(): string {
    return this.address;
  }

  /** True once our HELLO is on its way on the current attempt. */
  get hasSpoken(): boolean {
    return this.attempt?.hasSpoken ?? false;
  }

  /** From now on it is dialled here; at once, if it was being dialled elsewhere. */
  setAddress(address: string): void {
    if (address === this.address) return;
    this.address = address;
    if (this.attempt === undefined && this.timer === undefined) return;
    this.stop();
    this.attempts = 0;
    this.dialLater();
  }

  /** There is no link: dial, the first retry at once. */
  dialLater(): void {
    this.waitAndDial(retryDelay(this.attempts, Math.random()));
  }

  /** The link lived for so long, ms, and is gone. */
  linkLost(livedMs: number): void {
    this.attempts = livedMs >= LINK_PROVEN_MS ? 1 : this.attempts;
    this.dialLater();
  }

  /** The peer's own dial is being taken instead: ours is dropped, and comes again if that leads nowhere. */
  standBack(): void {
    this.stop();
    this.waitAndDial(this.host.handshakeMs);
  }

  /** Standing back led nowhere. */
  comeForward(): void {
    if (this.attempt !== undefined) return;
    this.stop();
    this.dialLater();
  }

  /** There is a link, or no wish for one: no more dialling until told. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.attempt?.cancel();
    this.attempt = undefined;
  }

  private waitAndDial(ms: number): void {
    if (this.attempt !== undefined || this.timer !== undefined) return;
    this.timer = setTimeout(() => this.dial(), ms);
  }

  private dial(): void {
    this.timer = undefined;
    this.attempts++;
    const target = { id: this.id, address: this.address };
    this.attempt = new DialAttempt(
      target,
      this.host,
      () => this.host.helloTo(this.id, "data"),
      (outcome) => {
        this.attempt = undefined;
        if (outcome.kind !== "up") this.dialLater();
        this.host.onDialled(target.id, target.address, outcome);
      },
    );
  }
}
