/**
 * Runs a snapshot store on a file system of 48 MiB that is full for a while; to be started in a mount namespace of its
 * own. Arguments: the compiled source folder's URL, the directory the file system is mounted at. Prints one JSON line.
 */
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const [source, directory] = process.argv.slice(2);
const load = (path) => import(new URL(path, source).href);
const { openSnapshotStore } = await load("storage/snapshot/snapshot-store.js");
const { currentSnapshot } = await load("storage/snapshot/snapshot-files.js");
const { loadSnapshot } = await load("storage/snapshot/snapshot-loader.js");
const { emptyZnodeRow, writeZnodeRow } = await load("core/tree/snapshot-row.js");
const { ByteWriter, encodeUtf8 } = await load("core/base/bytes.js");

let onCommitted = () => {};
const fatal = [];
const store = await openSnapshotStore(
  { directory },
  { onCommitted: (zxid) => onCommitted(zxid), onFatal: (error) => fatal.push(error.message) },
);
const seen = [];

function write(zxid, count) {
  const row = emptyZnodeRow();
  for (let serial = 1; serial <= count; ) {
    const writer = new ByteWriter();
    for (; serial <= count && writer.length < 100_000; serial++) {
      row.serial = serial;
      row.parentSerial = serial === 1 ? 0 : 1;
      row.name = encodeUtf8(serial === 1 ? "" : `n${serial}`);
      row.data = encodeUtf8(String(zxid).padEnd(1000));
      writeZnodeRow(writer, row);
    }
    store.write(writer.copy());
  }
  const meta = { zxid, digest: [1, 2], featureLevel: 1, nextSerial: count + 1, time: 0, limits: "{}", quotas: "[]" };
  return new Promise((resolve) => {
    onCommitted = resolve;
    const nothing = new Uint8Array(0);
    const fields = { nodeCount: count, sessionCount: 0, configuration: nothing, configurationZxid: 0 };
    store.commit({ ...meta, ...fields, history: nothing });
  });
}

/** Takes all but `leave` bytes of the file system. */
function fillDisk(leave) {
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(`${directory}/filler`, Buffer.alloc(bavail * bsize - leave));
}

async function untilWaiting() {
  while (!store.stats().waitingForSpace) await delay(5);
}

seen.push(await write(1, 1000));
fillDisk(12 * 1024 * 1024);
const second = write(2, 8000);
await untilWaiting();
seen.push("waiting");
rmSync(`${directory}/filler`);
seen.push(await second);

fillDisk(2 * 1024 * 1024);
void write(3, 8000);
await untilWaiting();
seen.push("waiting");
await store.close();

let loaded = 0;
const meta = loadSnapshot(currentSnapshot(directory).file, { znode: () => loaded++, session() {} });
process.stdout.write(`${JSON.stringify({ seen, fatal, loaded, zxid: meta.zxid })}\n`);
