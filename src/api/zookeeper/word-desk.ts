import type { Coordination } from "../../coordination/port.ts";
import { answerWord, resetOf } from "./four-letter-words/answer-word.ts";
import { type Mode, modeOf } from "./four-letter-words/mode.ts";
import type { DoorStatistics } from "./four-letter-words/request-statistics.ts";
import type {
  ConnectionFacts,
  EnsembleFacts,
  EnvironmentFacts,
  FolderFacts,
  OptionFacts,
  ProcessFacts,
  SessionFacts,
  VersionFacts,
  WatchFacts,
  WordFacts,
} from "./four-letter-words/word-facts.ts";
import type { Word } from "./four-letter-words/words.ts";
import type { ZookeeperConnection } from "./zookeeper-connection.ts";

/** What four-letter words tell of the process and its options: known to whoever starts the door. */
export interface WordSources {
  readonly version: VersionFacts;
  readonly process: () => ProcessFacts;
  readonly options: () => OptionFacts;
  readonly folders: () => FolderFacts;
  readonly environment: () => EnvironmentFacts;
  readonly ensemble: () => EnsembleFacts | undefined;
  /** `srst` begins the counts of the leader anew, too. */
  readonly resetEnsemble: () => void;
}

/** What they tell of the door. */
export interface WordContext {
  readonly coordination: Coordination;
  readonly statistics: DoorStatistics;
  readonly connections: ReadonlySet<ZookeeperConnection>;
  readonly hasLostQuorum: () => boolean;
}

/** Answers four-letter words: gathers what they tell. */
export class WordDesk {
  private readonly allowed: ReadonlySet<Word>;
  private readonly sources: WordSources;
  private readonly context: WordContext;

  constructor(allowed: ReadonlySet<Word>, sources: WordSources, context: WordContext) {
    this.allowed = allowed;
    this.sources = sources;
    this.context = context;
  }

  /** The text that ends the connection it is sent on. */
  answer(word: Word): string {
    const facts = this.facts();
    const text = answerWord(word, facts, this.allowed);
    const reset = resetOf(word, facts, this.allowed);
    if (reset === "door") {
      this.context.statistics.reset();
      this.sources.resetEnsemble();
    }
    if (reset === "connections") for (const { statistics } of this.context.connections) statistics.reset();
    return text;
  }

  private facts(): WordFacts {
    const { sources, context } = this;
    const { coordination, statistics } = context;
    const { version, process, ensemble, options, folders, environment } = sources;
    return {
      version,
      mode: this.mode(),
      statistics,
      process,
      ensemble,
      options,
      folders,
      environment,
      tree: () => {
        const { zxid, counts } = coordination.status();
        const { nodes, ephemerals, dataBytes, sessions, watches } = counts;
        return { zxid, nodes, ephemerals, dataBytes, sessions, watches };
      },
      connectionCount: context.connections.size,
      connections: () => [...context.connections].map(connectionFacts),
      sessions: () => this.sessions(),
      watches: () => this.watches(),
      digests: () => coordination.digests(),
    };
  }

  private mode(): Mode | undefined {
    const { coordination, hasLostQuorum } = this.context;
    const { role, members } = coordination.status();
    return modeOf({ role, isAlone: members.length === 1, servesReadOnly: hasLostQuorum() });
  }

  /** When a session ends is known where its client is connected, to this member. */
  private sessions(): SessionFacts[] {
    const own = new Map([...this.context.connections].map((connection) => [connection.sessionId, connection]));
    return this.context.coordination.sessions().map(({ sessionId: id, timeoutMs, ephemerals }) => {
      return { id, timeoutMs, ephemerals, expiresAt: own.get(id)?.expiresAt };
    });
  }

  private *watches(): Iterable<WatchFacts> {
    for (const { sessionId, watches } of this.context.connections) {
      for (const path of watches.paths()) yield { sessionId, path };
    }
  }
}

function connectionFacts(connection: ZookeeperConnection): ConnectionFacts {
  const {
    address: remoteAddress,
    port: remotePort,
    isSecure,
    sessionId,
    timeoutMs,
    expiresAt,
    statistics,
  } = connection;
  return { remoteAddress, remotePort, isSecure, sessionId, timeoutMs, expiresAt, statistics };
}
