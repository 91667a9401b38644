import { describe, expect, it } from "vitest";
import { frameKind } from "../../../src/transport/frame-kind.ts";
import { ASIDE_BYTES_MAX, ASIDE_QUEUE_SHARE, FRAME_BYTES_MAX } from "../../../src/transport/transport-limits.ts";
import { helloOf, ScriptedPeer } from "./scripted-peer.ts";
import { bytes, TransportRig, textOf } from "./transport-rig.ts";

const PIECE = new Uint8Array(64 * 1024);

describe("asides", () => {
  it("come in order with the frames, and are told apart from them", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair();
    a.transport.send(2, bytes("first"));
    expect(a.transport.sendAside(2, bytes("second"))).toBe(true);
    a.transport.send(2, bytes("third"));
    for (const text of ["first", "third"]) expect(textOf((await b.told.next("frame")).bytes)).toBe(text);
    expect(b.told.of("aside").map((aside) => [aside.id, textOf(aside.bytes)])).toEqual([[1, "second"]]);
    const kinds = b.told.all.map(({ kind }) => kind).filter((kind) => kind === "frame" || kind === "aside");
    expect(kinds).toEqual(["frame", "aside", "frame"]);
  });

  it("to a peer without a link are refused", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    expect(a.transport.sendAside(2, bytes("to nobody"))).toBe(false);
  });

  it("for a peer that does not read are refused beyond their bound; the link stays, and so do its frames", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    using peer = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1));
    await a.told.next("up");
    peer.frames.socket.pause();
    let refused = false;
    // What the system's own buffers take is not counted: so many turns until they are full.
    while (!refused) {
      refused = !a.transport.sendAside(2, PIECE);
      expect(a.transport.queuedBytes(2)).toBeLessThanOrEqual(ASIDE_BYTES_MAX + PIECE.length);
      await new Promise((resolve) => setImmediate(resolve));
    }
    a.transport.send(2, bytes("a frame"));
    a.transport.flush();
    peer.frames.socket.resume();
    for (;;) {
      const frame = await peer.frame();
      if (frame?.kind === frameKind.ASIDE) continue;
      expect(frame).toEqual({ kind: frameKind.MESSAGE, payload: bytes("a frame") });
      break;
    }
    expect(a.told.of("down")).toEqual([]);
    expect(a.transport.sendAside(2, PIECE)).toBe(true);
  });

  it("are refused while the link's queue is full of frames, which keep all of their room", async () => {
    await using rig = new TransportRig();
    const queueBytesMax = 2 * FRAME_BYTES_MAX;
    const [a] = await rig.pair({ queueBytesMax });
    a.transport.send(2, new Uint8Array(queueBytesMax * ASIDE_QUEUE_SHARE));
    expect(a.transport.sendAside(2, PIECE)).toBe(false);
    a.transport.send(2, new Uint8Array(queueBytesMax * (1 - ASIDE_QUEUE_SHARE) - 1024));
    expect(a.told.of("down")).toEqual([]);
  });
});
