import type { SizeStatistics } from "../../../core/base/size-statistics.ts";
import type { Mode } from "./mode.ts";
import type { ConnectionStatistics, DoorStatistics } from "./request-statistics.ts";

/**
 * All that the texts are made of. What costs something to gather is a function, called at most once for a text and only
 * for the words that print it. Session ids, zxids: safe integers. Times of day: ms since 1970.
 */
export interface WordFacts {
  readonly version: VersionFacts;
  /** Undefined: not serving, which is then the answer to nearly every word. */
  readonly mode: Mode | undefined;
  readonly statistics: DoorStatistics;
  readonly tree: () => TreeFacts;
  readonly process: () => ProcessFacts;
  /** Undefined: the member is alone. Not asked for in the mode `read-only`. */
  readonly ensemble: () => EnsembleFacts | undefined;
  readonly options: () => OptionFacts;
  readonly folders: () => FolderFacts;
  readonly environment: () => EnvironmentFacts;
  /** Of this member, the one that asks among them, as in ZooKeeper. */
  readonly connectionCount: number;
  readonly connections: () => readonly ConnectionFacts[];
  /** Of the whole ensemble. */
  readonly sessions: () => readonly SessionFacts[];
  /** Of this member's sessions, of every kind. */
  readonly watches: () => Iterable<WatchFacts>;
  /** Of the tree after some zxids, oldest first. */
  readonly digests: () => Iterable<DigestFacts>;
}

export interface VersionFacts {
  /** Begins with the ZooKeeper version spoken, as tools read it: `3.8.0-muster-0.1.0`. */
  readonly text: string;
  readonly builtAt: number;
}

export interface TreeFacts {
  /** Last applied. */
  readonly zxid: number;
  readonly nodes: number;
  readonly ephemerals: number;
  readonly dataBytes: number;
  /** Of the whole ensemble. */
  readonly sessions: number;
  /** Registered at this member. */
  readonly watches: number;
}

export interface ProcessFacts {
  readonly uptimeMs: number;
  /** Undefined where the system does not tell. */
  readonly openFiles: number | undefined;
  readonly openFilesMax: number | undefined;
}

export interface EnsembleFacts {
  readonly leaderId: number;
  /** Those with a vote. */
  readonly votingMembers: number;
  /** Undefined: this member does not lead. */
  readonly leader: LeaderFacts | undefined;
}

export interface LeaderFacts {
  /** Followers and observers connected. */
  readonly learners: number;
  readonly syncedFollowers: number;
  readonly syncedObservers: number;
  /** In bytes. */
  readonly proposalSizes: Pick<SizeStatistics, "last" | "min" | "max">;
  /** Since it leads. */
  readonly uptimeMs: number;
}

export interface OptionFacts {
  readonly serverId: number;
  /** Undefined: there is none of the kind. */
  readonly clientPort: number | undefined;
  readonly secureClientPort: number | undefined;
  readonly tickMs: number;
  /** From one address; 0: no limit. */
  readonly connectionsPerAddressMax: number;
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  /** Undefined: the member is alone. */
  readonly ensemble: EnsembleOptionFacts | undefined;
}

export interface EnsembleOptionFacts {
  readonly initLimitTicks: number;
  readonly syncLimitTicks: number;
  readonly electionPort: number;
  readonly quorumPort: number;
  readonly isObserver: boolean;
  /** `server.1=host:port:port:participant`, one a line, and `version=`zxid in hexadecimal; no newline at its end. */
  readonly membership: string;
}

export interface FolderFacts {
  readonly data: string;
  readonly dataBytes: number;
  readonly journal: string;
  readonly journalBytes: number;
}

export interface EnvironmentFacts {
  readonly hostName: string;
  /** Of Node, without the `v`. */
  readonly runtimeVersion: string;
  /** Of V8. */
  readonly engineVersion: string;
  /** Where Node is. */
  readonly runtimeFolder: string;
  /** The file the program began with. */
  readonly program: string;
  readonly temporaryFolder: string;
  readonly systemName: string;
  readonly architecture: string;
  readonly systemVersion: string;
  readonly userName: string;
  readonly userFolder: string;
  readonly workingFolder: string;
  /** Of the heap: what of `heapBytes` is unused, the limit, and what it has claimed. */
  readonly freeBytes: number;
  readonly heapBytesMax: number;
  readonly heapBytes: number;
}

export interface ConnectionFacts {
  /** As Node gives it. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly isSecure: boolean;
  /** 0: none, as before the handshake and for a connection that says a word. */
  readonly sessionId: number;
  /** Of its session. */
  readonly timeoutMs: number;
  /** When it is closed if nothing more is heard. */
  readonly expiresAt: number;
  readonly statistics: ConnectionStatistics;
}

export interface SessionFacts {
  readonly id: number;
  readonly timeoutMs: number;
  /** When it ends if nothing more is heard; undefined where that is not known, as only who leads watches sessions. */
  readonly expiresAt: number | undefined;
  readonly ephemerals: readonly string[];
}

export interface WatchFacts {
  readonly sessionId: number;
  readonly path: string;
}

export interface DigestFacts {
  readonly zxid: number;
  readonly digest: string;
}
