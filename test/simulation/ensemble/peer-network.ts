import type { Prng } from "../../../src/core/base/prng.ts";
import type { Timeline } from "../timeline.ts";
import { type Parcel, PeerWay, Road, type Weather } from "./peer-way.ts";

/** What a member says of itself when a connection begins. */
export interface PeerInfo {
  readonly id: number;
  readonly incarnation: string;
  /** Where it would be dialled. */
  readonly address: string;
}

/** One run of a member's process, as the network calls it. */
export interface PeerProcess {
  /** As of now. */
  info(): PeerInfo;
  up(peer: PeerInfo): void;
  down(peerId: number, why: string): void;
  frame(peerId: number, bytes: Uint8Array): void;
  heard(peerId: number): void;
}

export interface PeerNetworkOptions {
  readonly timeline: Timeline;
  readonly random: Prng;
  weather: Weather;
  /** Bytes that may wait in one direction of a connection; one more ends it. */
  readonly queueBytesMax: number;
  /** Between two attempts to connect, ms at least and at most. */
  readonly redialMs: readonly [number, number];
  readonly trace?: ((text: () => string) => void) | undefined;
}

/** An attempt to connect, and a handshake, fail after so long, ms. */
const HANDSHAKE_MS = 1_000;

/** One end of a connection. */
class Side {
  readonly of: Attached;
  readonly peerId: number;
  /** What it said of itself. */
  readonly info: PeerInfo;
  readonly out: PeerWay;
  state: "connecting" | "up" | "over" = "connecting";
  private opposite: Side | undefined;

  constructor(of: Attached, peerId: number, out: (deliver: (parcel: Parcel) => boolean) => PeerWay, arrive: Arrive) {
    this.of = of;
    this.peerId = peerId;
    this.info = of.process.info();
    this.out = out((parcel) => arrive(this.other, parcel));
  }

  get other(): Side {
    return this.opposite as Side;
  }

  join(opposite: Side): void {
    this.opposite = opposite;
  }
}

type Arrive = (at: Side, parcel: Parcel) => boolean;

interface Attached {
  readonly id: number;
  readonly process: PeerProcess;
  readonly sides: Map<number, Side>;
  isPaused: boolean;
  isGone: boolean;
  /** What it will hear when it goes on. */
  heldBack: (() => void)[];
  /** Links it has given up itself, and will hear of when that is over: before there is another one to the same peer. */
  downs: (readonly [peerId: number, why: string])[];
}

/**
 * The members' links on virtual time. Each pair has at most one connection, dialled again and again while both run; a
 * connection is two ways with delays, and may be reset, stalled in one direction or both, clogged, or half open: one
 * end gone, the other not aware of it. Everything a process hears comes in an event of its own.
 */
export class PeerNetwork {
  readonly options: PeerNetworkOptions;
  private readonly attached = new Map<number, Attached>();
  private readonly roads = new Map<string, Road>();
  private readonly dialling = new Set<string>();
  /** All ends with something on its way, or not over: for what happens to roads and pauses. */
  private sides: Side[] = [];

  constructor(options: PeerNetworkOptions) {
    this.options = options;
  }

  // ---- Processes ----

  attach(process: PeerProcess): void {
    const { id } = process.info();
    const attached = { id, process, sides: new Map(), isPaused: false, isGone: false, heldBack: [], downs: [] };
    this.attached.set(id, attached);
    for (const other of this.attached.values()) if (other !== attached) this.dialLater(id, other.id);
  }

  /** The process is gone. Its peers are told by its machine if that is still there. */
  detach(id: number, withPower: boolean): void {
    const gone = this.attached.get(id);
    if (gone === undefined) return;
    this.attached.delete(id);
    gone.isGone = true;
    for (const side of this.living()) {
      if (side.of !== gone || side.state === "over") continue;
      if (withPower) side.out.end("the other end has gone");
      else side.out.drop();
      this.finish(side);
    }
  }

  /** Stands still: hears nothing until {@link resume}; its machine goes on taking bytes, up to the bound. */
  pause(id: number): void {
    const attached = this.attached.get(id);
    if (attached !== undefined) attached.isPaused = true;
  }

  resume(id: number): void {
    const attached = this.attached.get(id);
    if (attached === undefined) return;
    attached.isPaused = false;
    for (const work of attached.heldBack.splice(0)) this.tell(attached, work);
    for (const { out, peerId } of this.living()) if (peerId === id) out.resume(false);
  }

  // ---- What processes do ----

  /** Copied; dropped where there is no connection. */
  send(from: number, to: number, bytes: Uint8Array): void {
    const side = this.attached.get(from)?.sides.get(to);
    if (side?.state !== "up") return;
    side.out.send({ kind: "frame", bytes });
    if (side.out.bytes > this.options.queueBytesMax) this.sever(side, "too many bytes are waiting");
  }

  /** This end goes at once, which is told in an event of its own; the other hears of it, or finds out. */
  disconnect(from: number, to: number, why: string): void {
    const side = this.attached.get(from)?.sides.get(to);
    if (side !== undefined) this.sever(side, why);
  }

  queuedBytes(from: number, to: number): number {
    return this.attached.get(from)?.sides.get(to)?.out.bytes ?? 0;
  }

  isConnected(from: number, to: number): boolean {
    return this.attached.get(from)?.sides.get(to)?.state === "up";
  }

  // ---- Faults ----

  /** Whether bytes from one get to the other; what is sent meanwhile waits, and goes on if the connection lives on. */
  setOpen(from: number, to: number, isOpen: boolean): void {
    const road = this.road(from, to);
    if (road.isOpen === isOpen) return;
    road.isOpen = isOpen;
    if (isOpen) this.resumeRoad(from, to, true);
  }

  isOpen(from: number, to: number): boolean {
    return this.road(from, to).isOpen;
  }

  /** Bytes per ms from one to the other. */
  setRate(from: number, to: number, rate: number): void {
    this.road(from, to).rate = rate;
    this.resumeRoad(from, to, false);
  }

  /** The connection of two members breaks: each end loses what was on its way from some point on, and hears of it. */
  reset(one: number, other: number): void {
    for (const { of, peerId, out, other: opposite } of this.living()) {
      if (of.id !== one || peerId !== other) continue;
      out.end("reset");
      opposite.out.end("reset");
    }
  }

  /** All roads are open and quick. */
  heal(ids: readonly number[]): void {
    for (const from of ids) {
      for (const to of ids) {
        if (from === to) continue;
        this.setRate(from, to, Number.POSITIVE_INFINITY);
        this.setOpen(from, to, true);
      }
    }
  }

  private resumeRoad(from: number, to: number, afterOutage: boolean): void {
    for (const { of, peerId, out } of this.living()) if (of.id === from && peerId === to) out.resume(afterOutage);
  }

  private living(): readonly Side[] {
    this.sides = this.sides.filter(({ state, out }) => state !== "over" || out.bytes > 0);
    return this.sides;
  }

  private road(from: number, to: number): Road {
    const key = `${from}>${to}`;
    let road = this.roads.get(key);
    if (road === undefined) {
      road = new Road();
      this.roads.set(key, road);
    }
    return road;
  }

  // ---- Connections ----

  private dialLater(one: number, other: number): void {
    const key = one < other ? `${one}-${other}` : `${other}-${one}`;
    if (this.dialling.has(key)) return;
    this.dialling.add(key);
    const { random, redialMs, timeline } = this.options;
    const [least, most] = redialMs;
    timeline.after(least + random.below(most - least), () => {
      this.dialling.delete(key);
      this.dial(one, other);
    });
  }

  private dial(one: number, other: number): void {
    const [first, second] = this.options.random.chance(0.5) ? [one, other] : [other, one];
    const [left, right] = [this.attached.get(first), this.attached.get(second)];
    if (left === undefined || right === undefined) return;
    const [isLeftUp, isRightUp] = [left.sides.has(right.id), right.sides.has(left.id)];
    if (isLeftUp && isRightUp) return;
    const [dialler, acceptor] = isLeftUp ? [right, left] : [left, right];
    const isReachable = this.isOpen(dialler.id, acceptor.id) && this.isOpen(acceptor.id, dialler.id);
    const isUnderWay = this.living().some(
      ({ of, peerId, state }) => state === "connecting" && of === left && peerId === right.id,
    );
    if (!isReachable || isUnderWay || dialler.isPaused) this.dialLater(one, other);
    else this.connect(dialler, acceptor);
  }

  private connect(dialler: Attached, acceptor: Attached): void {
    const there = this.side(dialler, acceptor.id);
    const back = this.side(acceptor, dialler.id);
    there.join(back);
    back.join(there);
    this.sides.push(there, back);
    there.out.send({ kind: "hello" });
    this.options.timeline.after(HANDSHAKE_MS, () => {
      for (const side of [there, back]) if (side.state === "connecting") this.sever(side, "no handshake");
    });
  }

  private side(of: Attached, peerId: number): Side {
    const { options } = this;
    const { timeline, random } = options;
    const road = this.road(of.id, peerId);
    return new Side(
      of,
      peerId,
      (deliver) => new PeerWay(timeline, random, () => options.weather, road, deliver),
      (at, parcel) => this.arrive(at, parcel),
    );
  }

  /** A parcel has come to an end; false if that takes nothing at the moment. */
  private arrive(at: Side, parcel: Parcel): boolean {
    if (at.of.isPaused) return false;
    if (at.state === "over") return true;
    if (parcel.kind === "hello") this.greet(at);
    else if (parcel.kind === "end") {
      // Unless the other way has an end of its own to tell.
      if (!at.out.isOver) at.out.drop();
      this.lose(at, parcel.why);
    } else {
      at.of.process.heard(at.peerId);
      // Hearing it, the process may have let go.
      if (at.of.sides.get(at.peerId) === at) at.of.process.frame(at.peerId, parcel.bytes);
    }
    return true;
  }

  private greet(at: Side): void {
    const { of, peerId, other } = at;
    this.reportDowns(of);
    const older = of.sides.get(peerId);
    if (older !== undefined) {
      older.out.end("replaced");
      this.lose(older, "replaced by a newer connection");
    }
    if (of.isGone) return;
    at.state = "up";
    of.sides.set(peerId, at);
    // The acceptor answers, and only then may frames follow.
    if (other.state === "connecting") at.out.send({ kind: "hello" });
    this.options.trace?.(() => `member ${of.id}: link to ${peerId} is up`);
    of.process.heard(peerId);
    of.process.up(other.info);
  }

  /** The process at this end, or its machine, gives the connection up. */
  private sever(side: Side, why: string): void {
    if (side.state === "over") return;
    const { of, peerId } = side;
    const wasUp = side.state === "up";
    side.out.end(why);
    this.finish(side);
    this.options.trace?.(() => `member ${of.id}: drops its link to ${peerId}, ${why}`);
    if (!wasUp) return;
    of.downs.push([peerId, why]);
    this.options.timeline.after(0, () => this.reportDowns(of));
  }

  private reportDowns(of: Attached): void {
    for (const [peerId, why] of of.downs.splice(0)) this.tell(of, () => of.process.down(peerId, why));
  }

  private lose(side: Side, why: string): void {
    const { of, peerId } = side;
    const wasUp = side.state === "up";
    this.finish(side);
    this.options.trace?.(() => `member ${of.id}: link to ${peerId} is down, ${why}`);
    if (wasUp) this.tell(of, () => of.process.down(peerId, why));
  }

  private finish(side: Side): void {
    const { of, peerId } = side;
    side.state = "over";
    if (of.sides.get(peerId) === side) of.sides.delete(peerId);
    if (!of.isGone) this.dialLater(of.id, peerId);
  }

  private tell(of: Attached, work: () => void): void {
    if (of.isGone) return;
    if (of.isPaused) of.heldBack.push(work);
    else work();
  }
}
