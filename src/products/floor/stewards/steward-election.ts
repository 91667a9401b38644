import type { Coordination } from "../../../coordination/port.ts";
import { encodeUtf8 } from "../../../core/base/bytes.ts";
import { OK } from "../../../core/base/errors.ts";
import { type CreateOperation, createMode, type Identity } from "../../../core/tree/operation.ts";
import { SessionLostError, TreeSession } from "../tree-session.ts";
import { electionPath, parentsOf } from "./steward-layout.ts";

/** After a failure that waiting may cure, the election is joined again after this, ms. */
const REJOIN_MS = 1_000;
const CANDIDATE = "candidate-";
const NOTHING = new Uint8Array(0);

/** What a candidate is told, in turns. */
export interface ElectionListener {
  elected(): void;
  /**
   * Another member may be the steward by now. A member that stands still is not told before it goes on: whatever the
   * steward does has to be harmless when it is done twice (products.md 3).
   */
  deposed(): void;
}

export interface ElectionOptions {
  readonly product: string;
  readonly memberId: number;
  readonly identities: readonly Identity[];
  readonly sessionTimeoutMs?: number;
}

/**
 * The election of one product's steward among the members, by the usual recipe: an ephemeral-sequential znode for each
 * candidate, of which the oldest holds the office. There are few candidates, so all of them look when one goes.
 */
export class StewardElection {
  /** What the product does as its steward, it does on this session. */
  readonly session: TreeSession;
  private readonly options: ElectionOptions;
  private readonly listener: ElectionListener;
  /** Of this session; undefined until it has been made. */
  private candidate: string | undefined;
  private isSteward = false;
  private isStopped = false;
  /** Joining or looking; what comes meanwhile is looked at afterwards. */
  private isBusy = false;
  private isStale = false;
  private retry: NodeJS.Timeout | undefined;

  constructor(coordination: Pick<Coordination, "connect">, options: ElectionOptions, listener: ElectionListener) {
    this.options = options;
    this.listener = listener;
    this.session = new TreeSession(
      coordination,
      options.identities,
      { opened: () => this.look(), lost: () => this.lose(), changed: () => this.look() },
      options.sessionTimeoutMs,
    );
  }

  get holdsOffice(): boolean {
    return this.isSteward;
  }

  start(): void {
    this.session.start();
  }

  /** Gives the office up; resolves when another member may take it. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.retry);
    this.depose();
    await this.session.stop();
  }

  private lose(): void {
    this.candidate = undefined;
    this.depose();
  }

  private look(): void {
    if (this.isStopped) return;
    this.isStale = true;
    if (this.isBusy) return;
    this.isBusy = true;
    this.lookUntilFresh()
      .catch((error: unknown) => {
        // A new session begins anew by itself.
        if (!(error instanceof SessionLostError)) this.lookLater();
      })
      .finally(() => {
        this.isBusy = false;
      });
  }

  private lookLater(): void {
    clearTimeout(this.retry);
    if (!this.isStopped) this.retry = setTimeout(() => this.look(), REJOIN_MS).unref();
  }

  private async lookUntilFresh(): Promise<void> {
    while (this.isStale && !this.isStopped) {
      this.isStale = false;
      this.candidate ??= await this.join();
      const oldest = await this.oldest();
      if (this.isStopped) return;
      // Somebody with every right has deleted it: stand again.
      if (!oldest.all.includes(this.candidate ?? "")) {
        this.lose();
        this.isStale = true;
      } else if (oldest.name === this.candidate) this.elect();
      else this.depose();
    }
  }

  private async join(): Promise<string> {
    const path = electionPath(this.options.product);
    for (const parent of parentsOf(path)) await this.create({ ...persistent(parent), ifAbsent: true });
    const data = encodeUtf8(JSON.stringify({ member: this.options.memberId }));
    const mode = createMode.EPHEMERAL_SEQUENTIAL;
    const made = await this.create({ kind: "create", path: `${path}/${CANDIDATE}`, data, mode });
    return made.slice(path.length + 1);
  }

  private create(operation: CreateOperation): Promise<string> {
    return this.session.write(operation, ({ code, path }) => {
      if (code !== OK) throw new Error(`${operation.path} cannot be created: ${code}`);
      return path;
    });
  }

  /** Leaves a watch. Names come in the order of creation. */
  private oldest(): Promise<{ readonly name: string | undefined; readonly all: readonly string[] }> {
    const path = electionPath(this.options.product);
    const list = { kind: "list", path, limit: 0, cursor: NOTHING, whole: true } as const;
    return this.session.read(
      list,
      ({ code, names }) => {
        const all = code === OK ? names.filter((name) => name.startsWith(CANDIDATE)) : [];
        return { name: all[0], all };
      },
      "children",
    );
  }

  private elect(): void {
    if (this.isSteward) return;
    this.isSteward = true;
    this.listener.elected();
  }

  private depose(): void {
    if (!this.isSteward) return;
    this.isSteward = false;
    this.listener.deposed();
  }
}

function persistent(path: string): CreateOperation {
  return { kind: "create", path, data: NOTHING, mode: createMode.PERSISTENT };
}
