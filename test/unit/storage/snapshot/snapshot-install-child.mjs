/**
 * A process that installs one snapshot after the other, to be killed. Arguments: the compiled modules of the install,
 * the files, the encoder, the row checker, the rows and the bytes, then the data directory. The file `named` stands for
 * the journal's last SNAPSHOT record. Prints a line for every step, so that it can be killed at each. In the snapshot
 * at zxid z the data of all znodes is "z", so that a mixture would show.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const directory = process.argv.pop();
const [installModule, filesModule, encoderModule, checkerModule, rowModule, byteModule] = process.argv.slice(2);
const { installSnapshot } = await import(installModule);
const { removeLeftovers } = await import(filesModule);
const { TransferEncoder } = await import(encoderModule);
const { RowChecker } = await import(checkerModule);
const { emptyZnodeRow } = await import(rowModule);
const { encodeUtf8 } = await import(byteModule);

const ZNODES = 600;
const ZNODES_PER_CHUNK = 200;
const named = `${directory}/named`;
const nothing = new Uint8Array(0);

function* chunks(zxid) {
  const coordinates = { zxid, digest: [1, 2], featureLevel: 1, nextSerial: ZNODES + 1, time: 0 };
  const texts = { limits: "{}", quotas: "[]", configuration: nothing, configurationZxid: 0, history: nothing };
  const meta = { ...coordinates, ...texts, nodeCount: ZNODES, sessionCount: 0 };
  const encoder = new TransferEncoder();
  const checker = new RowChecker(meta);
  const row = emptyZnodeRow();
  yield encoder.begin(meta);
  for (let serial = 1; serial <= ZNODES; serial++) {
    row.serial = serial;
    row.parentSerial = serial === 1 ? 0 : 1;
    row.name = encodeUtf8(serial === 1 ? "" : `n${serial}`);
    row.data = encodeUtf8(String(zxid).padEnd(200));
    row.checksum = checker.znodeChecksum(row);
    encoder.znode(row);
    if (serial % ZNODES_PER_CHUNK === 0) yield encoder.rows();
  }
  yield encoder.end();
}

const say = (text) => process.stdout.write(`${text}\n`);

let installed = existsSync(named) ? Number(readFileSync(named, "utf8")) : undefined;
removeLeftovers(directory, installed);
for (let zxid = (installed ?? 0) + 1; ; zxid++) {
  const install = installSnapshot({ directory, installed });
  for (const chunk of chunks(zxid)) {
    await install.write(chunk);
    say("chunk");
  }
  await install.finish();
  say("finished");
  writeFileSync(`${named}.tmp`, String(zxid));
  renameSync(`${named}.tmp`, named);
  installed = zxid;
  say(`named ${zxid}`);
  removeLeftovers(directory, installed);
  say("cleaned");
}
