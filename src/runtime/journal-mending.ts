import { performance } from "node:perf_hooks";
import { formatZxid } from "../core/base/zxid.ts";
import { HoleMender, type MendEffects } from "../core/member/hole-mender.ts";
import { describeFinding, JournalDamagedError } from "../storage/journal/finding.ts";
import type { LinkEvents, LinkedSelf, LinkOptions } from "./ensemble-links.ts";
import { EnsembleLinks } from "./ensemble-links.ts";
import type { MendingRepair } from "./mending-repair.ts";
import type { RuntimeEvents } from "./runtime-contract.ts";

const TICK_MS = 100;

export interface MendingOptions {
  readonly self: Pick<LinkedSelf, "id" | "incarnation">;
  readonly ensembleId: string;
  readonly links: LinkOptions;
  readonly repair: MendingRepair;
  /** Called just before the repaired journal takes the place of the damaged one, if its word must not count. */
  markDamaged(why: string): void;
  readonly onNotice: RuntimeEvents["onNotice"];
}

/**
 * - mended: the journal is whole, and can be opened.
 * - given-up: nobody has what it lacks, and there is a leader, which has all that is committed.
 * - damaged-again: more of it cannot be read any more than was known.
 */
export type MendingOutcome = "mended" | "given-up" | "damaged-again";

/**
 * Drives the {@link HoleMender} of a member that starts: with links of its own, which are gone before the member begins
 * to take part in anything.
 */
export async function mendJournal(options: MendingOptions): Promise<MendingOutcome> {
  const mending = new JournalMending(options);
  try {
    await mending.open();
    return await mending.outcome;
  } finally {
    await mending.stop();
  }
}

class JournalMending {
  readonly outcome: Promise<MendingOutcome>;
  private readonly options: MendingOptions;
  private readonly mender: HoleMender;
  private settle!: { resolve(outcome: MendingOutcome): void; reject(error: Error): void };
  private links: EnsembleLinks | undefined;
  private ticker: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(options: MendingOptions) {
    this.options = options;
    this.outcome = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    const { repair, links, self } = options;
    const members = repair.configuration?.members ?? links.members;
    const others = members.map(({ id }) => id).filter((id) => id !== self.id);
    this.mender = new HoleMender(
      { remains: repair.remains, isOpen: repair.isOpen, starts: repair.starts, others },
      this.effects(),
    );
  }

  async open(): Promise<void> {
    const { options } = this;
    const { self, ensembleId, repair, links } = options;
    this.tellDamage();
    const { configuration } = repair;
    // Should the configuration be lost, it is a member of the ensemble it was of, and of no other.
    const linked = { ...self, configuration, damagedOf: ensembleId };
    this.links = await EnsembleLinks.open(linked, links, this.linkEvents());
    this.ticker = setInterval(() => this.run(() => this.mender.tick()), TICK_MS);
    this.run(() => this.mender.begin());
    for (const { id } of this.links.peers.values()) this.linkUp(id);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    clearInterval(this.ticker);
    this.options.repair.abandon();
    await this.links?.stop();
  }

  private effects(): MendEffects {
    const { repair, onNotice } = this.options;
    return {
      send: (peer, frame) => this.links?.send(peer, frame),
      disconnect: (peer, why) => this.links?.disconnect(peer, why),
      own: (zxid) => repair.own(zxid),
      lend: (peer, ask) => this.links?.send(peer, repair.answer(ask)),
      begin: (outline) => repair.begin(outline),
      take: (batch) => repair.take(batch),
      finish: () => this.finish(),
      giveUp: () => this.end("given-up"),
      onNotice: (...notice) => onNotice(...notice),
      now: () => performance.now(),
    };
  }

  private finish(): void {
    const { repair, markDamaged, onNotice } = this.options;
    const { isInDoubt, lastZxid } = repair;
    const zxid = formatZxid(lastZxid);
    // Before the exchange: a crash between the two leaves a member that is careful for nothing.
    if (isInDoubt) markDamaged(`the journal was mended up to ${zxid}; a promise may be lost`);
    repair.finish();
    if (isInDoubt) {
      const why = "it may have promised or acknowledged more than its journal tells";
      onNotice("warn", `the journal is mended; ${why}: its vote does not count before it has a leader's history`, {
        zxid,
      });
    } else onNotice("info", "the journal is mended: nothing of it is lost", { zxid });
    this.end("mended");
  }

  private end(outcome: MendingOutcome): void {
    this.isOver = true;
    this.settle.resolve(outcome);
  }

  private linkEvents(): LinkEvents {
    return {
      linkUp: ({ id }) => this.linkUp(id),
      linkDown: (peer) => this.run(() => this.mender.linkDown(peer)),
      received: (peer, frame) => this.run(() => this.mender.receive(peer, frame)),
      heard: () => undefined,
      bulkArrived: (_peer, stream) => stream.refuse("this member mends its journal"),
      onNotice: (...notice) => this.options.onNotice(...notice),
    };
  }

  private linkUp(peer: number): void {
    const { links } = this;
    // Reported while the links are being opened: it is among their peers afterwards.
    if (links === undefined) return;
    this.run(() => this.mender.linkUp(peer, links.peers.get(peer)?.said?.answersMending === true));
  }

  private run(event: () => void): void {
    if (this.isOver) return;
    try {
      event();
    } catch (error) {
      if (error instanceof JournalDamagedError) {
        this.options.onNotice("warn", error.message, {});
        this.end("damaged-again");
      } else {
        this.isOver = true;
        // Not what was found damaged: nothing is put aside for it.
        const text = `the journal could not be mended: ${(error as Error).message}`;
        this.settle.reject(new Error(text, { cause: error }));
      }
    }
  }

  private tellDamage(): void {
    const { repair, onNotice } = this.options;
    const { findings } = repair.damaged.report;
    for (const finding of findings) onNotice("warn", describeFinding(finding), {});
    const text = "the journal is damaged; before this member takes part, it gets from the others what is missing";
    onNotice("warn", text, { findings: findings.length });
  }
}
