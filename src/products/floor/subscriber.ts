import type { FollowedTopic, TopicFollower } from "./topic.ts";

/** Where a subscriber's messages go: a stream of some door. */
export interface SubscriberSink {
  /** Written and not sent yet, bytes. */
  readonly unsentBytes: number;
  /** Takes a message, which is shared and never changes. */
  write(message: Uint8Array): void;
  /** Ends it: its client does not read (WATCH_OVERFLOW), and comes back with the versions it has. */
  cut(): void;
}

/** Who sees to it that subscribers are told. */
export interface SubscriberHost {
  /** What one subscriber may have unsent before it has to wait, bytes. */
  readonly unsentBytesMax: number;
  /** It has something to be told, and waits for its turn. */
  isReady(subscriber: Subscriber): void;
  /** It has so much unsent now, after so much before. */
  counted(subscriber: Subscriber, bytes: number, before: number): void;
}

/**
 * One client's stream, which follows topics. It is told the newest version of each when its turn comes: what was
 * published while it waited or did not read is passed over. At most `unsentBytesMax` and one message wait in its sink.
 */
export class Subscriber implements TopicFollower {
  private readonly sink: SubscriberSink;
  private readonly host: SubscriberHost;
  /** The version the client has of each topic, as far as it has been told. */
  private readonly versions = new Map<FollowedTopic, number>();
  /** Topics with something to tell, in the order they have waited. */
  private readonly due = new Set<FollowedTopic>();
  private countedBytes = 0;
  private isQueued = false;
  private isClosed = false;

  constructor(sink: SubscriberSink, host: SubscriberHost) {
    this.sink = sink;
    this.host = host;
  }

  /** Follows a topic, from the version its client has (0: none); without effect once it is closed. */
  subscribe(topic: FollowedTopic, version: number): void {
    if (this.isClosed) return;
    this.versions.set(topic, version);
    topic.join(this);
    this.published(topic);
  }

  unsubscribe(topic: FollowedTopic): void {
    topic.leave(this);
    this.versions.delete(topic);
    this.due.delete(topic);
  }

  /** A message for this subscriber alone, at once. */
  send(message: Uint8Array): void {
    if (this.isClosed) return;
    this.sink.write(message);
    this.recount();
  }

  /** The sink sent something. */
  drained(): void {
    if (this.isClosed) return;
    this.recount();
    this.queue();
  }

  /** The stream is over. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const topic of this.versions.keys()) topic.leave(this);
    this.versions.clear();
    this.due.clear();
    this.host.counted(this, 0, this.countedBytes);
  }

  /** Its client does not read. */
  cut(): void {
    this.close();
    this.sink.cut();
  }

  /** A topic has another version. */
  published(topic: FollowedTopic): void {
    if (topic.version <= (this.versions.get(topic) ?? 0)) return;
    this.due.add(topic);
    this.queue();
  }

  /** Its turn: tells it of one topic, if there is room, and queues it again for the next. */
  takeTurn(): void {
    this.isQueued = false;
    const [topic] = this.due;
    // Without room it has another turn once its client has read something.
    if (topic === undefined || this.sink.unsentBytes >= this.host.unsentBytesMax) return;
    this.due.delete(topic);
    this.tell(topic);
    this.queue();
  }

  private tell(topic: FollowedTopic): void {
    const message = topic.messageFor(this.versions.get(topic) ?? 0);
    if (message === undefined) return;
    this.versions.set(topic, topic.version);
    this.sink.write(message);
    this.recount();
  }

  private queue(): void {
    if (this.isQueued || this.isClosed || this.due.size === 0) return;
    this.isQueued = true;
    this.host.isReady(this);
  }

  private recount(): void {
    // The sink may have ended this subscriber meanwhile.
    if (this.isClosed) return;
    const { unsentBytes } = this.sink;
    const before = this.countedBytes;
    this.countedBytes = unsentBytes;
    this.host.counted(this, unsentBytes, before);
  }
}
