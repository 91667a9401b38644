import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { snapshotFileName } from "../../src/storage/snapshot/snapshot-files.ts";
import { TRANSFER_PIECE_BYTES_MAX } from "../../src/storage/snapshot/snapshot-transfer.ts";
import { SnapshotTransferError, type TransferReason } from "../../src/storage/snapshot/transfer-error.ts";
import { BULK_CHUNK_BYTES_MAX } from "../../src/transport/transport-limits.ts";
import { znode } from "../unit/storage/snapshot/snapshot-fixtures.ts";
import { memoryRig, type OpenStore, type Rig, sqliteRig } from "../unit/storage/snapshot/snapshot-rig.ts";
import {
  chunksOf,
  drain,
  expected,
  joined,
  largeRound,
  ROUND_ZXID,
  type Round,
  received,
  roundOf,
  sealedZnode,
  smallRound,
  stream,
} from "../unit/storage/snapshot/transfer-fixtures.ts";

const rigs = [
  ["SQLite and its threads", sqliteRig],
  ["memory", memoryRig],
] as const;

/** A store with one round committed. */
async function holding(rig: Rig, round: Round): Promise<OpenStore> {
  const opened = await rig.open();
  await opened.round(round, round.meta);
  return opened;
}

async function refusal(work: Promise<unknown>): Promise<TransferReason> {
  const error = await work.then(
    () => expect.unreachable("it was not refused"),
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(SnapshotTransferError);
  return (error as SnapshotTransferError).reason;
}

describe.for(rigs)("the contract of snapshot transfers: %s", ([, makeRig]) => {
  it("core.md 36: what a member sends, a learner has, field by field, and goes on from there", async () => {
    const sender = makeRig();
    const source = await holding(sender, smallRound);
    const learner = makeRig();
    const old = await learner.open();
    const transfer = await source.store.openTransfer();
    expect(transfer.zxid).toBe(ROUND_ZXID);
    expect(transfer.meta).toEqual(smallRound.meta);
    const installed = await stream(transfer, learner.install());
    expect(installed.zxid).toBe(ROUND_ZXID);
    expect(installed.file).toContain(snapshotFileName(ROUND_ZXID));

    learner.name(installed.zxid);
    await old.store.close();
    learner.removeLeftovers();
    expect(learner.files()).toEqual([snapshotFileName(ROUND_ZXID)]);
    expect(received(learner)).toEqual(expected(smallRound));

    const next = await learner.open();
    expect(next.store.lastZxid).toBe(ROUND_ZXID);
    const meta = { ...smallRound.meta, zxid: ROUND_ZXID + 1, nextSerial: 11, nodeCount: 7 };
    const added = sealedZnode(znode({ serial: 10, parentSerial: 1, name: "later" }));
    await next.round({ znodes: [added] }, meta);
    await next.store.close();
    expect(received(learner)).toEqual(
      expected({ znodes: [...smallRound.znodes, added], sessions: smallRound.sessions, meta }),
    );
    await source.store.close();
  });

  it("core.md 35: a received snapshot is not current until the journal names it", async () => {
    const source = await holding(makeRig(), largeRound(7, 100));
    const learner = makeRig();
    const old = await holding(learner, smallRound);
    await stream(await source.store.openTransfer(), learner.install());
    expect(received(learner)).toEqual(expected(smallRound));
    expect(learner.files()).toContain(snapshotFileName(7));
    // A start before the record was durable: the received file is a leftover.
    await old.store.close();
    learner.removeLeftovers();
    expect(learner.files()).toEqual([snapshotFileName(0)]);
    expect(received(learner)).toEqual(expected(smallRound));
    await source.store.close();
  });

  it("core.md 35: a second install replaces the first, whether its zxid is lower or higher", async () => {
    const learner = makeRig();
    await (await learner.open()).store.close();
    for (const zxid of [500, 300, 800]) {
      const round = largeRound(zxid, 50);
      const source = await holding(makeRig(), round);
      await stream(await source.store.openTransfer(), learner.install());
      learner.name(zxid);
      expect(received(learner)).toEqual(expected(round));
      learner.removeLeftovers();
      expect(learner.files()).toEqual([snapshotFileName(zxid)]);
      await source.store.close();
    }
  });

  it("core.md 36: all chunks are of one round, whatever is committed meanwhile", async () => {
    const round = largeRound(1);
    const opened = await holding(makeRig(), round);
    const transfer = await opened.store.openTransfer();
    const begun = [await transfer.next(), await transfer.next()] as Uint8Array[];
    for (let zxid = 2; zxid <= 4; zxid++) {
      const { znodes, meta } = largeRound(zxid);
      await opened.round({ znodes: znodes.slice(1), deleted: [zxid], closed: [zxid] }, { ...meta, nodeCount: 9000 });
    }
    expect(opened.store.lastZxid).toBe(4);
    const learner = makeRig();
    await (await learner.open()).store.close();
    const install = learner.install();
    for (const chunk of begun) await install.write(chunk);
    await stream(transfer, install);
    learner.name(1);
    expect(received(learner)).toEqual(expected(round));
    await opened.store.close();
  });

  it("sends large rounds in several chunks of bounded size", async () => {
    const opened = await holding(makeRig(), largeRound(1));
    const chunks = await drain(await opened.store.openTransfer());
    expect(chunks.length).toBeGreaterThan(6);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(1024 * 1024);
    expect(Math.min(...chunks.slice(1, -2).map(({ length }) => length))).toBeGreaterThanOrEqual(512 * 1024);
    await opened.store.close();
  });

  it("sends a row, or a meta, that is larger than one message in several pieces", async () => {
    const history = new Uint8Array(3 * 1024 * 1024).map((_, i) => i * 7);
    const data = new Uint8Array(2 * 1024 * 1024 + 5).map((_, i) => i * 11);
    const round = roundOf(
      [
        znode({}),
        znode({ serial: 2, parentSerial: 1, name: "large", data }),
        znode({ serial: 3, parentSerial: 1, name: "b" }),
      ],
      [],
      { zxid: 9, history },
    );
    const opened = await holding(makeRig(), round);
    const learner = makeRig();
    await (await learner.open()).store.close();
    const install = learner.install();
    const sizes: number[] = [];
    for (const piece of await drain(await opened.store.openTransfer())) {
      sizes.push(piece.length);
      await install.write(piece);
    }
    expect(Math.max(...sizes)).toBe(TRANSFER_PIECE_BYTES_MAX);
    expect(TRANSFER_PIECE_BYTES_MAX).toBeLessThanOrEqual(BULK_CHUNK_BYTES_MAX);
    await install.finish();
    learner.name(9);
    expect(received(learner)).toEqual(expected(round));
    await opened.store.close();
  });

  it("there is nothing to send before the first round", async () => {
    const opened = await makeRig().open();
    expect(opened.store.lastZxid).toBe(0);
    expect(await refusal(opened.store.openTransfer())).toBe("NO_ROUND");
    await opened.round(smallRound, smallRound.meta);
    expect(opened.store.lastZxid).toBe(ROUND_ZXID);
    expect(await drain(await opened.store.openTransfer())).toHaveLength(3);
    await opened.store.close();
  });

  it("core.md 36: at most two at once; a third is refused by name, until one has ended", async () => {
    const opened = await holding(makeRig(), smallRound);
    const first = await opened.store.openTransfer();
    const second = await opened.store.openTransfer();
    expect(await refusal(opened.store.openTransfer())).toBe("TOO_MANY_TRANSFERS");
    first.close();
    first.close();
    const third = await opened.store.openTransfer();
    expect(await refusal(opened.store.openTransfer())).toBe("TOO_MANY_TRANSFERS");
    expect(joined(await drain(third))).toEqual(joined(await drain(second)));
    await opened.store.close();
  });

  it("a closed transfer, and one of a closed store, say so", async () => {
    const opened = await holding(makeRig(), smallRound);
    const first = await opened.store.openTransfer();
    first.close();
    expect(await refusal(first.next())).toBe("CLOSED");
    const second = await opened.store.openTransfer();
    await opened.store.close();
    expect(await refusal(second.next())).toBe("CLOSED");
    expect(await refusal(opened.store.openTransfer())).toBe("CLOSED");
  });

  it("the bytes may come in pieces of any size", async () => {
    const bytes = joined(chunksOf(smallRound));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }), async (sizes) => {
        const learner = makeRig();
        await (await learner.open()).store.close();
        const install = learner.install();
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = at + (sizes[i % sizes.length] as number);
          await install.write(bytes.subarray(at, end));
          at = end;
        }
        learner.name((await install.finish()).zxid);
        expect(received(learner)).toEqual(expected(smallRound));
      }),
      { numRuns: 5 },
    );
  });

  it.for([
    ["cut", (chunks: Uint8Array[]) => [joined(chunks).slice(0, -1)]],
    ["without its last chunk", (chunks: Uint8Array[]) => chunks.slice(0, -1)],
    ["without its first chunk", (chunks: Uint8Array[]) => chunks.slice(1)],
    ["with a chunk missing", (chunks: Uint8Array[]) => chunks.filter((_, i) => i !== 2)],
    ["with a chunk twice", (chunks: Uint8Array[]) => [...chunks.slice(0, 2), ...chunks.slice(1)]],
    ["with two chunks exchanged", ([a, b, c, ...rest]: Uint8Array[]) => [a, c, b, ...rest]],
    ["with bytes after its end", (chunks: Uint8Array[]) => [...chunks, new Uint8Array(1)]],
    ["empty", () => []],
    ["with a bit flipped", (chunks: Uint8Array[]) => [joined(chunks).map((byte, i) => (i === 200 ? byte ^ 4 : byte))]],
    [
      "with a wrong row",
      () => chunksOf({ ...smallRound, znodes: smallRound.znodes.map((row) => ({ ...row, mtime: 1 })) }),
    ],
  ] as const)("core.md 36: a transfer %s is refused by name, and nothing is installed", async ([, damage]) => {
    const learner = makeRig();
    const opened = await holding(learner, largeRound(1, 50));
    const before = learner.files();
    const install = learner.install();
    const receive = async () => {
      for (const piece of damage(chunksOf(smallRound))) await install.write((piece as Uint8Array).slice());
      await install.finish();
    };
    expect(await refusal(receive())).toBe("DAMAGED_TRANSFER");
    await install.abort();
    expect(learner.files()).toEqual(before);
    expect(received(learner)).toEqual(expected(largeRound(1, 50)));
    await opened.store.close();
  });

  it("a snapshot at the zxid where the current file began is refused: its file could not be replaced", async () => {
    const learner = makeRig();
    await (await learner.open()).store.close();
    const install = async () => {
      const begun = learner.install();
      for (const chunk of chunksOf(smallRound)) await begun.write(chunk);
      return begun.finish();
    };
    // Twice before the journal names it: the first is a leftover, and the second takes its place.
    await install();
    learner.name((await install()).zxid);
    expect(await refusal(install())).toBe("SAME_FILE");
    expect(received(learner)).toEqual(expected(smallRound));
  });

  it("an install that is given up leaves nothing", async () => {
    const learner = makeRig();
    await (await learner.open()).store.close();
    const install = learner.install();
    for (const chunk of chunksOf(smallRound).slice(0, 3)) await install.write(chunk);
    await install.abort();
    await install.abort();
    expect(learner.files()).toEqual([snapshotFileName(0)]);
    expect(await refusal(install.write(new Uint8Array(1)))).toBe("CLOSED");
    expect(await refusal(install.finish())).toBe("CLOSED");
  });

  it("giving up after the end is nothing", async () => {
    const learner = makeRig();
    await (await learner.open()).store.close();
    const install = learner.install();
    for (const chunk of chunksOf(roundOf([znode({})], [], { zxid: 9 }))) await install.write(chunk);
    await install.finish();
    await install.abort();
    expect(learner.files()).toEqual([snapshotFileName(0), snapshotFileName(9)]);
  });
});
