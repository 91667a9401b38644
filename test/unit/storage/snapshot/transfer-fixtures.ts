import { ByteWriter, encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import type { SessionRow, SnapshotMeta, ZnodeRow } from "../../../../src/core/tree/snapshot-row.ts";
import { RowChecker } from "../../../../src/storage/snapshot/row-checker.ts";
import type { SnapshotInstall, SnapshotTransfer } from "../../../../src/storage/snapshot/snapshot-transfer.ts";
import {
  CHUNK_CHECKED_BYTES,
  CHUNK_HEADER_BYTES,
  chunkChecksum,
  TransferEncoder,
} from "../../../../src/storage/snapshot/transfer-encoder.ts";
import { Collector, meta, session, shown, smallTree, znode } from "./snapshot-fixtures.ts";
import { content, type Rig } from "./snapshot-rig.ts";

/** A round whose rows have the checksums of the core, as an install demands. */
export interface Round {
  readonly znodes: readonly ZnodeRow[];
  readonly sessions: readonly SessionRow[];
  readonly meta: SnapshotMeta;
}

const checker = new RowChecker(meta({}));

export function sealedZnode(row: ZnodeRow): ZnodeRow {
  return { ...row, checksum: checker.znodeChecksum(row) };
}

export function sealedSession(row: SessionRow): SessionRow {
  return { ...row, checksum: checker.sessionChecksums(row)[0] };
}

/** An at-most-once window with one answer per number. */
export function windowOf(floor: number, answers: readonly [number, string][]): Uint8Array {
  const writer = new ByteWriter();
  writer.u53(floor);
  writer.varint(answers.length);
  for (const [number, answer] of answers) {
    writer.u53(number);
    writer.block(encodeUtf8(answer));
  }
  return writer.copy();
}

export function roundOf(
  znodes: readonly ZnodeRow[],
  sessions: readonly SessionRow[],
  fields: Partial<SnapshotMeta> = {},
): Round {
  return {
    znodes: znodes.map(sealedZnode),
    sessions: sessions.map(sealedSession),
    meta: meta({ nodeCount: znodes.length, sessionCount: sessions.length, ...fields }),
  };
}

export const ROUND_ZXID = 2 ** 32 + 14;

/** Some of everything. */
export const smallRound = roundOf(
  smallTree.znodes,
  [
    session({ id: 2 ** 32 + 2, generation: 3, window: windowOf(4, [[5, "answer"]]) }),
    session({ id: 2 ** 32 + 3, timeoutMs: 30_000, window: windowOf(0, []) }),
  ],
  {
    zxid: ROUND_ZXID,
    nextSerial: 10,
    configuration: encodeUtf8("members"),
    configurationZxid: 2 ** 32 + 1,
    history: encodeUtf8("the newest events"),
  },
);

/** Znodes of 200 bytes below the root: about five chunks of them, and sessions with large windows. */
export function largeRound(zxid: number, count = 10_000): Round {
  const znodes = Array.from({ length: count }, (_, i) =>
    i === 0
      ? znode({})
      : znode({ serial: i + 1, parentSerial: 1, name: `n${i}`, data: `${zxid} `.repeat(40).slice(0, 200) }),
  );
  const sessions = Array.from({ length: 5 }, (_, i) =>
    session({ id: i + 1, window: windowOf(1, [[2, "x".repeat(200_000)]]) }),
  );
  return roundOf(znodes, sessions, { zxid, nextSerial: count + 1 });
}

/** What a load of the round shows. */
export function expected(round: Round): ReturnType<typeof received> {
  return { meta: round.meta, rows: shown(round.znodes, round.sessions, false) };
}

/** What the rig has now. */
export function received(rig: Pick<Rig, "load">): { meta: SnapshotMeta | undefined; rows: unknown[] } {
  return content(rig, new Collector(false));
}

/** The chunks of a round with so many rows each. */
export function chunksOf(round: Round, rowsPerChunk = 3): Uint8Array[] {
  const encoder = new TransferEncoder();
  const chunks = [encoder.begin(round.meta)];
  let rows = 0;
  const cut = () => {
    if (++rows % rowsPerChunk === 0) chunks.push(encoder.rows());
  };
  for (const row of round.znodes) {
    encoder.znode(row);
    cut();
  }
  for (const row of round.sessions) {
    encoder.session(row);
    cut();
  }
  if (encoder.pendingBytes > 0) chunks.push(encoder.rows());
  return [...chunks, encoder.end()];
}

/** Makes a chunk whose bytes were changed match its checksum, as the first of a transfer. */
export function resealed(chunk: Uint8Array, previous = 0): Uint8Array {
  const body = chunk.subarray(CHUNK_HEADER_BYTES);
  const view = new DataView(chunk.buffer, chunk.byteOffset);
  view.setUint32(CHUNK_CHECKED_BYTES, chunkChecksum(chunk.subarray(0, CHUNK_CHECKED_BYTES), body, previous), true);
  return chunk;
}

/** The checksum a chunk carries, which that of the next one continues. */
export function checksumOf(chunk: Uint8Array): number {
  return new DataView(chunk.buffer, chunk.byteOffset).getUint32(CHUNK_CHECKED_BYTES, true);
}

export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(chunks));
}

/** Takes all chunks of a transfer, and closes it. */
export async function drain(transfer: SnapshotTransfer): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await transfer.next(); chunk !== undefined; chunk = await transfer.next()) chunks.push(chunk);
  transfer.close();
  return chunks;
}

/** Streams a whole transfer into an install. */
export async function stream(transfer: SnapshotTransfer, install: SnapshotInstall) {
  for (let chunk = await transfer.next(); chunk !== undefined; chunk = await transfer.next()) {
    await install.write(chunk);
  }
  transfer.close();
  return install.finish();
}
