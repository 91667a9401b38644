import { describe, expect, it } from "vitest";
import { FRAME_BYTES_MAX } from "../../../src/transport/transport-limits.ts";
import { bytes, TransportRig, textOf } from "./transport-rig.ts";

describe("TcpPeerTransport: links", () => {
  it("come up on both sides with what the other said of itself", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair();
    expect(a.told.of("up")[0]?.peer).toEqual({
      id: 2,
      incarnation: "incarnation-2",
      ensembleId: "0123456789abcdef0123456789abcdef",
      address: b.transport.address,
      about: bytes("about 2"),
    });
    expect(b.told.of("up")[0]?.peer.id).toBe(1);
  });

  it("carry frames of every size in order, both ways", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair();
    const sizes = [0, 1, 100, 4096, 4097, 65_536, 70_000, FRAME_BYTES_MAX, 5, 1_000_000, 0];
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const [i, size] of sizes.entries()) from.transport.send(to.id, new Uint8Array(size).fill(i));
      for (const [i, size] of sizes.entries()) {
        const frame = await to.told.next("frame");
        expect(frame.bytes.length).toBe(size);
        expect(frame.bytes.every((byte) => byte === i)).toBe(true);
      }
    }
    expect(a.told.heard).toBeGreaterThan(0);
  });

  it("are told down on both sides when one disconnects, with its reason, and come up again", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair();
    a.transport.disconnect(2, "no longer needed");
    expect(a.told.of("down")).toEqual([]);
    expect((await a.told.next("down")).why).toBe("no longer needed");
    expect((await b.told.next("down")).why).toBe("dropped by the other side: no longer needed");
    await Promise.all([a.told.next("up"), b.told.next("up")]);
    b.transport.send(1, bytes("again"));
    expect(textOf((await a.told.next("frame")).bytes)).toBe("again");
  });
});
