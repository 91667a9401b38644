import { FormatError } from "../base/bytes.ts";
import { isZxid } from "../base/zxid.ts";
import { BatchReader } from "../tree/batch.ts";
import type { ZxidSpan } from "./log-outline.ts";

const reader = new BatchReader();

/** The zxids of a batch, by its header. Throws FormatError. */
export function batchRange(body: Uint8Array): ZxidSpan {
  const { firstZxid, count } = reader.open(body);
  return { firstZxid, lastZxid: firstZxid + count - 1 };
}

/** As {@link batchRange}, of one that holds as many commands as it says, and nothing else. */
export function wholeBatchRange(body: Uint8Array): ZxidSpan {
  const { firstZxid, count } = reader.open(body);
  for (let left = count; left > 0; left--) reader.next();
  if (reader.remaining > 0) throw new FormatError("bytes behind the last command of a batch");
  const lastZxid = firstZxid + count - 1;
  if (firstZxid === 0 || !isZxid(lastZxid)) throw new FormatError("a batch beyond all zxids");
  return { firstZxid, lastZxid };
}
