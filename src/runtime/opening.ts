import { performance } from "node:perf_hooks";
import { formatZxid } from "../core/base/zxid.ts";
import type { EnsembleConfiguration } from "../core/zab/ensemble-configuration.ts";
import { changeEnsembleId, type DataDir } from "../storage/data-dir.ts";
import { describeFinding } from "../storage/journal/finding.ts";
import { type Journal, openJournal } from "../storage/journal/journal.ts";
import { currentSnapshot, removeLeftovers, snapshotCount } from "../storage/snapshot/snapshot-files.ts";
import { openSnapshotStore, type SnapshotStore } from "../storage/snapshot/snapshot-store.ts";
import type { BulkReceiver } from "../transport/peer-transport.ts";
import { isDamage, isMarkedDamaged, setAside } from "./damage.ts";
import { EnsembleLinks, type LinkEvents } from "./ensemble-links.ts";
import { loadTree, type Recovered, recover } from "./recovery.ts";
import { HISTORY_BYTES_MAX, type RuntimeEvents, type RuntimeOptions } from "./runtime-contract.ts";

/** What a member is made of, open. */
export interface OpenedParts {
  readonly dataDir: DataDir;
  readonly journal: Journal;
  readonly store: SnapshotStore;
  readonly recovered: Recovered;
  readonly links: EnsembleLinks | undefined;
  /** What an empty journal begins with. */
  readonly bootstrap: EnsembleConfiguration;
  /** zxid of the installed snapshot that is current, if one is. */
  readonly installed: number | undefined;
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

/** Opens everything a member is made of, in order; and closes again what it opened, should a later step fail. */
export class Opening {
  private readonly dataDir: DataDir;
  private readonly options: RuntimeOptions;
  private readonly events: RuntimeEvents;
  private readonly owner: () => PartsOwner | undefined;
  private journal: Journal | undefined;
  private store: SnapshotStore | undefined;
  private links: EnsembleLinks | undefined;

  constructor(dataDir: DataDir, options: RuntimeOptions, events: RuntimeEvents, owner: () => PartsOwner | undefined) {
    this.dataDir = dataDir;
    this.options = options;
    this.events = events;
    this.owner = owner;
  }

  async open(): Promise<OpenedParts> {
    const storage = await this.openStorage();
    const { links, bootstrap } = await this.openLinks(storage.recovered);
    return { dataDir: this.dataDir, ...storage, links, bootstrap };
  }

  async close(): Promise<void> {
    await this.links?.stop();
    await this.closeStorage();
    this.dataDir.close();
  }

  private async closeStorage(): Promise<void> {
    await Promise.all([this.journal?.close(), this.store?.close()]);
    this.journal = undefined;
    this.store = undefined;
  }

  /**
   * A member among others puts aside what is damaged and gets everything again from them (core.md 28); one that is
   * alone cannot, and does not start.
   */
  private async openStorage(): Promise<Storage> {
    const { directory } = this.dataDir;
    try {
      const storage = await this.readStorage();
      const isDamaged = isMarkedDamaged(directory);
      const { recovered } = storage;
      return { ...storage, recovered: { ...recovered, zab: { ...recovered.zab, isDamaged } } };
    } catch (error) {
      if (this.options.links === undefined || !isDamage(error)) throw error;
      await this.closeStorage();
      const aside = setAside(directory, error);
      const text = `the data is damaged, and put aside in ${aside}; this member gets it again from the others`;
      this.events.onNotice("error", text, { why: error.message });
      const { recovered, ...rest } = await this.readStorage();
      return { ...rest, recovered: { ...recovered, zab: { ...recovered.zab, isDamaged: true } } };
    }
  }

  private async readStorage(): Promise<Storage> {
    const { directory, journalDirectory } = this.dataDir;
    const { options, events, owner } = this;
    const startedAt = performance.now();
    const onFatal = (error: Error): void => this.fail(error);
    // Where there are several snapshots, the journal says which is current; else the snapshot says how much journal to
    // read.
    const early = snapshotCount(directory) > 1 ? undefined : loadTree(directory);
    const { journal, recovered: found } = await openJournal(
      { directory: journalDirectory, fromZxid: early?.tree.zxid ?? 0, ...options.journal },
      {
        onDurable: (sequence) => owner()?.onDurable(sequence),
        onSpaceChange: (space) => owner()?.onSpaceChange(space),
        onFatal,
        onFsync: (ms) => {
          events.onFsync(ms);
          owner()?.onFsync(ms);
        },
      },
    );
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
      { directory, installed },
      { onCommitted: (zxid) => owner()?.onRoundCommitted(zxid), onFatal },
    );
    this.store = store;
    return { journal, store, recovered, installed };
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
