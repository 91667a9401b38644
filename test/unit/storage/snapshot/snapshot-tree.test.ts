import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import {
  Command,
  decodeCommand,
  encodeIdentities,
  type Issuer,
  writeOpenSession,
  writeOperation,
} from "../../../../src/core/tree/command.ts";
import type { EventSink } from "../../../../src/core/tree/event-buffer.ts";
import { LoadError } from "../../../../src/core/tree/loader.ts";
import { createMode, type WriteOperation } from "../../../../src/core/tree/operation.ts";
import { Tree } from "../../../../src/core/tree/tree.ts";
import { SnapshotError } from "../../../../src/storage/snapshot/snapshot-error.ts";
import { currentSnapshot, type SnapshotFile } from "../../../../src/storage/snapshot/snapshot-files.ts";
import { loadSnapshot } from "../../../../src/storage/snapshot/snapshot-loader.ts";
import { verifySnapshot } from "../../../../src/storage/snapshot/verify-snapshot.ts";
import "./snapshot-fixtures.ts";
import { type OpenStore, sqliteRig } from "./snapshot-rig.ts";
import { stream } from "./transfer-fixtures.ts";

const silent: EventSink = { record() {} };
const EPOCH = 2 ** 32;

/** The real tree, with commands applied one zxid after the other. */
class Driver {
  readonly tree = Tree.fresh(7, silent);
  private zxid = EPOCH;
  private readonly writer = new ByteWriter();
  private readonly command = new Command();

  apply(encode: (writer: ByteWriter) => void): number {
    this.writer.reset();
    encode(this.writer);
    this.tree.state.time = 1_790_000_000_000 + this.zxid - EPOCH;
    decodeCommand(new ByteReader(this.writer.copy()), this.command);
    this.tree.apply(++this.zxid, this.command);
    return this.zxid;
  }

  write(operation: WriteOperation, issuer: Issuer = nobody, number = 0): number {
    return this.apply((writer) => writeOperation(writer, issuer, number, 0, operation));
  }

  /** One whole round into the store. */
  async round(opened: OpenStore): Promise<void> {
    const { capture } = this.tree.state;
    capture.freeze();
    const meta = this.tree.snapshotMeta();
    let done = false;
    while (!done) {
      done = capture.capture(100);
      for (const run of capture.takeRuns()) opened.store.write(run);
    }
    await opened.commit(meta);
  }
}

const identities = new ByteWriter();
encodeIdentities([], identities);
const nobody: Issuer = { sessionId: 0, generation: 1, identities: identities.copy() };

const create = (path: string, data: string, mode: 0 | 1 | 2 = createMode.PERSISTENT): WriteOperation => ({
  kind: "create",
  path,
  data: encodeUtf8(data),
  mode,
});

/** A little of everything: two rounds, so that rows were also replaced and deleted. */
async function fill(opened: OpenStore): Promise<Driver> {
  const driver = new Driver();
  const id = driver.apply((writer) =>
    writeOpenSession(writer, nobody, 0, { secretHash: new Uint8Array(32).fill(9), timeoutMs: 10_000 }),
  );
  const owner: Issuer = { ...nobody, sessionId: id };
  driver.write(create("/app", ""));
  for (let i = 0; i < 8; i++) driver.write(create(`/app/item-${i}`, `value ${i}`));
  await driver.round(opened);
  driver.write(create("/app/worker-", "host", createMode.EPHEMERAL), { ...owner, generation: 1 }, 1);
  driver.write({ kind: "set", path: "/app/item-3", data: encodeUtf8("changed"), version: -1 });
  driver.write({
    kind: "set-acl",
    path: "/app/item-4",
    acl: [{ scheme: "world", id: "anyone", permissions: 1 }],
    version: -1,
  });
  driver.write({ kind: "delete", path: "/app/item-5", version: -1 });
  driver.write(create("/zookeeper/quota/app", ""));
  await driver.round(opened);
  return driver;
}

/** The rows and the meta a load delivers. */
function read(file: string): unknown[] {
  const all: unknown[] = [];
  const keep = (row: object): void => void all.push({ ...row });
  const meta = loadSnapshot(file, { znode: keep, session: keep, znodeDeleted() {}, sessionDeleted() {} });
  return [...all, meta];
}

describe("the tree in a real snapshot", () => {
  it("core.md 30: comes back with the same digest, and keeps every rule verify knows", async () => {
    const rig = sqliteRig();
    const opened = await rig.open();
    const driver = await fill(opened);
    await opened.store.close();
    const { nodeCount, sessionCount } = driver.tree.snapshotMeta();
    // ZooKeeper's four, /app, eight items less one, the worker and the quota.
    expect([nodeCount, sessionCount]).toEqual([4 + 1 + 8 - 1 + 1 + 1, 1]);
    const loaded = Tree.load(8, silent, (rows) => rig.load(rows));
    expect(loaded.snapshotMeta()).toEqual(driver.tree.snapshotMeta());
    const { file } = currentSnapshot(rig.directory) as SnapshotFile;
    expect(verifySnapshot(file)).toEqual({ meta: driver.tree.snapshotMeta(), findings: [] });
  });

  it("core.md 36: comes out of a transfer with the same digest; every row's checksum is the core's own", async () => {
    const sender = sqliteRig();
    const opened = await sender.open();
    const driver = await fill(opened);
    const learner = sqliteRig();
    await (await learner.open()).store.close();
    const { zxid } = await stream(await opened.store.openTransfer(), learner.install());
    await opened.store.close();
    learner.name(zxid);
    const loaded = Tree.load(8, silent, (rows) => learner.load(rows));
    expect(loaded.snapshotMeta()).toEqual(driver.tree.snapshotMeta());
  });

  it("core.md 30: one bit flipped at every byte is named, or the loaded digest is the same", async () => {
    const rig = sqliteRig();
    const opened = await rig.open();
    const expected = (await fill(opened)).tree.snapshotMeta();
    await opened.store.close();
    const { file } = currentSnapshot(rig.directory) as SnapshotFile;
    const original = JSON.stringify(read(file));
    const bytes = readFileSync(file);
    const descriptor = openSync(file, "r+");
    let named = 0;
    try {
      for (let at = 0; at < bytes.length; at++) {
        const byte = bytes[at] as number;
        writeSync(descriptor, Uint8Array.of(byte ^ (1 << ((at * 3) % 8))), 0, 1, at);
        try {
          // Equal rows make an equal tree; building it for each of the many unused bytes would only take long.
          if (JSON.stringify(read(file)) === original) continue;
          const tree = Tree.load(8, silent, (rows) => loadSnapshot(file, rows));
          expect(tree.snapshotMeta(), `byte ${at}`).toEqual(expected);
        } catch (error) {
          if (!(error instanceof SnapshotError || error instanceof LoadError)) throw error;
          named++;
        } finally {
          writeSync(descriptor, Uint8Array.of(byte), 0, 1, at);
        }
      }
    } finally {
      closeSync(descriptor);
    }
    expect(named).toBeGreaterThan(1500);
  });
});
