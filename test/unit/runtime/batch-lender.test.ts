import { describe, expect, it } from "vitest";
import { MEND_ANSWER_BYTES_MAX } from "../../../src/core/base/limits.ts";
import { decodeMendTell, type MendTell } from "../../../src/core/member/mend-message.ts";
import { readerOf } from "../../../src/core/zab/peer-message.ts";
import type { HistoryBatch } from "../../../src/core/zab/zab-contract.ts";
import { BatchLender } from "../../../src/runtime/batch-lender.ts";
import { batchAt, startsOf } from "../core/member/mend-rig.ts";

const BASE = 2 ** 32 + 2;
/** What one step of a reading gives. */
const STEP = 4;

/** A journal of some batches, and what the lender says. */
class Rig {
  readonly told: { readonly peer: number; readonly tell: MendTell }[] = [];
  readonly notices: string[] = [];
  /** Where readings began, and how many are open. */
  readonly began: number[] = [];
  open = 0;
  fails = false;
  readonly lender: BatchLender;
  private wake: (() => void) | undefined;

  constructor(log: readonly HistoryBatch[]) {
    this.lender = new BatchLender({
      journal: {
        baseZxid: BASE,
        history: (after) => {
          this.began.push(after);
          this.open++;
          const rest = log.filter(({ lastZxid }) => lastZxid > after);
          return {
            next: async () => {
              if (this.fails) throw new Error("the disk says no");
              const read = rest.splice(0, STEP);
              return read.length === 0 ? undefined : read.map((each) => ({ ...each, type: 1 as const }));
            },
            close: () => {
              this.open--;
            },
          };
        },
      },
      send: (peer, frame) => {
        this.told.push({ peer, tell: decodeMendTell(readerOf(frame)) });
        this.wake?.();
      },
      onNotice: (_level, message) => this.notices.push(message),
    });
  }

  async ask(peer: number, afterZxid: number, throughZxid: number, wantsBatches = true): Promise<MendTell> {
    const number = this.told.length + 1;
    const answered = new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    this.lender.lend(peer, { number, afterZxid, throughZxid, wantsBatches }, startsOf([batchAt(2 ** 32 + 1)]));
    await answered;
    return (this.told.at(-1) as { tell: MendTell }).tell;
  }
}

const at = (counter: number): number => 2 ** 32 + counter;

function logOf(count: number, size: number): HistoryBatch[] {
  return Array.from({ length: count }, (_, index) => batchAt(at(3 + index), 1, size));
}

describe("lending batches to members that mend their journals (core.md 28)", () => {
  it("answers with what the journal has of it, also when it begins behind what was asked for", async () => {
    const log = logOf(6, 50);
    const rig = new Rig(log);
    const tell = await rig.ask(2, at(0), at(5));
    expect(tell).toMatchObject({ number: 1, isAll: true, starts: [] });
    expect(tell.batches).toEqual(log.slice(0, 3).map(({ body }) => body));
    expect(rig.began).toEqual([BASE]);
    expect((await rig.ask(2, 0, at(1), false)).starts).toEqual([{ epoch: 1, afterZxid: 0 }]);
    rig.lender.stop();
    expect(rig.open).toBe(0);
  });

  it("gives as much as an answer holds, and goes on where it was", async () => {
    const log = logOf(12, MEND_ANSWER_BYTES_MAX / 5);
    const rig = new Rig(log);
    const found: Uint8Array[] = [];
    for (let isAll = false, after = BASE; !isAll; ) {
      const tell = await rig.ask(2, after, at(100));
      found.push(...tell.batches);
      after = BASE + found.length;
      isAll = tell.isAll;
    }
    expect(found).toEqual(log.map(({ body }) => body));
    expect([rig.began.length, rig.told.length > 2, rig.open]).toEqual([1, true, 0]);
  });

  it("reads for one member at a time what it asked last, and for each by itself", async () => {
    const rig = new Rig(logOf(12, 50));
    await rig.ask(2, BASE, at(4));
    await rig.ask(3, BASE, at(4));
    expect(rig.open).toBe(2);
    await rig.ask(2, at(8), at(9));
    expect([rig.began, rig.open]).toEqual([[BASE, BASE, at(8)], 2]);
    rig.lender.lend(2, { number: 8, afterZxid: BASE, throughZxid: at(9), wantsBatches: true }, []);
    await rig.ask(2, at(3), at(9));
    expect(rig.told.map(({ tell }) => tell.number)).not.toContain(8);
    rig.lender.stop();
  });

  it("says once for whom it cannot be read, and answers all the same", async () => {
    const rig = new Rig(logOf(3, 50));
    rig.fails = true;
    for (let time = 0; time < 2; time++) expect((await rig.ask(2, BASE, at(9))).batches).toEqual([]);
    expect(rig.notices).toEqual(["member 2 mends its journal and asks for what cannot be read here: the disk says no"]);
    expect(rig.open).toBe(0);
  });
});
