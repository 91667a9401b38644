import { JOURNAL_FOLDER } from "../storage/data-dir.ts";
import { type MemoryJournal, openMemoryJournal } from "../storage/journal/memory-journal.ts";
import type { MemoryMedium } from "../storage/memory-medium.ts";
import { MemorySnapshotStore } from "../storage/snapshot/memory-snapshot-store.ts";
import type { OpenedParts, PartsOpening, PartsOwner } from "./opening.ts";
import { loadState, recover } from "./recovery.ts";
import { HISTORY_BYTES_MAX, type MemberSettings, type RuntimeEvents } from "./runtime-contract.ts";

/** Opens what a member is made of that keeps everything in memory, and is alone. */
export class MemoryOpening implements PartsOpening {
  private readonly medium: MemoryMedium;
  private readonly settings: MemberSettings;
  private readonly events: RuntimeEvents;
  private readonly owner: () => PartsOwner | undefined;
  private journal: MemoryJournal | undefined;
  private store: MemorySnapshotStore | undefined;

  constructor(
    medium: MemoryMedium,
    settings: MemberSettings,
    events: RuntimeEvents,
    owner: () => PartsOwner | undefined,
  ) {
    this.medium = medium;
    this.settings = settings;
    this.events = events;
    this.owner = owner;
  }

  async open(): Promise<OpenedParts> {
    const { medium, settings, owner } = this;
    const loaded = loadState((rows) => medium.snapshot.load(rows));
    const onFatal = (error: Error): void => this.fail(error);
    const { journal, recovered } = openMemoryJournal(
      { disk: medium.disk, directory: JOURNAL_FOLDER, fromZxid: loaded.tree.zxid },
      { onDurable: (sequence) => owner()?.onDurable(sequence), onFatal },
    );
    this.journal = journal;
    const store = new MemorySnapshotStore(
      { onCommitted: (zxid) => owner()?.onRoundCommitted(zxid), onFatal },
      { medium: medium.snapshot },
    );
    this.store = store;
    const { ensembleId, incarnation } = medium;
    const { memberId: id, peerAddress } = settings;
    return {
      incarnation,
      dataDir: undefined,
      journal,
      store,
      recovered: recover(loaded, recovered, settings.historyBytesMax ?? HISTORY_BYTES_MAX),
      links: undefined,
      bootstrap: {
        ensembleId,
        members: [{ id, incarnation, role: "voter", weight: 1, group: 0, peerAddress }],
      },
      installed: undefined,
    };
  }

  /** Gives up after a failure. */
  async close(): Promise<void> {
    this.drop();
  }

  /** The end of a member that is killed: what it had not written yet never is. */
  drop(): void {
    this.journal?.drop();
    this.store?.drop();
  }

  private fail(error: Error): void {
    const running = this.owner();
    if (running === undefined) this.events.onFatal(error);
    else running.fail(error);
  }
}
