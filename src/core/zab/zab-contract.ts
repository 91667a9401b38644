import type { EnsembleConfiguration } from "./ensemble-configuration.ts";
import type { JournalRecord } from "./journal-record.ts";

/** What zab needs to know of the batches it carries. */
export interface BatchFormat {
  /** zxids of the first and the last command. Throws FormatError. */
  range(body: Uint8Array): { readonly firstZxid: number; readonly lastZxid: number };
  /** The encoded configuration that a batch brings, if it changes the configuration. */
  configuration(body: Uint8Array): Uint8Array | undefined;
}

/** What journal and snapshot brought back at start. */
export interface RecoveredZab {
  /** Highest epoch promised to anyone, 0 if none. */
  readonly acceptedEpoch: number;
  /** To whom. */
  readonly promisedTo: number;
  /** Epoch whose data this member has, 0 if none. */
  readonly currentEpoch: number;
  readonly lastZxid: number;
  /** What is known to be committed, all of it applied to the tree; the rest waits for a leader (core.md 23). */
  readonly committedZxid: number;
  /** The batches above that, as PROPOSE messages. */
  readonly tail: readonly Uint8Array[];
  /** The journal has all batches above it. */
  readonly baseZxid: number;
  /** The last zxid of each epoch above the base, ascending. */
  readonly epochEnds: readonly number[];
  readonly configuration: EnsembleConfiguration | undefined;
  /** Of the batch that brought it; 0 for the one the ensemble began with. */
  readonly configurationZxid: number;
  /**
   * What this member acknowledged or promised may be lost, with its disk or by damage: it takes no part in elections
   * and epochs until a leader's whole history is here again (core.md 28).
   */
  readonly isDamaged?: boolean | undefined;
  /** The one before, while the latest may be uncommitted. */
  readonly formerConfiguration: EnsembleConfiguration | undefined;
}

/** A batch read back from this member's journal. */
export interface HistoryBatch {
  readonly firstZxid: number;
  readonly lastZxid: number;
  readonly body: Uint8Array;
}

/** A member there is a link to, as it introduced itself. */
export interface PeerIdentity {
  readonly id: number;
  readonly incarnation: string;
  /** Where it wants to be dialled. */
  readonly address?: string | undefined;
}

/** What zab asks of the world. Every method returns at once. */
export interface ZabEffects {
  /** Queues a journal record; `durable(sequence)` follows when it and everything before it is fsynced. */
  append(record: JournalRecord): number;
  /** Whether the journal can take a body of this size now; if not, `durable` or `roomMade` follows when it can. */
  hasRoom(bytes: number): boolean;
  /** Sends a message, which nobody changes any more; dropped when there is no link. */
  send(peer: number, frame: Uint8Array): void;
  /** Lets the link to a peer go; `linkDown` follows. */
  disconnect(peer: number, why: string): void;
  /**
   * Reads batches above `afterZxid` from this member's journal for a learner: `historyRead` follows, or `historyGone`
   * when the journal does not reach back so far.
   */
  readHistory(peer: number, afterZxid: number): void;
  /**
   * Sends a snapshot of `atLeastZxid` or later to a learner, which says itself when it is installed. An older one would
   * make a voter forget what it has acknowledged.
   */
  sendSnapshot(peer: number, atLeastZxid: number): void;
  /** The peer needs neither history nor snapshot any more. */
  stopSending(peer: number): void;
  /** This member leads `epoch`, a quorum has its history: proposals may begin. */
  established(epoch: number): void;
  /** This member follows, and has the leader's history up to its last proposal: it may serve. */
  following(leaderId: number, epoch: number): void;
  /** There is no leader any more, as far as this member knows. Comes before any other leader's words. */
  looking(why: string): void;
  /** A leader was found, or this member was elected: not serving yet. */
  joining(leaderId: number): void;
  /** A damaged member has everything again: it counts as any other from now on. */
  mended(): void;
  /** The commit point has moved. */
  committed(): void;
  /** A quorum answered the round begun by `beginRound`. */
  roundConfirmed(round: number): void;
  /** The configuration in force has changed: other members to talk to. */
  configurationChanged(configuration: EnsembleConfiguration): void;
  /** What a peer has said of its tree: its digest at a zxid. */
  digestHeard(peer: number, zxid: number, digest0: number, digest1: number): void;
  /** A round's answer is about to leave: what must reach the leader before it goes first (core.md 11). */
  beforePong(): void;
  /** This member's last applied zxid and the digest of its tree there. */
  digest(): { readonly zxid: number; readonly lane0: number; readonly lane1: number };
  /** Monotonic ms. */
  now(): number;
}

export interface ZabOptions {
  readonly memberId: number;
  /** Random, made with the data directory. */
  readonly incarnation: string;
  /** The configuration an empty journal begins with. */
  readonly bootstrap: EnsembleConfiguration;
  /** An epoch ends when its counter comes this near to its end; a test sets it low. Default: one batch below 2^32. */
  readonly counterMax?: number | undefined;
  /** The highest feature level this member offers: told to the others. Default 0; of a whole member all it knows. */
  readonly featureLevel?: number | undefined;
  /** A peer silent for so long is taken for gone, ms. Default 1,000. */
  readonly peerTimeoutMs?: number | undefined;
  /** Bytes of recent batches kept in memory for learners that are a little behind. Default 16 MiB. */
  readonly recentBytes?: number | undefined;
  /** What may be on its way to a learner and not acknowledged, bytes. Default 16 MiB. */
  readonly learnerWindowBytes?: number | undefined;
}
