import { MEND_ANSWER_BYTES_MAX, MEND_BATCHES_MAX, MEND_STARTS_MAX } from "../base/limits.ts";
import { epochOf } from "../base/zxid.ts";
import type { EpochStart } from "../zab/epoch-ends.ts";
import type { HistoryBatch } from "../zab/zab-contract.ts";
import { encodeMendTell, type MendAsk } from "./mend-message.ts";

/** The answer to one MEND_ASK in the making, within its bounds. */
export class MendAnswer {
  private readonly ask: MendAsk;
  private readonly batches: Uint8Array[] = [];
  private bytes = 0;
  private isAll = true;

  constructor(ask: MendAsk) {
    this.ask = ask;
  }

  /** Takes the next batch in, in order; false when this one has no place in the answer, and none behind it. */
  offer({ firstZxid, lastZxid, body }: HistoryBatch): boolean {
    const { ask, batches } = this;
    if (lastZxid <= ask.afterZxid) return true;
    if (firstZxid > ask.throughZxid) return false;
    const isFull = this.bytes + body.length > MEND_ANSWER_BYTES_MAX || batches.length === MEND_BATCHES_MAX;
    if (isFull && batches.length > 0) {
      this.isAll = false;
      return false;
    }
    batches.push(body);
    this.bytes += body.length;
    return true;
  }

  /** The message. @param starts all that are known here */
  close(starts: readonly EpochStart[]): Uint8Array {
    const { ask, batches, isAll } = this;
    const [from, to] = [epochOf(ask.afterZxid), epochOf(ask.throughZxid)];
    const asked = starts.filter(({ epoch }) => epoch > from && epoch <= to).slice(-MEND_STARTS_MAX);
    return encodeMendTell({ number: ask.number, isAll, starts: asked, batches });
  }
}
