import { FormatError } from "../../core/base/bytes.ts";
import { formatZxid } from "../../core/base/zxid.ts";
import type { SessionRow, SnapshotMeta, ZnodeRow } from "../../core/tree/snapshot-row.ts";
import { MediumSink, MemorySnapshot } from "./memory-snapshot-store.ts";
import { RowChecker } from "./row-checker.ts";
import { chooseSnapshot, snapshotFileName } from "./snapshot-files.ts";
import type { InstalledSnapshot, SnapshotInstall } from "./snapshot-transfer.ts";
import { TransferDecoder, type TransferSink } from "./transfer-decoder.ts";
import { SnapshotTransferError } from "./transfer-error.ts";

/** The snapshot files of a data directory, in memory: what survives the crashes of a simulated member. */
export class MemorySnapshotDirectory {
  /** By the zxid at which the file began. */
  readonly files = new Map<number, MemorySnapshot>();

  /**
   * The current snapshot, created empty where there is none, by the very rule of the real directory.
   *
   * @param installed zxid of the journal's last SNAPSHOT record, if any
   */
  current(installed?: number): MemorySnapshot {
    const began = chooseSnapshot([...this.files.keys()], installed) ?? 0;
    let file = this.files.get(began);
    if (file === undefined) {
      file = new MemorySnapshot();
      this.files.set(began, file);
    }
    return file;
  }

  /** Removes what is not current; as in the real directory, at start and once the journal names another one. */
  removeLeftovers(installed?: number): void {
    const current = this.current(installed);
    for (const [began, file] of this.files) if (file !== current) this.files.delete(began);
  }

  /** Begins to receive a transfer, synchronously. A crash is to forget the receiver. */
  receive(installed?: number): MemoryReceiver {
    return new MemoryReceiver(this, installed);
  }

  /** The same behind the interface of the real thing. */
  install(installed?: number): SnapshotInstall {
    return new MemoryInstall(this.receive(installed));
  }
}

/** Receives one transfer; nothing is in the directory before {@link finish}. */
export class MemoryReceiver implements TransferSink {
  private readonly directory: MemorySnapshotDirectory;
  private readonly installed: number | undefined;
  private readonly decoder = new TransferDecoder(this);
  private readonly medium = new MemorySnapshot();
  private readonly sink = new MediumSink(this.medium);
  private checker: RowChecker | undefined;

  constructor(directory: MemorySnapshotDirectory, installed: number | undefined) {
    this.directory = directory;
    this.installed = installed;
  }

  /** The next bytes of the transfer. @throws SnapshotTransferError, and nothing is installed */
  write(bytes: Uint8Array): void {
    try {
      this.decoder.push(bytes);
    } catch (error) {
      if (error instanceof FormatError) throw new SnapshotTransferError("DAMAGED_TRANSFER", error.message);
      throw error;
    }
  }

  /** Puts the snapshot into the directory; it is current once the journal names its zxid. */
  finish(): InstalledSnapshot {
    this.decoder.expectComplete();
    const { zxid } = this.medium.meta as SnapshotMeta;
    this.directory.files.set(zxid, this.medium);
    return { zxid, file: snapshotFileName(zxid) };
  }

  begin(meta: SnapshotMeta): void {
    const { files } = this.directory;
    if (chooseSnapshot([...files.keys()], this.installed) === meta.zxid) {
      throw new SnapshotTransferError("SAME_FILE", `the current snapshot began at ${formatZxid(meta.zxid)}, too`);
    }
    this.medium.meta = meta;
    this.checker = new RowChecker(meta);
  }

  znode(row: ZnodeRow): void {
    this.checker?.znode(row);
    this.sink.znode(row);
  }

  session(row: SessionRow): void {
    this.checker?.session(row);
    this.sink.session(row);
  }
}

class MemoryInstall implements SnapshotInstall {
  private readonly receiver: MemoryReceiver;
  private ended = false;

  constructor(receiver: MemoryReceiver) {
    this.receiver = receiver;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.attempt(() => this.receiver.write(chunk));
  }

  async finish(): Promise<InstalledSnapshot> {
    const installed = this.attempt(() => this.receiver.finish());
    this.ended = true;
    return installed;
  }

  async abort(): Promise<void> {
    this.ended = true;
  }

  /** The first error ends the install, as it ends the real one's thread. */
  private attempt<Result>(work: () => Result): Result {
    if (this.ended) throw new SnapshotTransferError("CLOSED", "the install has ended");
    this.ended = true;
    const result = work();
    this.ended = false;
    return result;
  }
}
