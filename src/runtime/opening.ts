import { performance } from "node:perf_hooks";
import { assert } from "../core/base/assert.ts";
import { formatZxid } from "../core/base/zxid.ts";
import type { LoadedState } from "../core/member/local-state.ts";
import type { EnsembleConfiguration } from "../core/zab/ensemble-configuration.ts";
import { changeEnsembleId, type DataDir, openDataDir } from "../storage/data-dir.ts";
import type { DamagedJournal } from "../storage/journal/damaged-journal.ts";
import { describeFinding, JournalDamagedError } from "../storage/journal/finding.ts";
import {
  type Journal,
  type JournalEvents,
  openJournal,
  openJournalOrDamaged,
  repairJournal,
  startJournalThread,
} from "../storage/journal/journal.ts";
import { currentSnapshot, removeLeftovers, snapshotCount } from "../storage/snapshot/snapshot-files.ts";
import { openSnapshotStore, type SnapshotStore, startSnapshotThread } from "../storage/snapshot/snapshot-store.ts";
import type { BulkReceiver } from "../transport/peer-transport.ts";
import { isDamage, isMarkedDamaged, markDamaged, setAside } from "./damage.ts";
import { EnsembleLinks, type LinkEvents, type LinkOptions } from "./ensemble-links.ts";
import { type MendingOutcome, mendJournal } from "./journal-mending.ts";
import { MendingRepair } from "./mending-repair.ts";
import { loadTree, type Recovered, recover } from "./recovery.ts";
import { HISTORY_BYTES_MAX, type RuntimeEvents, type RuntimeOptions } from "./runtime-contract.ts";

/** What a member is made of, open. */
export interface OpenedParts {
  readonly incarnation: string;
  /** Undefined: it keeps everything in memory, and has no links then. */
  readonly dataDir: DataDir | undefined;
  readonly journal: Journal;
  readonly store: SnapshotStore;
  readonly recovered: Recovered;
  readonly links: EnsembleLinks | undefined;
  /** What an empty journal begins with. */
  readonly bootstrap: EnsembleConfiguration;
  /** zxid of the installed snapshot that is current, if one is. */
  readonly installed: number | undefined;
}

/** Opens what a member is made of. */
export interface PartsOpening {
  open(): Promise<OpenedParts>;
  /** Closes again what {@link open} opened, should a later step fail. */
  close(): Promise<void>;
}

/** Takes the place where a member keeps what it has; `owner` is told what the parts tell, once it is there. */
export type BeginOpening<Settings> = (
  options: Settings,
  events: RuntimeEvents,
  owner: () => PartsOwner | undefined,
) => Promise<PartsOpening>;

/** The directory of a member that has one, as all those have that have links. */
export function directoryOf({ dataDir }: Pick<OpenedParts, "dataDir">): string {
  assert(dataDir !== undefined, "a member in memory has no directory");
  return dataDir.directory;
}

/** Who is told what the parts tell, once it is there. */
export interface PartsOwner extends Omit<LinkEvents, "onNotice"> {
  onDurable(sequence: number): void;
  onFsync(ms: number): void;
  onSpaceChange(space: Journal["space"]): void;
  onRoundCommitted(zxid: number): void;
  fail(error: Error): void;
}

type Storage = Pick<OpenedParts, "journal" | "store" | "recovered" | "installed">;

/** A journal that cannot be opened as it is, and the snapshot below it. */
interface DamagedStorage {
  readonly damaged: DamagedJournal;
  readonly early: LoadedState;
}

/** Opens everything a member is made of, in order; and closes again what it opened, should a later step fail. */
export class Opening implements PartsOpening {
  private readonly dataDir: DataDir;
  private readonly options: RuntimeOptions;
  private readonly events: RuntimeEvents;
  private readonly owner: () => PartsOwner | undefined;
  private journal: Journal | undefined;
  private store: SnapshotStore | undefined;
  private links: EnsembleLinks | undefined;
  /** They load their code while this thread reads what they are to go on with. */
  private readonly threads = { journal: startJournalThread(), snapshot: startSnapshotThread() };

  /** Takes the data directory, and creates it where there is none. */
  static readonly begin: BeginOpening<RuntimeOptions> = async (options, events, owner) => {
    const dataDir = await openDataDir(options.dataDir, { memberId: options.memberId });
    return new Opening(dataDir, options, events, owner);
  };

  private constructor(
    dataDir: DataDir,
    options: RuntimeOptions,
    events: RuntimeEvents,
    owner: () => PartsOwner | undefined,
  ) {
    this.dataDir = dataDir;
    this.options = options;
    this.events = events;
    this.owner = owner;
  }

  async open(): Promise<OpenedParts> {
    const storage = await this.openStorage();
    const { links, bootstrap } = await this.openLinks(storage.recovered);
    const { dataDir } = this;
    return { incarnation: dataDir.identity.incarnation, dataDir, ...storage, links, bootstrap };
  }

  async close(): Promise<void> {
    await this.links?.stop();
    await this.closeStorage();
    await Promise.all([this.threads.journal.end(), this.threads.snapshot.end()]);
    this.dataDir.close();
  }

  private async closeStorage(): Promise<void> {
    await Promise.all([this.journal?.close(), this.store?.close()]);
    this.journal = undefined;
    this.store = undefined;
  }

  /**
   * A member among others gets from them what its journal has lost (core.md 28). What cannot be mended it puts aside,
   * and gets everything again; one that is alone cannot, and does not start.
   */
  private async openStorage(): Promise<Storage> {
    const { directory } = this.dataDir;
    const { links } = this.options;
    try {
      for (;;) {
        const found = await this.readStorage();
        if (!("damaged" in found)) return withDamage(found, isMarkedDamaged(directory));
        if (links === undefined || (await this.mend(found, links)) === "given-up") throw errorOf(directory, found);
      }
    } catch (error) {
      if (links === undefined || !isDamage(error)) throw error;
      await this.closeStorage();
      const aside = setAside(directory, error);
      const text = `the data is damaged, and put aside in ${aside}; this member gets it again from the others`;
      this.events.onNotice("error", text, { why: error.message });
      const found = await this.readStorage();
      if ("damaged" in found) throw errorOf(directory, found);
      return withDamage(found, true);
    }
  }

  private mend({ damaged, early }: DamagedStorage, links: LinkOptions): Promise<MendingOutcome> {
    const { dataDir, options, events } = this;
    const { directory, journalDirectory, identity } = dataDir;
    const { ensembleId, incarnation } = identity;
    const segmentBytes = options.journal?.segmentBytes;
    const size = segmentBytes === undefined ? {} : { segmentBytes };
    const repair = new MendingRepair(damaged, early.tree.state, ensembleId, (given) =>
      repairJournal(journalDirectory, damaged, { ...given, ...size }),
    );
    return mendJournal({
      self: { id: options.memberId, incarnation },
      ensembleId,
      links,
      repair,
      markDamaged: (why) => markDamaged(directory, why),
      onNotice: (...notice) => events.onNotice(...notice),
    });
  }

  private async readStorage(): Promise<Storage | DamagedStorage> {
    const { directory, journalDirectory } = this.dataDir;
    const { options, events, threads } = this;
    const startedAt = performance.now();
    // Where there are several snapshots, the journal says which is current; else the snapshot says how much journal to
    // read.
    const early = snapshotCount(directory) > 1 ? undefined : loadTree(directory);
    const fromZxid = early?.tree.zxid ?? 0;
    const journalOptions = { directory: journalDirectory, fromZxid, thread: threads.journal, ...options.journal };
    // Without a snapshot to go by nobody could tell what of it is needed.
    const isMendable = options.links !== undefined && early !== undefined;
    const opened = await (isMendable ? openJournalOrDamaged : openJournal)(journalOptions, this.journalEvents());
    if (!("journal" in opened)) return { damaged: opened, early: early as LoadedState };
    const { journal, recovered: found } = opened;
    this.journal = journal;
    for (const finding of found.findings) events.onNotice("warn", describeFinding(finding), {});
    const named = found.snapshotZxid === 0 ? undefined : found.snapshotZxid;
    const loaded = early ?? loadTree(directory, named);
    // The record that named it may have gone with a pruned segment; the member's own file began at 0.
    const installed = named ?? (currentSnapshot(directory)?.began || undefined);
    const recovered = recover(loaded, found, options.historyBytesMax ?? HISTORY_BYTES_MAX);
    this.tellRecovered(recovered, performance.now() - startedAt);
    removeLeftovers(directory, installed);
    const store = await openSnapshotStore(
      { directory, installed, thread: threads.snapshot },
      { onCommitted: (zxid) => this.owner()?.onRoundCommitted(zxid), onFatal: (error) => this.fail(error) },
    );
    this.store = store;
    return { journal, store, recovered, installed };
  }

  private journalEvents(): JournalEvents {
    const { owner, events } = this;
    return {
      onDurable: (sequence) => owner()?.onDurable(sequence),
      onSpaceChange: (space) => owner()?.onSpaceChange(space),
      onFatal: (error) => this.fail(error),
      onFsync: (ms) => {
        events.onFsync(ms);
        owner()?.onFsync(ms);
      },
    };
  }

  private tellRecovered({ state, batches }: Recovered, ms: number): void {
    const { table, sessions } = state.tree.state;
    this.events.onNotice("info", "recovered", {
      zxid: formatZxid(state.tree.zxid),
      znodes: table.size,
      sessions: sessions.size,
      batches,
      ms: Math.round(ms),
    });
  }

  /** The links, if this member is to have any, and the configuration that an empty journal begins with. */
  private async openLinks({ zab }: Recovered): Promise<Pick<OpenedParts, "links" | "bootstrap">> {
    const { dataDir, options, events } = this;
    const { ensembleId, incarnation } = dataDir.identity;
    const { memberId: id, peerAddress } = options;
    if (options.links === undefined) {
      const alone = { id, incarnation, role: "voter", weight: 1, group: 0, peerAddress } as const;
      return { links: undefined, bootstrap: { ensembleId, members: [alone] } };
    }
    const damagedOf = zab.isDamaged === true ? ensembleId : undefined;
    const self = { id, incarnation, configuration: zab.configuration, damagedOf };
    const links = await EnsembleLinks.open(self, options.links, this.linkEvents());
    this.links = links;
    if (zab.configuration !== undefined) return { links, bootstrap: zab.configuration };
    const { kind, configuration } = await links.decide();
    events.onNotice("info", `this empty member begins: ${kind}`, { ensembleId: configuration.ensembleId });
    if (configuration.ensembleId !== ensembleId) changeEnsembleId(dataDir, configuration.ensembleId);
    links.configure(configuration);
    return { links, bootstrap: configuration };
  }

  private linkEvents(): LinkEvents {
    const { owner } = this;
    return {
      linkUp: (peer) => owner()?.linkUp(peer),
      linkDown: (peer) => owner()?.linkDown(peer),
      received: (peer, frame) => owner()?.received(peer, frame),
      heard: (peer) => owner()?.heard(peer),
      bulkArrived: (peer, stream) => this.passBulk(peer, stream),
      onNotice: (...notice) => this.events.onNotice(...notice),
    };
  }

  private passBulk(peer: number, stream: BulkReceiver): void {
    const running = this.owner();
    if (running === undefined) stream.refuse("this member is starting");
    else running.bulkArrived(peer, stream);
  }

  private fail(error: Error): void {
    const running = this.owner();
    if (running === undefined) this.events.onFatal(error);
    else running.fail(error);
  }
}

function withDamage(storage: Storage, isDamaged: boolean): Storage {
  const { recovered } = storage;
  return { ...storage, recovered: { ...recovered, zab: { ...recovered.zab, isDamaged } } };
}

function errorOf(directory: string, { damaged }: DamagedStorage): JournalDamagedError {
  return new JournalDamagedError(directory, damaged.report.findings);
}
