import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { frameKind } from "../../../src/transport/frame-kind.ts";
import { encodeHello } from "../../../src/transport/hello.ts";
import { encodeRefusal } from "../../../src/transport/refusal.ts";
import { helloOf, ScriptedListener, ScriptedPeer } from "./scripted-peer.ts";
import { bytes, type TestMember, TransportRig, textOf } from "./transport-rig.ts";

async function exchange(a: TestMember, b: TestMember, text: string): Promise<void> {
  a.transport.send(b.id, bytes(`${text} there`));
  b.transport.send(a.id, bytes(`${text} back`));
  expect(textOf((await b.told.next("frame")).bytes)).toBe(`${text} there`);
  expect(textOf((await a.told.next("frame")).bytes)).toBe(`${text} back`);
}

describe("two members that dial each other", () => {
  it("at once, again and again: one link comes up, once, and stays; nobody is told of the other", async () => {
    for (let round = 0; round < 30; round++) {
      await using rig = new TransportRig();
      const a = await rig.member(1);
      const b = await rig.member(2);
      a.transport.setPeers([{ id: 2, address: b.transport.address }]);
      b.transport.setPeers([{ id: 1, address: a.transport.address }]);
      await Promise.all([a.told.next("up"), b.told.next("up")]);
      for (let i = 0; i < 5; i++) await exchange(a, b, `${i}`);
      for (const { told } of [a, b]) {
        expect(told.of("up").length).toBe(1);
        expect(told.of("down")).toEqual([]);
        expect(told.of("notice")).toEqual([]);
      }
    }
  });

  it("seven of them: every pair has one link, and every link carries frames", async () => {
    await using rig = new TransportRig();
    const members = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((id) => rig.member(id)));
    const peers = members.map(({ id, transport }) => ({ id, address: transport.address }));
    for (const { transport } of members) transport.setPeers(peers);
    for (const { told } of members) await told.until(() => told.of("up").length === 6);
    for (const from of members) for (const { id } of members) from.transport.send(id, bytes(`${from.id} to ${id}`));
    for (const { id, told } of members) {
      await told.until(() => told.of("frame").length === 6);
      const others = peers.filter((peer) => peer.id !== id).map((peer) => `${peer.id} to ${id}`);
      expect(
        told
          .of("frame")
          .map((frame) => textOf(frame.bytes))
          .sort(),
      ).toEqual(others);
      expect(told.of("down")).toEqual([]);
      expect(told.of("notice")).toEqual([]);
    }
  });

  it("the higher id holds the lower one's dial back while its own is out, and refuses it once up", async () => {
    await using rig = new TransportRig();
    await using listener = await ScriptedListener.start();
    const high = await rig.member(9);
    high.transport.setPeers([{ id: 2, address: listener.address }]);
    using dialled = await listener.peer();
    await dialled.hello();
    using dialling = await ScriptedPeer.dial(high.transport.address);
    dialling.say(frameKind.HELLO, encodeHello(helloOf(2, 9, { attempt: 1 })));
    dialled.say(frameKind.HELLO, encodeHello(helloOf(2, 9, { attempt: 2 })));
    await high.told.next("up");
    expect((await dialling.refusal()).rule).toBe("superseded");
    expect((await dialled.frame())?.kind).toBe(frameKind.READY);
    expect(high.told.of("notice")).toEqual([]);
    expect(high.told.of("up").length).toBe(1);
  });

  it("the higher id takes the lower one's dial in the end if its own is never answered", async () => {
    await using rig = new TransportRig();
    await using listener = await ScriptedListener.start();
    const high = await rig.member(9);
    high.transport.setPeers([{ id: 2, address: listener.address }]);
    using dialled = await listener.peer();
    await dialled.hello();
    using dialling = await ScriptedPeer.dialAs(high.transport.address, helloOf(2, 9));
    expect((await high.told.next("up")).peer.id).toBe(2);
    await dialled.end();
    expect(dialling.closed).toBeUndefined();
  });

  it("the higher id takes the lower one's dial at once if its own is refused", async () => {
    await using rig = new TransportRig();
    await using listener = await ScriptedListener.start();
    const high = await rig.member(9);
    high.transport.setPeers([{ id: 2, address: listener.address }]);
    using dialled = await listener.peer();
    await dialled.hello();
    using dialling = await ScriptedPeer.dial(high.transport.address);
    dialling.say(frameKind.HELLO, encodeHello(helloOf(2, 9)));
    dialled.frames.socket.resetAndDestroy();
    await dialling.hello();
    dialling.say(frameKind.READY);
    await high.told.next("up");
  });

  it("the lower id takes the higher one's dial at once, even while its own is out", async () => {
    await using rig = new TransportRig();
    await using listener = await ScriptedListener.start();
    const low = await rig.member(1);
    low.transport.setPeers([{ id: 5, address: listener.address }]);
    using dialled = await listener.peer();
    await dialled.hello();
    using dialling = await ScriptedPeer.dialAs(low.transport.address, helloOf(5, 1));
    await low.told.next("up");
    await dialled.end();
    expect(dialling.closed).toBeUndefined();
    expect(low.told.of("notice")).toEqual([]);
  });
});

describe("a member that dials although there is a link", () => {
  it("meant it before the link came up: its connection is dropped silently and the link stays", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    using link = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1, { attempt: 7 }));
    await a.told.next("up");
    using late = await ScriptedPeer.dial(a.transport.address);
    late.say(frameKind.HELLO, encodeHello(helloOf(2, 1, { attempt: 6 })));
    expect((await late.refusal()).rule).toBe("superseded");
    link.say(frameKind.MESSAGE, bytes("still here"));
    expect(textOf((await a.told.next("frame")).bytes)).toBe("still here");
    expect(a.told.of("down")).toEqual([]);
    expect(a.told.of("notice")).toEqual([]);
  });

  it.each([
    ["dials anew", { attempt: 8 }],
    ["was restarted", { attempt: 1, processId: "another process" }],
  ])("%s: the old link is reported down before the new one comes up", async (_name, changes) => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    using old = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1, { attempt: 7 }));
    await a.told.next("up");
    using fresh = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1, changes));
    await a.told.until(() => a.told.of("up").length === 2);
    expect(a.told.all.map(({ kind }) => kind)).toEqual(["up", "down", "up"]);
    await old.end();
    a.transport.send(2, bytes("to the new one"));
    expect((await fresh.frame())?.payload).toEqual(bytes("to the new one"));
  });

  it("agrees too late: the link that came up between its HELLO and its READY is kept, by the same rules", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    const early = [helloOf(2, 1, { attempt: 1 }), helloOf(2, 1, { incarnation: "a clone" })];
    const late = await Promise.all(early.map(() => ScriptedPeer.dial(a.transport.address)));
    for (const [i, peer] of late.entries()) {
      peer.say(frameKind.HELLO, encodeHello(early[i] ?? helloOf(2, 1)));
      await peer.hello();
    }
    using link = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1, { attempt: 2 }));
    await a.told.next("up");
    for (const [i, rule] of (["superseded", "identity"] as const).entries()) {
      late[i]?.say(frameKind.READY);
      expect((await late[i]?.refusal())?.rule).toBe(rule);
    }
    expect(a.told.of("down")).toEqual([]);
    expect(link.closed).toBeUndefined();
  });

  it("is told so by a listener that changed its mind, and takes it for the end of the link", async () => {
    await using rig = new TransportRig();
    await using listener = await ScriptedListener.start();
    const a = await rig.member(1);
    a.transport.setPeers([{ id: 2, address: listener.address }]);
    using peer = await listener.peer();
    await peer.hello();
    peer.say(frameKind.HELLO, encodeHello(helloOf(2, 1)));
    await a.told.next("up");
    peer.say(frameKind.REFUSE, encodeRefusal({ rule: "superseded", text: "another one is kept" }));
    expect((await a.told.next("down")).why).toBe("refused: another one is kept");
    expect(a.told.of("notice")).toEqual([]);
  });

  it("has another incarnation: two claim one id, and the newcomer is refused by name", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    using first = await ScriptedPeer.dialAs(a.transport.address, helloOf(2, 1));
    await a.told.next("up");
    using second = await ScriptedPeer.dial(a.transport.address);
    second.say(frameKind.HELLO, encodeHello(helloOf(2, 1, { incarnation: "a clone", attempt: 9 })));
    const text = "two members claim id 2: incarnations incarnation-2, connected from 127.0.0.1, and a clone";
    expect(await second.refusal()).toEqual({ rule: "identity", text });
    expect(a.told.of("notice").map((notice) => notice.text)).toEqual([expect.stringContaining(text)]);
    expect(a.told.of("down")).toEqual([]);
    // Once the first is gone, the other is the member.
    const closed = once(first.frames.socket, "close");
    first[Symbol.dispose]();
    await Promise.all([closed, a.told.next("down")]);
    using third = await ScriptedPeer.dialAs(
      a.transport.address,
      helloOf(2, 1, { incarnation: "a clone", attempt: 10 }),
    );
    expect((await a.told.next("up")).peer.incarnation).toBe("a clone");
    expect(third.closed).toBeUndefined();
  });
});
