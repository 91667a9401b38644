import type { Coordination } from "../../coordination/port.ts";
import type { AuthOptions } from "./auth-desk.ts";
import type { BufferPool } from "./buffer-pool.ts";
import type { ClientStanding } from "./client-standing.ts";
import type { ZookeeperDoorLog } from "./door-log.ts";
import type { EnsembleDesk } from "./ensemble-desk.ts";
import type { EventFrames } from "./event-frames.ts";
import type { DoorStatistics } from "./four-letter-words/request-statistics.ts";
import type { Word } from "./four-letter-words/words.ts";
import type { ZookeeperLimits } from "./zookeeper-limits.ts";

/** What all connections of the door share. */
export interface DoorContext {
  readonly coordination: Coordination;
  readonly limits: ZookeeperLimits;
  readonly log: ZookeeperDoorLog;
  readonly pool: BufferPool;
  readonly eventFrames: EventFrames;
  readonly ensemble: EnsembleDesk;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** Last applied by this member. */
  readonly zxid: () => number;
  /** There has been no leader for so long that writers are sent away and read-only clients taken. */
  readonly hasLostQuorum: () => boolean;
  readonly auth: AuthOptions;
  readonly statistics: DoorStatistics;
  /** The text for the word a connection began with. */
  readonly answerWord: (word: Word, standing: ClientStanding) => string;
}
