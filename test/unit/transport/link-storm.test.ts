import { describe, expect, it } from "vitest";
import { Prng } from "../../../src/core/base/prng.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { bytes, type Recorder, TransportRig, textOf } from "./transport-rig.ts";

const MEMBERS = [1, 2, 3, 4];
const BLOWS = 150;

/** What must hold of everything a transport ever told: links come and go in turn, and frames come inside of them. */
function checkOrder(told: Recorder): void {
  const up = new Set<number>();
  const last = new Map<number, number>();
  for (const each of told.all) {
    if (each.kind === "up") {
      expect(up.has(each.peer.id)).toBe(false);
      up.add(each.peer.id);
    }
    if (each.kind === "down") expect(up.delete(each.id)).toBe(true);
    if (each.kind === "frame") {
      expect(up.has(each.id)).toBe(true);
      const number = Number(textOf(each.bytes));
      expect(number).toBeGreaterThan(last.get(each.id) ?? -1);
      last.set(each.id, number);
    }
  }
}

describe("links in a storm", () => {
  it.each([1, 2, 3])(
    "seed %i: resets, refusals, stalls and disconnects end in one working link per pair",
    async (seed) => {
      const prng = new Prng(seed);
      await using rig = new TransportRig();
      const members = await Promise.all(MEMBERS.map((id) => rig.member(id, { handshakeMs: 200 })));
      // A network of its own for each direction of dialling.
      const links: TcpProxy[] = [];
      for (const from of members) {
        const peers: { id: number; address: string }[] = [];
        for (const to of members) {
          if (to === from) continue;
          const proxy = rig.own(await TcpProxy.start(to.transport.address));
          links.push(proxy);
          peers.push({ id: to.id, address: proxy.endpoint });
        }
        from.transport.setPeers(peers);
      }
      let number = 0;
      for (let blow = 0; blow < BLOWS; blow++) {
        const proxy = prng.pick(links);
        const member = prng.pick(members);
        switch (prng.below(6)) {
          case 0:
            proxy.refuse();
            break;
          case 1:
            proxy.stall(prng.pick(["to-server", "to-client", "both"]));
            break;
          case 2:
            member.transport.disconnect(prng.pick(MEMBERS), "a blow");
            break;
          case 3:
            proxy.cut();
            break;
          default:
            proxy.goOn();
        }
        for (const { transport } of members) for (const id of MEMBERS) transport.send(id, bytes(`${number}`));
        number++;
        // A few turns of the loop: enough for some handshakes to be half done.
        for (let turns = prng.below(20); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      }
      // Calm: what stood still is cut, as the time-outs of the core would, and all can dial all.
      for (const proxy of links) {
        proxy.goOn();
        proxy.cut();
      }
      const arrived = (told: Recorder, id: number): boolean =>
        told.all.some((each) => each.kind === "frame" && each.id === id && Number(textOf(each.bytes)) >= BLOWS);
      while (!members.every(({ id, told }) => MEMBERS.every((other) => other === id || arrived(told, other)))) {
        for (const { transport } of members) for (const id of MEMBERS) transport.send(id, bytes(`${number}`));
        number++;
        await Promise.race(members.map(({ told }) => told.until(anything(told))));
      }
      for (const { told } of members) {
        checkOrder(told);
        expect(told.of("notice").filter(({ text }) => text.includes("broke a rule"))).toEqual([]);
      }
    },
  );
});

/** Becomes true with the next thing told. */
function anything(told: Recorder): () => boolean {
  const before = told.all.length;
  return () => told.all.length > before;
}
