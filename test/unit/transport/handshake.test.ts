import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { MAGIC } from "../../../src/transport/frame-codec.ts";
import { frameKind } from "../../../src/transport/frame-kind.ts";
import { encodeHello } from "../../../src/transport/hello.ts";
import { helloOf, ScriptedListener, ScriptedPeer } from "./scripted-peer.ts";
import { bytes, ENSEMBLE, OTHER_ENSEMBLE, TransportRig } from "./transport-rig.ts";

async function raw(address: string, sent: Uint8Array): Promise<void> {
  const socket = connect(Number(address.slice(address.lastIndexOf(":") + 1)), "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  await once(socket, "connect");
  // Not once(): a reset is an end as well.
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(sent);
  await closed;
}

describe("handshake: what a listener refuses", () => {
  const strangers = [
    ["an HTTP request", bytes("GET / HTTP/1.1\r\n\r\n"), "does not speak Muster's protocol"],
    ["a TLS client", Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00), "speaks TLS"],
    ["a later framing", Uint8Array.of(...MAGIC.slice(0, 7), 9), "framing version 9"],
    ["garbage after the magic", Uint8Array.of(...MAGIC, ...new Uint8Array(40).fill(0xee)), "length:"],
    ["a frame out of sequence", Uint8Array.of(...MAGIC, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0), "sequence: frame 7"],
    ["a damaged frame", Uint8Array.of(...MAGIC, 0, 0, 0, 1, 1, 0, 0, 0, 9, 9, 9, 9), "checksum:"],
  ] as const;
  it.each(strangers)("%s: closed, with a notice that names the rule, once", async (_name, sent, rule) => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    await raw(a.transport.address, sent);
    await raw(a.transport.address, sent);
    expect(a.told.of("notice").map(({ text }) => text)).toEqual([expect.stringContaining(rule)]);
    expect(a.told.of("notice")[0]?.text).toContain("a stranger at 127.0.0.1");
    expect(a.told.of("up")).toEqual([]);
  });

  it("a frame that is no HELLO, a HELLO that cannot be read, and READY too early are told so", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    const firsts: [number, Uint8Array][] = [
      [frameKind.MESSAGE, bytes("hello?")],
      [frameKind.READY, new Uint8Array(0)],
      [frameKind.HELLO, bytes("hello!")],
    ];
    for (const [kind, payload] of firsts) {
      using peer = await ScriptedPeer.dial(a.transport.address);
      peer.say(kind, payload);
      expect((await peer.refusal()).rule).toBe("malformed");
    }
    expect(a.told.of("up")).toEqual([]);
  });

  it("a connection that says nothing, or stops after its HELLO, is closed in bounded time", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1, { handshakeMs: 250 });
    using silent = await ScriptedPeer.dial(a.transport.address);
    await silent.end();
    using half = await ScriptedPeer.dial(a.transport.address);
    half.say(frameKind.HELLO, encodeHello(helloOf(2, 1)));
    await half.hello();
    await half.end();
    const notices = a.told.of("notice").map(({ text }) => text);
    expect(notices).toEqual([
      expect.stringContaining("a stranger at 127.0.0.1 came to nothing: no handshake within 250 ms"),
      expect.stringContaining("member 2 at 127.0.0.1 came to nothing: no handshake within 250 ms"),
    ]);
    expect(a.told.of("up")).toEqual([]);
  });

  const wrong = [
    ["another ensemble", { ensembleId: OTHER_ENSEMBLE }, "ensemble", `belongs to ensemble ${ENSEMBLE}`],
    ["another target", { targetId: 9 }, "identity", "member 9 was meant, but member 1 is at this address"],
    ["this member's own id", { senderId: 1, incarnation: "x" }, "identity", "two members claim id 1: incarnations"],
    ["this member itself", { senderId: 1, incarnation: "incarnation-1" }, "identity", "member 1 reached itself"],
    [
      "a version to come",
      { versionMin: 2, versionMax: 3 },
      "version",
      "protocol versions 1 to 1, the other side 2 to 3",
    ],
  ] as const;
  it.each(wrong)(
    "%s: the other side reads why, and both say it once however often it is tried",
    async (_name, changes, rule, text) => {
      await using rig = new TransportRig();
      const a = await rig.member(1);
      for (let i = 0; i < 3; i++) {
        using peer = await ScriptedPeer.dial(a.transport.address);
        peer.say(frameKind.HELLO, encodeHello(helloOf(2, 1, changes)));
        expect(await peer.refusal()).toEqual({ rule, text: expect.stringContaining(text) });
      }
      expect(a.told.of("notice").length).toBe(1);
      expect(a.told.of("notice")[0]?.text).toContain(text);
      expect(a.told.of("up")).toEqual([]);
    },
  );

  it("a range of versions that overlaps, and fields that a later version appended, are taken", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    using peer = await ScriptedPeer.dial(a.transport.address);
    const hello = encodeHello(helloOf(2, 1, { versionMax: 7 }));
    peer.say(frameKind.HELLO, Uint8Array.of(...hello, 1, 2, 3));
    await peer.hello();
    peer.say(frameKind.READY);
    expect((await a.told.next("up")).peer.id).toBe(2);
  });

  it("members without an ensemble meet anyone", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair({ ensembleId: "" }, {});
    expect(a.told.of("up")[0]?.peer.ensembleId).toBe(ENSEMBLE);
    expect(b.told.of("up")[0]?.peer.ensembleId).toBe("");
  });

  it("more connections in their handshake than allowed push out the oldest", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    using first = await ScriptedPeer.dial(a.transport.address);
    const others: ScriptedPeer[] = [];
    for (let i = 0; i < 64; i++) others.push(await ScriptedPeer.dial(a.transport.address));
    await first.end();
    using last = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1));
    await a.told.next("up");
    expect(last.closed).toBeUndefined();
    for (const other of others) other[Symbol.dispose]();
  });
});

describe("handshake: what a dialler refuses", () => {
  it("another member at the address: refused by name on both sides, told once over retries", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    const b = await rig.member(2);
    a.transport.setPeers([{ id: 3, address: b.transport.address }]);
    const [told, refused] = await Promise.all([a.told.next("notice"), b.told.next("notice")]);
    expect(told.text).toContain("member 3 was meant, but member 2 is at this address");
    expect(refused.text).toContain("member 3 was meant, but member 2 is at this address");
  });

  it("an answer in another's name, an answer that cannot be read, and one out of turn", async () => {
    await using rig = new TransportRig();
    await using listener = await ScriptedListener.start();
    const a = await rig.member(1);
    a.transport.setPeers([{ id: 2, address: listener.address }]);
    using impostor = await listener.peer();
    expect((await impostor.hello()).targetId).toBe(2);
    impostor.say(frameKind.HELLO, encodeHello(helloOf(3, 1)));
    expect((await impostor.refusal()).text).toBe("member 2 was meant, but member 3 is at this address");
    using stammerer = await listener.peer();
    await stammerer.hello();
    stammerer.say(frameKind.HELLO, bytes("er"));
    expect((await stammerer.refusal()).rule).toBe("malformed");
    using hasty = await listener.peer();
    await hasty.hello();
    hasty.say(frameKind.MESSAGE, bytes("too early"));
    await hasty.end();
    const notices = a.told.of("notice").map(({ text }) => text);
    expect(notices).toEqual([
      expect.stringContaining("refused member 2"),
      expect.stringContaining("cannot be read"),
      expect.stringContaining("a frame of kind 4"),
    ]);
    expect(a.told.of("up")).toEqual([]);
  });

  it("garbage and silence in answer: named, and dialled again until it is a member", async () => {
    await using rig = new TransportRig();
    await using listener = await ScriptedListener.start();
    const a = await rig.member(1, { handshakeMs: 250 });
    a.transport.setPeers([{ id: 2, address: listener.address }]);
    (await listener.socket()).write("SSH-2.0-OpenSSH_9.2\r\n");
    expect((await a.told.next("notice")).text).toContain("does not speak Muster's protocol");
    await listener.socket();
    expect((await a.told.next("notice")).text).toContain("no handshake within 250 ms");
    using member = await listener.peer();
    await member.hello();
    member.say(frameKind.HELLO, encodeHello(helloOf(2, 1)));
    expect((await member.frame())?.kind).toBe(frameKind.READY);
    expect((await a.told.next("up")).peer.id).toBe(2);
  });

  it("a refusal is told once however often the retry meets it, and again after a link", async () => {
    await using rig = new TransportRig();
    await using listener = await ScriptedListener.start();
    const a = await rig.member(1);
    a.transport.setPeers([{ id: 2, address: listener.address }]);
    const refuse = async (): Promise<void> => {
      using peer = await listener.peer();
      await peer.hello();
      peer.say(frameKind.REFUSE, Uint8Array.of(4, ...bytes("go away\u001b[2J")));
      await peer.end();
    };
    for (let i = 0; i < 3; i++) await refuse();
    expect(a.told.of("notice").map(({ text }) => text)).toEqual([
      `member 2 at ${listener.address} refused: go away?[2J`,
    ]);
    {
      using member = await listener.peer();
      await member.hello();
      member.say(frameKind.HELLO, encodeHello(helloOf(2, 1)));
      await a.told.next("up");
    }
    await a.told.next("down");
    await refuse();
    await a.told.until(() => a.told.of("notice").length === 2);
  });

  it("an address that is none, or that nobody listens on, is told once", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    const gone = await ScriptedListener.start();
    const { address } = gone;
    await gone[Symbol.asyncDispose]();
    a.transport.setPeers([
      { id: 2, address: "nowhere" },
      { id: 3, address },
    ]);
    await a.told.until(() => a.told.of("notice").length === 2);
    const texts = a.told.of("notice").map(({ text }) => text);
    expect(texts.sort()).toEqual([
      `member 2 at nowhere cannot be reached: its address has no port`,
      `member 3 at ${address} cannot be reached: connection refused`,
    ]);
  });
});
