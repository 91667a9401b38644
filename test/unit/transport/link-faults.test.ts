import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { FRAME_HEADER_BYTES, FrameParser, MAGIC } from "../../../src/transport/frame-codec.ts";
import { frameKind } from "../../../src/transport/frame-kind.ts";
import { encodeIdentity } from "../../../src/transport/identity-codec.ts";
import { retryDelay } from "../../../src/transport/peer-dialler.ts";
import { FRAME_BYTES_MAX } from "../../../src/transport/transport-limits.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { helloOf, ScriptedListener, ScriptedPeer } from "./scripted-peer.ts";
import { bytes, ENSEMBLE, OTHER_ENSEMBLE, TransportRig, textOf } from "./transport-rig.ts";

/** Lets one direction through frame by frame; the test may drop or damage some. */
async function meddle(target: string, change: (kind: number, frame: Buffer) => Buffer | undefined) {
  const listener = await ScriptedListener.start();
  void (async () => {
    const from = await listener.socket();
    const to = connect(Number(target.slice(target.lastIndexOf(":") + 1)), "127.0.0.1");
    to.on("error", () => from.destroy());
    to.on("close", () => from.destroy());
    from.on("close", () => to.destroy());
    to.pipe(from);
    let pending = Buffer.alloc(0);
    to.write(MAGIC);
    let skip = MAGIC.length;
    from.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      const magic = Math.min(skip, pending.length);
      pending = pending.subarray(magic);
      skip -= magic;
      while (pending.length >= FRAME_HEADER_BYTES) {
        const word = pending.readUInt32LE(0);
        const end = FRAME_HEADER_BYTES + (word & 0xffffff);
        if (pending.length < end) return;
        const frame = change(word >>> 24, Buffer.from(pending.subarray(0, end)));
        pending = pending.subarray(end);
        if (frame !== undefined) to.write(frame);
      }
    });
  })();
  return listener;
}

describe("a frame that breaks a rule drops the link, with a notice that names peer and rule", () => {
  const damages: [string, string, (frame: Buffer) => Buffer | undefined][] = [
    ["a lost frame", "sequence: frame 4 where 3 is due", () => undefined],
    ["a repeated frame", "sequence: frame 3 where 4 is due", (frame) => Buffer.concat([frame, frame])],
    ["a flipped bit of the payload", "checksum: frame 3", (frame) => flip(frame, 14, 1)],
    ["a flipped bit of the checksum", "checksum: frame 3", (frame) => flip(frame, 9, 64)],
    ["a flipped bit of the sequence", "sequence: frame 67", (frame) => flip(frame, 4, 64)],
    ["a flipped bit of the kind", "checksum: frame 3", (frame) => flip(frame, 3, 1)],
    ["a length beyond the limit", `where ${FRAME_BYTES_MAX} are allowed`, (frame) => flip(frame, 2, 0xff)],
  ];

  function flip(frame: Buffer, at: number, mask: number): Buffer {
    frame[at] = (frame[at] as number) ^ mask;
    return frame;
  }

  it.each(damages)("%s", async (_name, rule, damage) => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    const b = await rig.member(2);
    let messages = 0;
    await using between = await meddle(b.transport.address, (kind, frame) =>
      kind === frameKind.MESSAGE && ++messages === 1 ? damage(frame) : frame,
    );
    a.transport.setPeers([{ id: 2, address: between.address }]);
    await Promise.all([a.told.next("up"), b.told.next("up")]);
    a.transport.send(2, bytes("first"));
    a.transport.send(2, bytes("second"));
    expect((await b.told.next("down")).why).toContain(rule);
    const { level, text } = await b.told.next("notice");
    expect(level).toBe("warn");
    expect(text).toContain("the link to member 2".replace("2", "1"));
    expect(text).toContain(rule);
    const taken = b.told.of("frame").map((frame) => textOf(frame.bytes));
    expect(taken).toEqual(rule.includes("where 4") ? ["first"] : []);
    await a.told.next("down");
  });

  it("a kind of frame that has no place on a link, and an identity that cannot be read", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    for (const [kind, rule] of [
      [frameKind.CHUNK, "kind: a frame of kind 8"],
      [frameKind.IDENTITY, "identity:"],
    ] as const) {
      using peer = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1));
      await a.told.next("up");
      peer.say(kind, bytes("?"));
      expect((await a.told.next("down")).why).toContain(rule);
      expect((await a.told.next("notice")).text).toContain(rule);
    }
  });
});

describe("FrameParser", () => {
  it("gives the same frames however the stream is cut into chunks", async () => {
    await using listener = await ScriptedListener.start();
    using peer = await ScriptedPeer.dial(listener.address);
    const socket = await listener.socket();
    const sizes = [0, 1, 11, 12, 13, 5_000, 0, 9_000, 3];
    for (const size of sizes) peer.say(frameKind.MESSAGE, new Uint8Array(size).fill(size));
    peer.frames.socket.end();
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(socket, "end");
    const stream = Buffer.concat(chunks);
    for (const step of [1, 2, 3, 7, 11, 12, 13, 1000, 4096, stream.length]) {
      const got: number[] = [];
      const parser = new FrameParser(
        {
          onFrame: (_kind, payload) => {
            expect(payload).not.toBeInstanceOf(Buffer);
            expect(payload.every((byte) => byte === payload.length % 256)).toBe(true);
            got.push(payload.length);
          },
        },
        FRAME_BYTES_MAX,
      );
      for (let at = 0; at < stream.length; at += step)
        expect(parser.push(stream.subarray(at, at + step))).toBeUndefined();
      expect(got).toEqual(sizes);
      expect(parser.isBetweenFrames).toBe(true);
    }
  });
});

describe("a link that is lost", () => {
  it("by a reset: both are told at once, and it comes up again by itself", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    const b = await rig.member(2);
    await using proxy = await TcpProxy.start(b.transport.address);
    a.transport.setPeers([{ id: 2, address: proxy.endpoint }]);
    for (let round = 1; round <= 3; round++) {
      await Promise.all([a.told.next("up"), b.told.next("up")]);
      a.transport.send(2, bytes(`round ${round}`));
      expect(textOf((await b.told.next("frame")).bytes)).toBe(`round ${round}`);
      proxy.cut();
      expect((await a.told.next("down")).why).toBe("connection reset");
      await b.told.next("down");
    }
  });

  it("while the peer is away: dialled until it is back, told once, at the new address if there is one", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    const b = await rig.member(2);
    await using proxy = await TcpProxy.start(b.transport.address);
    a.transport.setPeers([{ id: 2, address: proxy.endpoint }]);
    await a.told.next("up");
    proxy.refuse();
    await a.told.next("down");
    await a.told.next("notice");
    a.transport.setPeers([{ id: 2, address: b.transport.address }]);
    await a.told.next("up");
    expect(a.told.of("notice").length).toBe(1);
  });

  it("by the end of the peer's process, in the middle of a frame too", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    using peer = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1));
    await a.told.next("up");
    peer.frames.socket.end(Uint8Array.of(100, 0, 0, 4, 3, 0, 0, 0));
    expect((await a.told.next("down")).why).toBe("cut off in a frame");
  });

  it("is not dialled again once its peer is off the list; who is off the list may still dial", async () => {
    await using rig = new TransportRig();
    await using listener = await ScriptedListener.start();
    const a = await rig.member(1);
    a.transport.setPeers([{ id: 2, address: listener.address }]);
    using first = await listener.peer();
    await first.hello();
    a.transport.setPeers([]);
    await first.end();
    using joining = await ScriptedPeer.dialAs(a.transport.address, helloOf(8, 1));
    expect((await a.told.next("up")).peer.id).toBe(8);
    a.transport.send(8, bytes("welcome"));
    expect((await joining.frame())?.payload).toEqual(bytes("welcome"));
  });

  it("stop: every link is reported down on both sides, and nothing comes after", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair();
    await a.transport.stop();
    expect(a.told.of("down").map(({ why }) => why)).toEqual(["member 1 is stopping"]);
    expect((await b.told.next("down")).why).toBe("dropped by the other side: member 1 is stopping");
    a.transport.send(2, bytes("nobody"));
    await a.transport.stop();
    await expect(a.transport.openBulk(2, bytes("nothing"))).rejects.toMatchObject({ reason: "stopped" });
  });
});

describe("retryDelay", () => {
  it("at once twice, then from 50 ms doubling to 1 s, less up to half by chance", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 1000].map((n) => retryDelay(n, 0))).toEqual([
      0, 0, 50, 100, 200, 400, 800, 1000, 1000, 1000,
    ]);
    expect(retryDelay(3, 0.5)).toBe(75);
    expect(retryDelay(100, 1)).toBe(500);
  });
});

describe("bounds", () => {
  it("a peer that does not read is dropped when its queue is full, in bytes, and told so after the turn", async () => {
    await using rig = new TransportRig();
    const queueBytesMax = 4 * 1024 * 1024;
    const a = await rig.member(1, { queueBytesMax });
    using peer = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1));
    await a.told.next("up");
    peer.frames.socket.pause();
    const frame = new Uint8Array(256 * 1024);
    let highest = 0;
    let sent = 0;
    const down = a.told.next("down");
    while (a.told.of("down").length === 0) {
      a.transport.send(2, frame);
      sent += frame.length;
      highest = Math.max(highest, a.transport.queuedBytes(2));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await down).why).toContain("slow peer");
    expect((await a.told.next("notice")).text).toContain("the link to member 2 was dropped, slow peer");
    expect(sent).toBeGreaterThan(queueBytesMax);
    expect(highest).toBeLessThanOrEqual(queueBytesMax + 1024);
    expect(a.transport.queuedBytes(2)).toBe(0);
  });

  it("a slow peer is dropped within one turn as well, and its onDown never comes from inside send", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair({ queueBytesMax: 1024 * 1024 });
    for (let i = 0; i < 20; i++) a.transport.send(2, new Uint8Array(100_000));
    expect(a.transport.queuedBytes(2)).toBe(0);
    expect(a.told.of("down")).toEqual([]);
    await Promise.all([a.told.next("down"), b.told.next("down")]);
    await Promise.all([a.told.next("up"), b.told.next("up")]);
  });

  it("frames to a peer without a link are dropped", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    a.transport.send(2, bytes("to nobody"));
    a.transport.disconnect(2, "was not there");
    expect(a.transport.queuedBytes(2)).toBe(0);
    using peer = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1));
    await a.told.next("up");
    a.transport.send(2, bytes("to somebody"));
    a.transport.flush();
    expect((await peer.frame())?.payload).toEqual(bytes("to somebody"));
  });
});

describe("setIdentity", () => {
  it("is announced to live links and in later handshakes", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair({ ensembleId: "" });
    a.transport.setIdentity({ ensembleId: ENSEMBLE, about: bytes("I found it") });
    const { peer } = await b.told.next("identity");
    expect(peer).toMatchObject({ id: 1, ensembleId: ENSEMBLE, about: bytes("I found it") });
    a.transport.disconnect(2, "to meet again");
    await b.told.next("down");
    expect((await b.told.next("up")).peer).toMatchObject({ ensembleId: ENSEMBLE, about: bytes("I found it") });
    // The same again is no news.
    a.transport.send(2, bytes("after"));
    await b.told.next("frame");
    expect(b.told.of("identity").length).toBe(1);
  });

  it("drops the links to members of another ensemble, and they cannot come back", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair({ ensembleId: "" }, { ensembleId: OTHER_ENSEMBLE });
    a.transport.setIdentity({ ensembleId: ENSEMBLE, about: bytes("") });
    expect((await a.told.next("down")).why).toContain(`member 2 to ${OTHER_ENSEMBLE}`);
    expect((await b.told.next("down")).why).toContain(`belongs to ensemble ${ENSEMBLE}`);
    await a.told.until(() => a.told.of("notice").some(({ text }) => text.includes("refused")));
    expect(a.told.of("up").length).toBe(1);
  });

  it("a peer that turns out to belong to another ensemble is dropped", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    using peer = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1, { ensembleId: "" }));
    await a.told.next("up");
    peer.say(frameKind.IDENTITY, encodeIdentity({ ensembleId: OTHER_ENSEMBLE, about: bytes("") }));
    expect((await a.told.next("down")).why).toContain(OTHER_ENSEMBLE);
    expect(a.told.of("identity")).toEqual([]);
  });
});
