import { encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { counterOf, epochOf } from "../../../../src/core/base/zxid.ts";
import { HoleMender, type MendEffects } from "../../../../src/core/member/hole-mender.ts";
import type { LogOutline, ZxidSpan } from "../../../../src/core/member/log-outline.ts";
import { MendAnswer } from "../../../../src/core/member/mend-answer.ts";
import { decodeMendAsk, type MendAsk } from "../../../../src/core/member/mend-message.ts";
import { BatchWriter } from "../../../../src/core/tree/batch.ts";
import type { EpochStart } from "../../../../src/core/zab/epoch-ends.ts";
import { encodeNotify, readerOf, zabState } from "../../../../src/core/zab/peer-message.ts";
import type { HistoryBatch } from "../../../../src/core/zab/zab-contract.ts";

/** A batch whose bytes are its own. */
export function batchAt(firstZxid: number, count = 1, size = 20): HistoryBatch {
  const writer = new BatchWriter();
  for (let index = 0; index < count; index++) {
    writer.begin().raw(encodeUtf8(`${firstZxid + index} `.padEnd(size, ".")));
    writer.end();
  }
  const header = { firstZxid, count, time: 0, featureLevel: 1, digestZxid: 0, digest0: 0, digest1: 0 };
  return { firstZxid, lastZxid: firstZxid + count - 1, body: writer.close(header).slice() };
}

/** Batches of one command, of these zxids. */
export function batches(...zxids: readonly number[]): HistoryBatch[] {
  return zxids.map((zxid) => batchAt(zxid));
}

/** Where epochs begin in a log without a gap. */
export function startsOf(log: readonly HistoryBatch[], baseZxid = 0): EpochStart[] {
  let afterZxid = baseZxid;
  const starts: EpochStart[] = [];
  for (const { firstZxid, lastZxid } of log) {
    if (counterOf(firstZxid) === 1) starts.push({ epoch: epochOf(firstZxid), afterZxid });
    afterZxid = lastZxid;
  }
  return starts;
}

/** Somebody on the net: a whole member or one that mends. */
interface Host {
  receive(peer: number, frame: Uint8Array): void;
  linkUp?(peer: number): void;
  linkDown?(peer: number): void;
}

/** Members by their ids, and the frames between them; nothing moves but when it is told to. */
export class MendNet {
  now = 1_000;
  readonly hosts = new Map<number, Host>();
  private frames: { from: number; to: number; frame: Uint8Array }[] = [];
  private readonly links = new Set<string>();

  link(one: number, other: number): void {
    this.links.add(`${one}-${other}`).add(`${other}-${one}`);
    this.hosts.get(one)?.linkUp?.(other);
    this.hosts.get(other)?.linkUp?.(one);
  }

  unlink(one: number, other: number): void {
    if (!this.links.delete(`${one}-${other}`)) return;
    this.links.delete(`${other}-${one}`);
    this.hosts.get(one)?.linkDown?.(other);
    this.hosts.get(other)?.linkDown?.(one);
  }

  send(from: number, to: number, frame: Uint8Array): void {
    this.frames.push({ from, to, frame: frame.slice() });
  }

  /** Delivers until nothing is on its way. */
  settle(): void {
    for (let next = this.frames.shift(); next !== undefined; next = this.frames.shift()) {
      const { from, to, frame } = next;
      if (this.links.has(`${from}-${to}`)) this.hosts.get(to)?.receive(from, frame);
      // As a transport: its bytes are its own again.
      frame.fill(0xee);
    }
  }

  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 100;
      for (const host of this.hosts.values()) if (host instanceof MendNode) host.mender.tick();
      this.settle();
    }
  }
}

/** A member that runs, and answers from its log. */
export class WholeNode implements Host {
  readonly asked: MendAsk[] = [];
  /** Does not answer. */
  isMute = false;
  readonly log: HistoryBatch[];
  private readonly net: MendNet;
  private readonly id: number;
  private readonly starts: readonly EpochStart[];

  /** @param baseZxid its journal reaches back to there */
  constructor(net: MendNet, id: number, log: readonly HistoryBatch[], baseZxid = 0) {
    this.net = net;
    this.id = id;
    this.log = log.filter(({ firstZxid }) => firstZxid > baseZxid);
    this.starts = startsOf(this.log, baseZxid);
    net.hosts.set(id, this);
  }

  receive(peer: number, frame: Uint8Array): void {
    const ask = decodeMendAsk(readerOf(frame));
    this.asked.push(ask);
    if (!this.isMute) this.net.send(this.id, peer, this.answer(ask));
  }

  answer(ask: MendAsk): Uint8Array {
    const answer = new MendAnswer(ask);
    if (ask.wantsBatches) for (const batch of this.log) if (!answer.offer(batch)) break;
    return answer.close(this.starts);
  }

  /** Says to all that it leads. */
  lead(...peers: readonly number[]): void {
    const { lastZxid } = this.log.at(-1) as HistoryBatch;
    const frame = encodeNotify({
      state: zabState.LEADING,
      leaderId: this.id,
      isEstablished: true,
      currentEpoch: epochOf(lastZxid),
      lastZxid,
      appliedZxid: lastZxid,
      vote: this.id,
      isElectable: true,
      isDamaged: false,
      featureLevel: 1,
      hears: [],
      mutual: [],
    });
    for (const peer of peers) this.net.send(this.id, peer, frame);
  }
}

export interface Remains {
  readonly fromZxid?: number;
  readonly lastZxid?: number;
  readonly starts?: readonly EpochStart[];
  readonly isOpen?: boolean;
  /** Members whose programs do not know the question. */
  readonly old?: readonly number[];
}

/** A member with a damaged log. */
export class MendNode implements Host {
  readonly mender: HoleMender;
  readonly notices: string[] = [];
  readonly drops: string[] = [];
  outcome: "mended" | "given up" | undefined;
  outline: LogOutline | undefined;
  private readonly good: readonly HistoryBatch[];
  private readonly old: readonly number[];
  private taken: HistoryBatch[] = [];

  constructor(net: MendNet, id: number, good: readonly HistoryBatch[], remains: Remains = {}) {
    const { fromZxid = 0, lastZxid = good.at(-1)?.lastZxid ?? 0, isOpen = false, starts = [], old = [] } = remains;
    this.good = good;
    this.old = old;
    const spans: ZxidSpan[] = [...good];
    const others = [1, 2, 3].filter((other) => other !== id);
    const effects: MendEffects = {
      send: (peer, frame) => net.send(id, peer, frame),
      disconnect: (peer, why) => {
        this.drops.push(`${peer}: ${why}`);
        net.unlink(id, peer);
      },
      own: (zxid) => good.find(({ firstZxid, lastZxid: last }) => firstZxid <= zxid && zxid <= last),
      lend: (peer, ask, known) => {
        const answer = new MendAnswer(ask);
        if (ask.wantsBatches) for (const batch of good) if (!answer.offer(batch)) break;
        net.send(id, peer, answer.close(known));
      },
      begin: (outline) => {
        this.outline = outline;
        this.taken = [];
      },
      take: ({ firstZxid, lastZxid: last, body }) => {
        this.taken.push({ firstZxid, lastZxid: last, body: body.slice() });
      },
      finish: () => {
        this.outcome = "mended";
      },
      giveUp: () => {
        this.outcome = "given up";
      },
      onNotice: (level, message) => this.notices.push(`${level}: ${message}`),
      now: () => net.now,
    };
    net.hosts.set(id, this);
    this.mender = new HoleMender({ remains: { fromZxid, lastZxid, spans }, isOpen, starts, others }, effects);
    this.mender.begin();
  }

  /** What became of the log. */
  get log(): HistoryBatch[] {
    const { taken, outline, good } = this;
    const isVoided = ({ firstZxid }: ZxidSpan): boolean =>
      outline?.voided.some((span) => span.firstZxid === firstZxid) === true;
    const kept = good.filter((batch) => !isVoided(batch));
    return [...kept, ...taken].sort((one, other) => one.firstZxid - other.firstZxid);
  }

  receive(peer: number, frame: Uint8Array): void {
    this.mender.receive(peer, frame);
  }

  linkUp(peer: number): void {
    this.mender.linkUp(peer, !this.old.includes(peer));
  }

  linkDown(peer: number): void {
    this.mender.linkDown(peer);
  }
}
