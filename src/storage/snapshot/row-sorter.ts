import { ByteReader } from "../../core/base/bytes.ts";
import { RowDecoder, type RowSink, skipRow } from "../../core/tree/snapshot-row.ts";

/**
 * Rows of a round on their way into the file, put into the order of their ids. They are captured in that order, but for
 * what changes meanwhile, which comes first; under load that is most of a round. A row out of order costs a page of its
 * own, in the -wal and again in the database.
 */
export class RowSorter {
  /** Of the rows held. */
  bytes = 0;
  private runs: Uint8Array[] = [];
  private count = 0;
  private isSorted = true;
  /** Of each row: its id, the run it is in, and where. */
  private ids = new Float64Array(4096);
  private run = new Uint32Array(4096);
  private at = new Uint32Array(4096);
  private readonly reader = new ByteReader(new Uint8Array(0));
  private readonly decoder = new RowDecoder();

  /** Takes a run of rows, which nobody changes any more. Throws FormatError on bytes that are not rows. */
  add(run: Uint8Array): void {
    const reader = this.reader.reset(run);
    while (reader.remaining > 0) {
      const at = reader.position;
      this.note(skipRow(reader), at);
    }
    this.runs.push(run);
    this.bytes += run.length;
  }

  /** Hands all rows to `sink`, and holds none then. */
  drain(sink: RowSink): void {
    const order = this.order();
    for (let i = 0; i < this.count; i++) {
      const row = order === undefined ? i : (order[i] as number);
      this.reader.reset(this.runs[this.run[row] as number] as Uint8Array, this.at[row]);
      this.decoder.read(this.reader, sink);
    }
    this.clear();
  }

  private order(): Uint32Array | undefined {
    if (this.isSorted) return undefined;
    const { ids } = this;
    const order = new Uint32Array(this.count).map((_, row) => row);
    // Rows of one id stay in the order they came in.
    return order.sort((one, other) => (ids[one] as number) - (ids[other] as number) || one - other);
  }

  private note(id: number, at: number): void {
    const { count } = this;
    if (count === this.ids.length) this.grow();
    this.isSorted &&= count === 0 || id >= (this.ids[count - 1] as number);
    this.ids[count] = id;
    this.run[count] = this.runs.length;
    this.at[count] = at;
    this.count++;
  }

  private grow(): void {
    const { ids, run, at } = this;
    this.ids = new Float64Array(ids.length * 2);
    this.run = new Uint32Array(run.length * 2);
    this.at = new Uint32Array(at.length * 2);
    this.ids.set(ids);
    this.run.set(run);
    this.at.set(at);
  }

  private clear(): void {
    this.runs = [];
    this.bytes = 0;
    this.count = 0;
    this.isSorted = true;
  }
}
