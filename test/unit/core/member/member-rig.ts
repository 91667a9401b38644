import { assert } from "../../../../src/core/base/assert.ts";
import { EventFanout } from "../../../../src/core/member/event-fanout.ts";
import { LocalState } from "../../../../src/core/member/local-state.ts";
import { Member } from "../../../../src/core/member/member.ts";
import type { MemberEffects, MemberOptions, MemberTransition } from "../../../../src/core/member/member-contract.ts";
import { MendAnswer } from "../../../../src/core/member/mend-answer.ts";
import type { MendAsk } from "../../../../src/core/member/mend-message.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";
import type { EnsembleConfiguration } from "../../../../src/core/zab/ensemble-configuration.ts";
import type { EpochStart } from "../../../../src/core/zab/epoch-ends.ts";
import { type JournalRecord, recordType } from "../../../../src/core/zab/journal-record.ts";
import { Client, secretHash } from "../../../support/solo-member.ts";
import { ensemble, incarnationOf } from "../zab/rig-batches.ts";
import { type PeerHost, TestNet } from "../zab/test-net.ts";

/** What one reading of the history gives. */
const BATCHES_PER_READ = 10;

/** One member among several, with a journal in memory. */
export class MemberNode implements MemberEffects {
  readonly id: number;
  readonly incarnation: string;
  readonly member: Member;
  readonly records: JournalRecord[] = [];
  readonly transitions: MemberTransition[] = [];
  /** Why it let links go. */
  readonly drops: string[] = [];
  isUp = true;
  /** Nothing gets durable. */
  holdsDisk = false;
  /** The journal takes nothing. */
  isFull = false;
  private readonly rig: MemberRig;
  private readonly histories = new Map<number, number>();
  private synced = 0;
  private wantsTurn = false;
  private wantsApply = false;

  constructor(rig: MemberRig, id: number, bootstrap: EnsembleConfiguration, options: Partial<MemberOptions>) {
    this.rig = rig;
    this.id = id;
    this.incarnation = incarnationOf(id);
    const fanout = new EventFanout();
    const historyBytesMax = 64 * 1024;
    const state = new LocalState({ tree: Tree.fresh(id, fanout), fanout }, historyBytesMax);
    const { incarnation } = this;
    this.member = new Member(
      {
        memberId: id,
        incarnation,
        bootstrap,
        outstandingBytesMax: 1024 * 1024,
        barrierWaitMs: 5_000,
        historyBytesMax,
        firstUnaryNumber: id * 1_000,
        ...options,
      },
      state,
      {
        acceptedEpoch: 0,
        promisedTo: 0,
        currentEpoch: 0,
        lastZxid: 0,
        committedZxid: 0,
        tail: [],
        baseZxid: 0,
        epochEnds: [],
        configuration: undefined,
        configurationZxid: 0,
        formerConfiguration: undefined,
      },
      this,
    );
  }

  get roles(): string[] {
    return this.transitions.flatMap((event) => (event.kind === "role" ? [event.role] : []));
  }

  /** Does what was asked for; false when there was nothing. */
  work(): boolean {
    let moved = this.wantsTurn || this.wantsApply || this.histories.size > 0;
    if (this.wantsTurn) {
      this.wantsTurn = false;
      this.member.endTurn();
    }
    if (this.wantsApply) {
      this.wantsApply = false;
      this.member.applyMore();
    }
    if (!this.holdsDisk && this.synced < this.records.length) {
      this.synced = this.records.length;
      this.member.durable(this.synced);
      moved = true;
    }
    for (const [peer, after] of [...this.histories]) {
      this.histories.delete(peer);
      this.member.historyRead(peer, this.batchesAfter(after).slice(0, BATCHES_PER_READ));
    }
    return moved;
  }

  private batchesAfter(zxid: number): JournalRecord[] {
    const found: JournalRecord[] = [];
    for (const record of this.records.slice(0, this.synced)) {
      if (record.type === recordType.BATCH) found.push(record);
      else if (record.type === recordType.TRUNCATE) {
        while ((found.at(-1)?.lastZxid ?? 0) > record.lastZxid) found.pop();
      }
    }
    return found.filter(({ lastZxid }) => lastZxid > zxid);
  }

  client(): Client {
    return new Client(this, []);
  }

  // ---- MemberEffects ----

  append(record: JournalRecord): number {
    return this.records.push({ ...record, body: record.body.slice() });
  }

  hasRoom(): boolean {
    return !this.isFull;
  }

  send(peer: number, frame: Uint8Array): void {
    this.rig.send(this.id, peer, frame);
  }

  disconnect(peer: number, why: string): void {
    this.drops.push(`${peer}: ${why}`);
    this.rig.unlink(this.id, peer);
  }

  readHistory(peer: number, afterZxid: number): void {
    this.histories.set(peer, afterZxid);
  }

  sendSnapshot(): void {
    assert(false, "no member here is so far behind");
  }

  stopSending(peer: number): void {
    this.histories.delete(peer);
  }

  lend(peer: number, ask: MendAsk, starts: readonly EpochStart[]): void {
    const answer = new MendAnswer(ask);
    if (ask.wantsBatches) for (const batch of this.batchesAfter(ask.afterZxid)) if (!answer.offer(batch)) break;
    this.send(peer, answer.close(starts));
  }

  configurationChanged(): void {}

  mended(): void {}

  requestTurnEnd(): void {
    this.wantsTurn = true;
  }

  requestApply(): void {
    this.wantsApply = true;
  }

  transition(event: MemberTransition): void {
    this.transitions.push(event);
  }

  committed(): void {}

  wallClock(): number {
    return 1_700_000_000_000 + this.rig.time;
  }

  now(): number {
    return this.rig.time;
  }
}

/**
 * Several whole members on one clock and a net under the test's control. When all has settled, members at one zxid have
 * one digest.
 */
export class MemberRig extends TestNet {
  readonly nodes = new Map<number, MemberNode>();
  time = 10_000;

  constructor(bootstrap: EnsembleConfiguration, options: Partial<MemberOptions> = {}) {
    super();
    for (const { id } of bootstrap.members) this.nodes.set(id, new MemberNode(this, id, bootstrap, options));
    for (const { member } of this.running) member.start();
    this.joinAll();
    this.pass(1_000);
  }

  /** Voters 1 to `count`; the last of them leads. */
  static of(count: number, options: Partial<MemberOptions> = {}): MemberRig {
    return new MemberRig(ensemble(...Array.from({ length: count }, (_, at) => at + 1)), options);
  }

  protected hostOf(id: number): PeerHost {
    return this.at(id).member;
  }

  protected peers(): readonly MemberNode[] {
    return this.running;
  }

  at(id: number): MemberNode {
    return this.nodes.get(id) as MemberNode;
  }

  get running(): MemberNode[] {
    return [...this.nodes.values()].filter(({ isUp }) => isUp);
  }

  get leader(): MemberNode {
    const leaders = this.running.filter(({ member }) => member.role === "leader");
    if (leaders.length !== 1) throw new Error(`${leaders.length} leaders`);
    return leaders[0] as MemberNode;
  }

  kill(id: number): void {
    for (const other of this.nodes.keys()) this.unlink(id, other);
    this.at(id).isUp = false;
  }

  /** A client of a member with an open session. */
  session(id: number, timeoutMs = 10_000): Client {
    const client = this.at(id).client();
    client.connection.open(secretHash(1), timeoutMs);
    this.settle();
    return client;
  }

  /** One message of each way, and what members asked for; false when there was nothing. */
  step(): boolean {
    let moved = this.deliverEach();
    for (const node of this.running) moved = node.work() || moved;
    return moved;
  }

  /** Steps until it is so. */
  until(isSo: () => boolean): void {
    while (!isSo()) if (!this.step()) throw new Error("nothing moves any more");
  }

  /** Everything, but nothing from one to the other. */
  settleBut(from: number, to: number): void {
    this.clog(from, to);
    this.settle();
  }

  settle(): void {
    for (let turns = 0; this.step(); turns++) if (turns > 20_000) throw new Error("it never settles");
    const digests = new Map<number, string>();
    for (const { member } of this.running) {
      const { zxid, state } = member.tree;
      const digest = String(state.digest.lanes());
      if ((digests.get(zxid) ?? digest) !== digest) throw new Error(`digests differ at ${zxid}`);
      digests.set(zxid, digest);
    }
  }

  /** Time passes, in ticks of 50 ms; after each, everything settles. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 50) {
      this.time += 50;
      this.joinAll();
      for (const { member } of this.running) member.tick();
      this.settle();
    }
  }
}
