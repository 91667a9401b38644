import type { DamagedJournal } from "../../src/storage/journal/damaged-journal.ts";
import { JournalDamagedError } from "../../src/storage/journal/finding.ts";
import { type JournalScan, recoverJournal } from "../../src/storage/journal/recover-journal.ts";
import { MemorySnapshot } from "../../src/storage/snapshot/memory-snapshot-store.ts";
import type { SimulatedDisk } from "../support/simulated-disk.ts";

export const JOURNAL_DIRECTORY = "/journal";

/** What of a member survives its crashes. */
export class Machine {
  readonly id: number;
  incarnation: string;
  /** Its journal is damaged, and has not been mended yet. */
  isRotten = false;
  /** Its data was unreadable and put aside; until it has everything again. */
  isDamaged = false;
  /** The feature level its program offers; undefined for all it knows. */
  featureLevel: number | undefined;
  /** Its tree, and perhaps its snapshot, are not those of the history. */
  isTainted = false;
  /**
   * Its tree was not, since it began or got another's snapshot: though it may be right again, what it has told of it
   * may still be held against it, or against those who were right.
   */
  wasTainted = false;
  /**
   * A quorum has condemned its tree, right or wrong: until it has another's snapshot, or begins anew, it cannot lead,
   * though nobody else may have the end of the log.
   */
  isCondemned = false;
  /** Its snapshot may be wrong, though its tree is right again, by what has been written since. */
  isSuspect = false;
  disk: SimulatedDisk;
  /** Syncs take so much longer, ms at most. */
  slowMs = 0;
  /** The current one. */
  snapshot = new MemorySnapshot();
  /** One that has come from another member, and is current once the journal names it. */
  arrived: { readonly zxid: number; readonly snapshot: MemorySnapshot } | undefined;

  constructor(id: number, incarnation: string, disk: SimulatedDisk) {
    this.id = id;
    this.incarnation = incarnation;
    this.disk = disk;
  }

  /** Reads the journal, and with it which snapshot is current; throws what the disk throws. */
  open(): JournalScan & { readonly snapshot: MemorySnapshot } {
    this.disk.makeDirectory(JOURNAL_DIRECTORY);
    // Where there are several snapshots, the journal says which is current; else the snapshot says how much to read.
    const fromZxid = this.arrived === undefined ? (this.snapshot.meta?.zxid ?? 0) : 0;
    const scan = recoverJournal(this.disk, JOURNAL_DIRECTORY, fromZxid);
    if (this.arrived?.zxid === scan.recovered.snapshotZxid) this.settle();
    this.arrived = undefined;
    return { ...scan, snapshot: this.snapshot };
  }

  /** What is left of the journal, if it is damaged; as `openJournalOrDamaged` finds it. */
  examine(): DamagedJournal | undefined {
    this.disk.makeDirectory(JOURNAL_DIRECTORY);
    const fromZxid = this.snapshot.meta?.zxid ?? 0;
    try {
      recoverJournal(this.disk, JOURNAL_DIRECTORY, fromZxid);
      return undefined;
    } catch (error) {
      if (!(error instanceof JournalDamagedError)) throw error;
      return recoverJournal(this.disk, JOURNAL_DIRECTORY, fromZxid, { tolerateDamage: true }).damage;
    }
  }

  /** The journal names the snapshot that has arrived. */
  settle(): void {
    if (this.arrived === undefined) return;
    this.snapshot = this.arrived.snapshot;
    this.isSuspect = false;
    this.arrived = undefined;
  }

  /** What was on the disk cannot be read, and was put aside: as `runtime/opening.ts` does it. */
  putAside(disk: SimulatedDisk): void {
    this.replace(disk, this.incarnation);
    this.isDamaged = true;
  }

  /** Another disk. */
  replace(disk: SimulatedDisk, incarnation: string): void {
    this.disk = disk;
    this.incarnation = incarnation;
    this.snapshot = new MemorySnapshot();
    this.arrived = undefined;
    this.isDamaged = false;
    this.isTainted = false;
    this.wasTainted = false;
    this.isCondemned = false;
    this.isSuspect = false;
    this.isRotten = false;
  }
}
