import { AskDesk, type AskLinks } from "../../../src/coordination/ask-desk.ts";
import type { AskOutcome } from "../../../src/coordination/port.ts";
import { decodeUtf8, encodeUtf8 } from "../../../src/core/base/bytes.ts";
import type { AsideListener, LinkedPeer } from "../../../src/runtime/ensemble-links.ts";

interface Waiting {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
}

/** Members that can only ask each other, over links whose every message a test delivers or loses. */
export class AskNet {
  readonly members: readonly AskMember[];
  waiting: Waiting[] = [];

  constructor(count: number) {
    const ids = Array.from({ length: count }, (_, index) => index + 1);
    this.members = ids.map((id) => new AskMember(id, ids, this));
    for (const id of ids) for (const other of ids) if (other < id) this.link(id, other);
  }

  member(id: number): AskMember {
    const member = this.members[id - 1];
    if (member === undefined) throw new Error(`there is no member ${id}`);
    return member;
  }

  link(one: number, other: number): void {
    this.member(one).linked(other, true);
    this.member(other).linked(one, true);
  }

  /** Loses what is under way between the two. */
  unlink(one: number, other: number): void {
    const isBetween = ({ from, to }: Waiting) => [from, to].includes(one) && [from, to].includes(other);
    this.waiting = this.waiting.filter((message) => !isBetween(message));
    this.member(one).unlinked(other);
    this.member(other).unlinked(one);
  }

  /** Delivers what is under way, and what comes of it. */
  deliver(to?: number): void {
    for (;;) {
      const at = this.waiting.findIndex((message) => to === undefined || message.to === to);
      const [message] = at < 0 ? [] : this.waiting.splice(at, 1);
      if (message === undefined) return;
      this.member(message.to).listener.aside(message.from, message.bytes);
    }
  }
}

export class AskMember implements AskLinks {
  readonly id: number;
  readonly peers = new Map<number, LinkedPeer>();
  readonly desk: AskDesk;
  readonly notices: string[] = [];
  listener!: AsideListener;
  /** Whether the links take asides. */
  hasRoom = true;
  private readonly net: AskNet;

  constructor(id: number, memberIds: readonly number[], net: AskNet) {
    this.id = id;
    this.net = net;
    this.desk = new AskDesk({
      memberId: id,
      memberIds: () => memberIds,
      links: this,
      onNotice: (level, message) => this.notices.push(`${level}: ${message}`),
    });
  }

  listenAside(listener: AsideListener): void {
    this.listener = listener;
  }

  sendAside(to: number, bytes: Uint8Array): boolean {
    if (this.hasRoom && this.peers.has(to)) this.net.waiting.push({ from: this.id, to, bytes });
    return this.hasRoom && this.peers.has(to);
  }

  linked(peer: number, answersAsks: boolean): void {
    const said = { answersAsks } as LinkedPeer["said"];
    this.peers.set(peer, { id: peer, incarnation: "", ensembleId: "", address: "", about: new Uint8Array(0), said });
  }

  unlinked(peer: number): void {
    this.peers.delete(peer);
    this.listener.linkDown(peer);
  }

  /** Asks, and keeps what is heard: read it with {@link told}. */
  ask(to: number | "all", topic = "echo", text = "?"): Asked {
    const asked = new Asked();
    this.desk.ask(to, topic, encodeUtf8(text), (outcome) => asked.outcomes.push(outcome));
    return asked;
  }
}

export class Asked {
  readonly outcomes: AskOutcome[] = [];

  /** As text: who answered what, and who is missing why; undefined while nothing was told. */
  get told(): string | undefined {
    const [outcome, ...more] = this.outcomes;
    if (more.length > 0) throw new Error("told more than once");
    return outcome === undefined ? undefined : describeOutcome(outcome);
  }
}

export function describeOutcome({ answers, missing, partial }: AskOutcome): string {
  const heard = answers.map(({ memberId, reason, bytes }) => {
    return `${memberId}: ${reason ?? decodeUtf8(bytes, 0, bytes.length)}`;
  });
  const lost = missing.map(({ memberId, reason }) => `${memberId} missing: ${reason}`);
  return [...heard, ...lost, ...(partial ? ["partial"] : [])].join(", ");
}
