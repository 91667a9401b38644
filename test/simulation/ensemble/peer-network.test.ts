import { describe, expect, it } from "vitest";
import { Prng } from "../../../src/core/base/prng.ts";
import { Timeline } from "../timeline.ts";
import { type PeerInfo, PeerNetwork, type PeerProcess } from "./peer-network.ts";

const CALM = { delayMsMax: 2, spikeChance: 0, spikeMsMax: 0 };
const ROUGH = { delayMsMax: 20, spikeChance: 0.2, spikeMsMax: 300 };
const MEMBERS = [1, 2, 3];

class Recorder implements PeerProcess {
  readonly heardOf: string[] = [];
  readonly frames: number[] = [];
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  info(): PeerInfo {
    return { id: this.id, incarnation: "", address: `127.0.0.1:${this.id}` };
  }

  up({ id }: PeerInfo): void {
    this.heardOf.push(`up ${id}`);
  }

  down(peerId: number, why: string): void {
    this.heardOf.push(`down ${peerId}: ${why}`);
  }

  frame(_peerId: number, bytes: Uint8Array): void {
    this.frames.push(bytes[0] as number);
  }

  heard(): void {}
}

class Rig {
  readonly timeline = new Timeline();
  readonly network: PeerNetwork;
  readonly processes: Recorder[];

  constructor(seed = 1, members = 2, weather = CALM, queueBytesMax = 2_000) {
    const random = new Prng(seed);
    this.network = new PeerNetwork({ timeline: this.timeline, random, weather, queueBytesMax, redialMs: [10, 50] });
    this.processes = Array.from({ length: members }, (_, index) => new Recorder(index + 1));
    for (const process of this.processes) this.network.attach(process);
    this.pass(200);
  }

  at(id: number): Recorder {
    return this.processes[id - 1] as Recorder;
  }

  pass(ms: number): void {
    this.timeline.after(ms, () => undefined);
    const end = this.timeline.now + ms;
    while (this.timeline.now < end) this.timeline.step();
  }

  sendAll(from: number, to: number, values: readonly number[]): void {
    for (const value of values) this.network.send(from, to, Uint8Array.of(value));
  }
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, index) => index);

describe("links between simulated members", () => {
  it("connect by themselves, one connection per pair, and say so before any frame", () => {
    const rig = new Rig(1, 3);
    for (const id of MEMBERS) {
      const others = MEMBERS.filter((other) => other !== id).map((other) => `up ${other}`);
      expect(rig.at(id).heardOf.toSorted()).toEqual(others);
    }
  });

  it("deliver copies, in order, whatever the delays", () => {
    const rig = new Rig(2, 2, ROUGH);
    const bytes = Uint8Array.of(0);
    for (const value of upTo(50)) {
      bytes[0] = value;
      rig.network.send(1, 2, bytes);
    }
    rig.pass(5_000);
    expect(rig.at(2).frames).toEqual(upTo(50));
  });

  it("a reset loses a suffix of what is on its way, is told to both ends, and they connect again", () => {
    const kept = new Set<number>();
    for (let seed = 1; seed <= 30; seed++) {
      const rig = new Rig(seed);
      rig.sendAll(1, 2, upTo(10));
      rig.network.reset(1, 2);
      rig.pass(1_000);
      const { frames } = rig.at(2);
      kept.add(frames.length);
      expect(frames).toEqual(upTo(frames.length));
      for (const [id, other] of [
        [1, 2],
        [2, 1],
      ] as const) {
        expect(rig.at(id).heardOf).toEqual([`up ${other}`, `down ${other}: reset`, `up ${other}`]);
      }
    }
    expect(kept.size).toBeGreaterThan(4);
  });

  it("a closed road loses nothing while the connection lives: all comes once it opens", () => {
    const rig = new Rig();
    rig.network.setOpen(1, 2, false);
    rig.sendAll(1, 2, upTo(5));
    rig.sendAll(2, 1, upTo(5));
    rig.pass(10_000);
    expect([rig.at(2).frames, rig.at(1).frames]).toEqual([[], upTo(5)]);
    rig.network.setOpen(1, 2, true);
    rig.pass(500);
    expect(rig.at(2).frames).toEqual(upTo(5));
    expect(rig.at(2).heardOf).toEqual(["up 1"]);
  });

  it("who disconnects hears nothing more of it; behind a closed road the other knows with the next one", () => {
    const rig = new Rig();
    rig.network.setOpen(1, 2, false);
    rig.network.disconnect(1, 2, "silent");
    rig.sendAll(2, 1, upTo(5));
    rig.pass(5_000);
    expect(rig.at(1).frames).toEqual([]);
    expect(rig.at(1).heardOf).toEqual(["up 2", "down 2: silent"]);
    expect(rig.at(2).heardOf).toEqual(["up 1"]);
    rig.network.setOpen(1, 2, true);
    rig.pass(2_000);
    expect(rig.at(1).heardOf).toEqual(["up 2", "down 2: silent", "up 2"]);
    expect(rig.at(2).heardOf[1]).toMatch(/^down 1/);
    expect(rig.at(2).heardOf[2]).toBe("up 1");
    rig.sendAll(1, 2, [7]);
    rig.pass(100);
    expect(rig.at(2).frames).toEqual([7]);
  });

  it("a link on which too much waits is dropped", () => {
    const rig = new Rig();
    rig.network.setRate(1, 2, 0.01);
    for (let sent = 0; sent < 30; sent++) rig.network.send(1, 2, new Uint8Array(100));
    expect(rig.network.isConnected(1, 2)).toBe(false);
    rig.pass(1);
    expect(rig.at(1).heardOf).toEqual(["up 2", "down 2: too many bytes are waiting"]);
  });

  it("a clogged link delivers slowly, and quickly again once it is not", () => {
    const rig = new Rig();
    rig.network.setRate(1, 2, 0.1);
    for (let sent = 0; sent < 10; sent++) rig.network.send(1, 2, new Uint8Array(92));
    rig.pass(2_500);
    expect(rig.at(2).frames.length).toBe(2);
    rig.network.setRate(1, 2, Number.POSITIVE_INFINITY);
    rig.pass(50);
    expect(rig.at(2).frames.length).toBe(10);
  });

  it("a paused process hears nothing until it goes on, and then everything in order", () => {
    const rig = new Rig();
    rig.network.pause(2);
    rig.sendAll(1, 2, upTo(5));
    rig.pass(3_000);
    expect(rig.at(2).frames).toEqual([]);
    rig.network.resume(2);
    rig.pass(50);
    expect(rig.at(2).frames).toEqual(upTo(5));
  });

  it("who disconnects hears of that before it hears of the next connection, which waited for it", () => {
    const rig = new Rig();
    rig.network.pause(1);
    rig.network.detach(2, false);
    rig.network.attach(rig.at(2));
    rig.pass(500);
    rig.network.resume(1);
    rig.network.disconnect(1, 2, "silent");
    rig.pass(100);
    expect(rig.at(1).heardOf).toEqual(["up 2", "down 2: silent", "up 2"]);
  });

  it("the machine of a killed process tells its peers; one without power tells nobody until it is back", () => {
    const killed = new Rig();
    killed.network.detach(2, true);
    killed.pass(500);
    expect(killed.at(1).heardOf).toEqual(["up 2", "down 2: the other end has gone"]);
    const dark = new Rig();
    dark.network.detach(2, false);
    dark.sendAll(1, 2, upTo(3));
    dark.pass(5_000);
    expect(dark.at(1).heardOf).toEqual(["up 2"]);
    const back = new Recorder(2);
    dark.network.attach(back);
    dark.pass(500);
    expect(dark.at(1).heardOf).toEqual(["up 2", "down 2: replaced by a newer connection", "up 2"]);
    expect(back.frames).toEqual([]);
  });

  it("each of the 64 states of the links of three members connects exactly the pairs open in both directions", () => {
    const pairs = MEMBERS.flatMap((from) => MEMBERS.filter((to) => to !== from).map((to) => [from, to] as const));
    for (let state = 0; state < 64; state++) {
      const rig = new Rig(state, 3);
      for (const [index, [from, to]] of pairs.entries()) rig.network.setOpen(from, to, ((state >> index) & 1) === 1);
      for (const id of MEMBERS) for (const other of MEMBERS) rig.network.disconnect(id, other, "anew");
      rig.pass(3_000);
      for (const [from, to] of pairs) {
        const isOpen = rig.network.isOpen(from, to) && rig.network.isOpen(to, from);
        expect([from, to, rig.network.isConnected(from, to)]).toEqual([from, to, isOpen]);
      }
    }
  });
});
