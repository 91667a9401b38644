import { vi } from "vitest";
import { LocalCoordination } from "../../../../src/coordination/local-coordination.ts";
import { encodeUtf8 } from "../../../../src/core/base/bytes.ts";
import { OK } from "../../../../src/core/base/errors.ts";
import type { Answer } from "../../../../src/core/tree/answer.ts";
import { emptyAnswer } from "../../../../src/core/tree/answer-codec.ts";
import type { ReadOperation, WriteOperation } from "../../../../src/core/tree/operation.ts";
import {
  type IndexChange,
  SubtreeIndex,
  type SubtreeIndexOptions,
} from "../../../../src/products/floor/subtree-index.ts";
import { SoloMember } from "../../../support/solo-member.ts";
import { BreakablePort } from "./breakable-port.ts";

export const ROOT = "/r";
const HISTORY_BYTES = 64 * 1024;
/** A path as long as this makes its events so large that few push all others out of the history. */
const ELSEWHERE = `/${"elsewhere".repeat(400)}`;
const FLOOD_WRITES = 20;

/** A member, an index of {@link ROOT}, and a second opinion on both. Timers have to be fake. */
export class IndexRig {
  readonly solo = SoloMember.leading({ historyBytesMax: HISTORY_BYTES });
  readonly changes: { readonly changes: readonly IndexChange<string>[]; readonly zxid: number }[] = [];
  readonly notices: string[] = [];
  readonly port: BreakablePort;
  index: SubtreeIndex<string>;
  /** What the changes told add up to. */
  readonly mirror = new Map<string, string>();
  /** Reads of znodes. */
  decoded = 0;
  /** What the clock goes on by with every decoding, ms. */
  decodeMs = 0;
  clock = 0;
  private readonly options: Partial<SubtreeIndexOptions<string>>;
  private readonly client = this.solo.client();
  private readonly walks = new Map<number, Map<string, string>>();
  private next = 1_000_000;

  constructor({ isFar = false, ...options }: Partial<SubtreeIndexOptions<string>> & { readonly isFar?: boolean } = {}) {
    vi.spyOn(performance, "now").mockImplementation(() => this.clock);
    this.port = new BreakablePort(new LocalCoordination(this.solo.member, () => undefined), isFar);
    this.options = options;
    this.index = this.begin();
    this.note();
  }

  /** Another index in place of the first. */
  restart(): void {
    this.index.stop();
    this.mirror.clear();
    this.index = this.begin();
  }

  write(...operations: WriteOperation[]): void {
    for (const operation of operations) this.client.connection.submit(this.next++, 0, operation);
    this.solo.settle();
    this.note();
  }

  create(path: string, data = ""): void {
    this.write({ kind: "create", path, data: encodeUtf8(data), mode: 0 });
  }

  set(path: string, data: string): void {
    this.write({ kind: "set", path, data: encodeUtf8(data), version: -1 });
  }

  delete(path: string): void {
    this.write({ kind: "delete", path, version: -1 });
  }

  /** So many events elsewhere that those of the subtree are kept no longer. */
  flood(): void {
    this.create(ELSEWHERE);
    const set = { kind: "set", path: ELSEWHERE, data: new Uint8Array(0), version: -1 } as const;
    this.write(...Array.from({ length: FLOOD_WRITES }, () => set));
  }

  /** Until nothing is due any more. */
  settle(): void {
    do {
      this.port.deliver(Number.POSITIVE_INFINITY);
      vi.runAllTimers();
    } while (this.port.isBusy);
  }

  /** The subtree, as a plain walk sees it now. */
  walk(path = ROOT, into = new Map<string, string>()): Map<string, string> {
    const znode = this.read({ kind: "get", path });
    if (znode.code !== OK) return into;
    into.set(path, shown(znode.data, znode.stat.mzxid));
    for (const name of this.read({ kind: "list", path, limit: 0, cursor: new Uint8Array(0), whole: true }).names) {
      this.walk(`${path}/${name}`, into);
    }
    return into;
  }

  /** The subtree as it was at a zxid. */
  walkAt(zxid: number): Map<string, string> {
    const newest = Math.max(...[...this.walks.keys()].filter((each) => each <= zxid));
    return this.walks.get(newest) ?? new Map();
  }

  private begin(): SubtreeIndex<string> {
    const index = new SubtreeIndex<string>(this.port, {
      root: ROOT,
      identities: [],
      decode: ({ data, stat }) => {
        this.decoded++;
        this.clock += this.decodeMs;
        return shown(data, stat.mzxid);
      },
      onChange: (changes, zxid) => this.onChange(changes, zxid),
      onNotice: (_level, message) => this.notices.push(message),
      ...this.options,
    });
    index.start();
    return index;
  }

  private onChange(changes: readonly IndexChange<string>[], zxid: number): void {
    this.changes.push({ changes, zxid });
    for (const { path, before, after } of changes) {
      if (this.mirror.get(path) !== before) throw new Error(`${path} was not ${before} before`);
      if (after === undefined) this.mirror.delete(path);
      else this.mirror.set(path, after);
    }
  }

  private read(operation: ReadOperation): Answer {
    const answer = emptyAnswer();
    this.solo.member.tree.read({ sessionId: 0, identities: [] }, operation, answer);
    return answer;
  }

  private note(): void {
    this.walks.set(this.solo.member.tree.zxid, this.walk());
  }
}

function shown(data: Uint8Array, mzxid: number): string {
  return `${String.fromCharCode(...data)}@${mzxid}`;
}
