/**
 * A process that writes rounds into a snapshot for ever, to be killed. Arguments: the compiled store module, the
 * compiled row module, the compiled byte module, the data directory. Prints the zxid of each round reported as
 * committed. Round z sets the data of all znodes to "z", so that a mixture of rounds would show.
 */
const [storeModule, rowModule, byteModule, directory] = process.argv.slice(2);
const { openSnapshotStore } = await import(storeModule);
const { emptyZnodeRow, writeZnodeRow } = await import(rowModule);
const { ByteWriter, encodeUtf8 } = await import(byteModule);

const ZNODES = 3000;
let resolveCommitted = () => {};
const store = await openSnapshotStore(
  { directory },
  {
    onCommitted(zxid) {
      process.stdout.write(`${zxid}\n`);
      resolveCommitted();
    },
    onFatal(error) {
      process.stdout.write(`fatal ${error.message}\n`);
      process.exit(3);
    },
  },
);

const writer = new ByteWriter();
const row = emptyZnodeRow();
for (let zxid = store.stats().lastZxid + 1; ; zxid++) {
  for (let serial = 1; serial <= ZNODES; serial++) {
    row.serial = serial;
    row.parentSerial = serial === 1 ? 0 : 1;
    row.name = encodeUtf8(serial === 1 ? "" : `n${serial}`);
    row.data = encodeUtf8(String(zxid).padEnd(200));
    writeZnodeRow(writer, row);
    if (writer.length < 50_000 && serial < ZNODES) continue;
    store.write(writer.copy());
    writer.reset();
  }
  const nothing = new Uint8Array(0);
  const fields = { digest: [1, 2], featureLevel: 1, nextSerial: ZNODES + 1, time: 0, limits: "{}", quotas: "[]" };
  const meta = { zxid, ...fields, configuration: nothing, configurationZxid: 0, history: nothing };
  await new Promise((resolve) => {
    resolveCommitted = resolve;
    store.commit({ ...meta, nodeCount: ZNODES, sessionCount: 0 });
  });
}
