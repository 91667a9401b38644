import { describe, expect, it } from "vitest";
import { frameKind } from "../../../src/transport/frame-kind.ts";
import { encodeHello } from "../../../src/transport/hello.ts";
import type { BulkReceiver, BulkSender } from "../../../src/transport/peer-transport.ts";
import { TransportError } from "../../../src/transport/transport-error.ts";
import { BULK_CHUNK_BYTES_MAX, BULK_HEADER_BYTES_MAX } from "../../../src/transport/transport-limits.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { helloOf, ScriptedListener, ScriptedPeer } from "./scripted-peer.ts";
import { bytes, type TestMember, TransportRig, textOf } from "./transport-rig.ts";

async function collect(stream: BulkReceiver): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** Opens from a to b and accepts. */
async function transfer(a: TestMember, b: TestMember, header = bytes("header")): Promise<[BulkSender, BulkReceiver]> {
  const opening = a.transport.openBulk(b.id, header);
  const { stream } = await b.told.next("bulk");
  stream.accept();
  return [await opening, stream];
}

describe("bulk connections", () => {
  it("carry a header and chunks, and end when the receiver has taken all", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair();
    const header = new Uint8Array(BULK_HEADER_BYTES_MAX).fill(7);
    const [sender, stream] = await transfer(a, b, header);
    expect(b.told.of("bulk")[0]).toMatchObject({ id: 1, header });
    const sizes = [1, BULK_CHUNK_BYTES_MAX, 0, 70_000, BULK_CHUNK_BYTES_MAX, 5];
    const collected = collect(stream);
    for (const [i, size] of sizes.entries()) await sender.write(new Uint8Array(size).fill(i));
    await sender.end();
    const chunks = await collected;
    expect(chunks.map(({ length }) => length)).toEqual(sizes);
    for (const [i, chunk] of chunks.entries()) expect(chunk.every((byte) => byte === i)).toBe(true);
    await expect(sender.write(bytes("more"))).rejects.toMatchObject({ reason: "aborted" });
    sender.abort("too late to matter");
  });

  it("end() waits for the reader to come back for more after the last chunk", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair();
    const [sender, stream] = await transfer(a, b);
    const reader = stream[Symbol.asyncIterator]();
    await sender.write(bytes("only"));
    let ended = false;
    const end = sender.end().then(() => {
      ended = true;
    });
    expect(textOf((await reader.next()).value as Uint8Array)).toBe("only");
    // A message there and back overtakes any confirmation there might have been.
    a.transport.send(2, bytes("ping"));
    await b.told.next("frame");
    b.transport.send(1, bytes("pong"));
    await a.told.next("frame");
    expect(ended).toBe(false);
    expect((await reader.next()).done).toBe(true);
    await end;
  });

  it("go to the address a joining member announced, which is on nobody's list", async () => {
    await using rig = new TransportRig();
    const leader = await rig.member(1);
    const joining = await rig.member(9);
    joining.transport.setPeers([{ id: 1, address: leader.transport.address }]);
    await leader.told.next("up");
    const [sender, stream] = await transfer(leader, joining);
    const collected = collect(stream);
    await sender.write(bytes("snapshot"));
    await sender.end();
    expect((await collected).map(textOf)).toEqual(["snapshot"]);
  });

  it("refused by the receiver: openBulk rejects with its reason", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair();
    const opening = a.transport.openBulk(2, bytes("header"));
    (await b.told.next("bulk")).stream.refuse("one transfer runs already");
    await expect(opening).rejects.toMatchObject({
      reason: "refused",
      message: "member 2 refused the transfer: one transfer runs already",
    });
  });

  it("refused in the handshake, unreachable, or to somebody unknown", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    const b = await rig.member(2);
    await expect(a.transport.openBulk(2, bytes(""))).rejects.toMatchObject({ reason: "unknown-peer" });
    a.transport.setPeers([{ id: 3, address: b.transport.address }]);
    await expect(a.transport.openBulk(3, bytes(""))).rejects.toMatchObject({
      reason: "refused",
      message: expect.stringContaining("member 3 was meant, but member 2 is at this address"),
    });
    a.transport.setPeers([{ id: 2, address: b.transport.address }]);
    await b.transport.stop();
    await expect(a.transport.openBulk(2, bytes(""))).rejects.toMatchObject({ reason: "unreachable" });
  });

  it("aborted by the sender: the reader's loop throws the reason", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair();
    const [sender, stream] = await transfer(a, b);
    const collected = collect(stream);
    await sender.write(bytes("some"));
    sender.abort("the read transaction grew too old");
    await expect(collected).rejects.toMatchObject({
      reason: "aborted",
      message: expect.stringContaining("member 1 gave up the transfer: the read transaction grew too old"),
    });
    await expect(sender.end()).rejects.toMatchObject({ reason: "aborted" });
  });

  it("left by the reader in the middle: the sender's next call rejects", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair();
    const [sender, stream] = await transfer(a, b);
    const reading = (async () => {
      for await (const chunk of stream) return chunk;
      return undefined;
    })();
    await sender.write(bytes("enough"));
    expect(textOf((await reading) as Uint8Array)).toBe("enough");
    await expect(sender.end()).rejects.toMatchObject({
      reason: "aborted",
      message: "member 2 gave up the transfer: the receiver stopped reading",
    });
  });

  it("hold the sender back while the reader does not read, and go on when it does", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair({ bulkBytesPerSecond: 1e12 });
    const [sender, stream] = await transfer(a, b);
    const total = 64;
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < total; i++) {
        await sender.write(new Uint8Array(BULK_CHUNK_BYTES_MAX).fill(i));
        written++;
      }
      await sender.end();
    })();
    // Messages pass meanwhile; a hundred exchanges are more turns than the buffers of the system last.
    for (let i = 0; i < 100; i++) {
      a.transport.send(2, bytes("still"));
      await b.told.next("frame");
    }
    expect(written).toBeLessThan(total / 2);
    const chunks = await collect(stream);
    await writing;
    expect(chunks.map((chunk) => chunk[0])).toEqual([...Array(total).keys()]);
  });

  it("keep to the rate, which all of a member's share, and never hold up messages", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair({ bulkBytesPerSecond: 1 });
    const [first, firstStream] = await transfer(a, b);
    const [second, secondStream] = await transfer(a, b);
    const readers = [collect(firstStream), collect(secondStream)];
    // The burst: at once. The next piece: in about twelve days, on either connection.
    await first.write(new Uint8Array(BULK_CHUNK_BYTES_MAX));
    const writes = [first.write(bytes("later")), second.write(bytes("later"))];
    let resolved = 0;
    for (const write of writes)
      write.then(
        () => resolved++,
        () => {},
      );
    a.transport.send(2, bytes("now"));
    expect(textOf((await b.told.next("frame")).bytes)).toBe("now");
    expect(resolved).toBe(0);
    for (const sender of [first, second]) sender.abort("enough waited");
    for (const write of writes) await expect(write).rejects.toMatchObject({ reason: "aborted" });
    for (const reader of readers) await expect(reader).rejects.toThrow("enough waited");
  });

  it("cut: both ends throw", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1);
    const b = await rig.member(2);
    await using proxy = await TcpProxy.start(b.transport.address);
    a.transport.setPeers([{ id: 2, address: proxy.endpoint }]);
    await b.told.next("up");
    const [sender, stream] = await transfer(a, b);
    const collected = collect(stream);
    await sender.write(bytes("some"));
    const failures = [
      expect(sender.end()).rejects.toMatchObject({ reason: "lost" }),
      expect(collected).rejects.toMatchObject({ reason: "lost" }),
    ];
    proxy.cut();
    await Promise.all(failures);
  });

  it("a stalled one is given up by both ends after the idle time-out", async () => {
    await using rig = new TransportRig();
    const a = await rig.member(1, { bulkIdleMs: 300 });
    const b = await rig.member(2, { bulkIdleMs: 300 });
    await using proxy = await TcpProxy.start(b.transport.address);
    a.transport.setPeers([{ id: 2, address: proxy.endpoint }]);
    await b.told.next("up");
    const [sender, stream] = await transfer(a, b);
    proxy.stall("both");
    const collected = collect(stream);
    await Promise.all([
      expect(sender.end()).rejects.toMatchObject({ reason: "idle" }),
      expect(collected).rejects.toMatchObject({ reason: "idle" }),
    ]);
  });

  it("one that nobody accepts is given up by the receiver", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair({}, { bulkIdleMs: 30 });
    const opening = a.transport.openBulk(2, bytes(""));
    const { stream } = await b.told.next("bulk");
    await expect(opening).rejects.toThrow("nobody accepted or refused it for 30 ms");
    stream.accept();
    await expect(collect(stream)).rejects.toMatchObject({ reason: "idle" });
  });

  it("a damaged chunk, a lost one, a chunk before accept and a message have no place there", async () => {
    await using rig = new TransportRig();
    const b = await rig.member(2);
    const open = async (attempt: number): Promise<ScriptedPeer> =>
      await ScriptedPeer.dialAs(b.transport.address, helloOf(1, 2, { purpose: "bulk", attempt }));
    using early = await open(1);
    await b.told.next("bulk");
    early.say(frameKind.CHUNK, bytes("too early"));
    await early.end();
    using chatty = await open(2);
    const { stream } = await b.told.next("bulk");
    stream.accept();
    chatty.say(frameKind.MESSAGE, bytes("not here"));
    await expect(collect(stream)).rejects.toThrow("a frame of kind 4 on a bulk connection");
    using damaged = await open(3);
    const other = (await b.told.next("bulk")).stream;
    other.accept();
    await damaged.frame();
    damaged.frames.socket.write(Uint8Array.of(1, 0, 0, frameKind.CHUNK, 3, 0, 0, 0, 1, 2, 3, 4, 5));
    await expect(collect(other)).rejects.toThrow("checksum: frame 3");
  });

  it("stopping either side ends them with the reason", async () => {
    await using rig = new TransportRig();
    const [a, b] = await rig.pair();
    const [sender, stream] = await transfer(a, b);
    const collected = collect(stream);
    const [other, otherStream] = await transfer(b, a);
    const otherCollected = collect(otherStream);
    const failures = [
      expect(collected).rejects.toThrow("member 1 is stopping"),
      expect(otherCollected).rejects.toThrow("member 1 is stopping"),
    ];
    await a.transport.stop();
    await Promise.all(failures);
    await expect(sender.write(bytes(""))).rejects.toThrow("member 1 is stopping");
    await expect(other.end()).rejects.toBeInstanceOf(TransportError);
  });

  it("one being opened ends with the transport", async () => {
    await using rig = new TransportRig();
    await using listener = await ScriptedListener.start();
    const a = await rig.member(1);
    a.transport.setPeers([{ id: 2, address: listener.address }]);
    using link = await listener.peer();
    await link.hello();
    link.say(frameKind.HELLO, encodeHello(helloOf(2, 1)));
    await a.told.next("up");
    const opening = a.transport.openBulk(2, bytes(""));
    using bulk = await listener.peer();
    expect((await bulk.hello()).purpose).toBe("bulk");
    const failure = expect(opening).rejects.toMatchObject({ reason: "stopped" });
    await a.transport.stop();
    await failure;
  });
});
