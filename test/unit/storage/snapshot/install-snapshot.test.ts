import { describe, expect, it } from "vitest";
import { installSnapshot } from "../../../../src/storage/snapshot/install-snapshot.ts";
import { createSnapshot } from "../../../../src/storage/snapshot/snapshot-files.ts";
import { temporaryDirectory } from "./snapshot-fixtures.ts";
import { chunksOf, largeRound, smallRound } from "./transfer-fixtures.ts";

function directory(): string {
  const made = temporaryDirectory();
  createSnapshot(made, 0);
  return made;
}

describe("the thread that receives a snapshot", () => {
  it("takes memory that a piece covers whole, and copies a part of other memory", async () => {
    const [first, second, ...rest] = chunksOf(smallRound) as [Uint8Array, Uint8Array, ...Uint8Array[]];
    const install = installSnapshot({ directory: directory() });
    const around = new Uint8Array(first.length + 10);
    around.set(first, 5);
    await install.write(around.subarray(5, 5 + first.length));
    expect(around.length).toBe(first.length + 10);
    await install.write(second);
    expect(second.length).toBe(0);
    for (const chunk of rest) await install.write(Buffer.from(chunk));
    expect((await install.finish()).zxid).toBe(smallRound.meta.zxid);
  });

  it("core.md 40: lets its caller wait while more than 4 MiB are on their way", async () => {
    const round = largeRound(5, 40_000);
    const install = installSnapshot({ directory: directory() });
    let handedOver = 0;
    let resolvedAt = Number.NaN;
    const writes = chunksOf(round, 4000).map((chunk) => {
      const before = handedOver;
      handedOver += chunk.length;
      return install.write(chunk).then(() => {
        // The first one that had to wait resolves when the thread has caught up, not before.
        if (before > 4 * 1024 * 1024 && Number.isNaN(resolvedAt)) resolvedAt = before;
      });
    });
    expect(handedOver).toBeGreaterThan(6 * 1024 * 1024);
    await writes[0];
    expect(resolvedAt).toBeNaN();
    await Promise.all(writes);
    expect(resolvedAt).toBeGreaterThan(0);
    await install.finish();
  });

  it("rejects what waits when the transfer is refused, and all that comes after, with the same error", async () => {
    const install = installSnapshot({ directory: directory() });
    const wrong = chunksOf(largeRound(5, 40_000), 4000).reverse();
    const results = await Promise.allSettled(wrong.map((chunk) => install.write(chunk)));
    expect(results.filter(({ status }) => status === "rejected").length).toBeGreaterThan(0);
    await expect(install.write(new Uint8Array(1))).rejects.toThrow(/^DAMAGED_TRANSFER: chunk 0: chunk \d+ came/);
    await expect(install.finish()).rejects.toThrow(/^DAMAGED_TRANSFER/);
    await install.abort();
  });

  it("names a directory that is not there", async () => {
    const install = installSnapshot({ directory: `${directory()}/missing` });
    await expect(install.write(chunksOf(smallRound)[0] as Uint8Array).then(() => install.finish())).rejects.toThrow(
      /missing/,
    );
    await install.abort();
  });
});
