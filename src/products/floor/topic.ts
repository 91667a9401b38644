import { assert } from "../../core/base/assert.ts";

/** How one kind of subscribers is told. The results are shared by all of them and never change. */
export interface TopicEncoder<Content, Change> {
  /** All there is at a version: a whole message, good for whoever has any other version or none. */
  snapshot(content: Content, version: number): Uint8Array;
  /** A whole message, good for whoever has the version before. */
  delta(change: Change, version: number): Uint8Array;
}

export interface TopicOptions<Content, Change> {
  readonly encoder: TopicEncoder<Content, Change>;
  /** The encoder threw: nobody is told of this version. A defect, for the log. */
  onDefect(error: unknown): void;
}

/** A topic as whoever follows it sees it. */
export interface FollowedTopic {
  /** 0: nothing was published yet. */
  readonly version: number;
  /** What brings whoever has a version to the current one; undefined where there is nothing to tell. */
  messageFor(version: number): Uint8Array | undefined;
  join(follower: TopicFollower): void;
  leave(follower: TopicFollower): void;
}

/** Who is told that there is another version. */
export interface TopicFollower {
  published(topic: FollowedTopic): void;
}

interface Published<Content, Change> {
  readonly content: Content;
  readonly change: Change | undefined;
}

/**
 * Something that subscribers follow: a namespace's effective content, a service's instances. It has a version, a zxid
 * that rises; equal versions mean equal contents, on whichever member. Whoever is exactly one version behind gets the
 * delta, whoever else the snapshot; each is encoded once for all who get it, when the first one does (products.md 18).
 */
export class Topic<Content, Change> implements FollowedTopic {
  private readonly options: TopicOptions<Content, Change>;
  private readonly followers = new Set<TopicFollower>();
  private published: Published<Content, Change> | undefined;
  private currentVersion = 0;
  private versionBefore = 0;
  private snapshot: Uint8Array | undefined;
  private delta: Uint8Array | undefined;
  private isUnspeakable = false;

  constructor(options: TopicOptions<Content, Change>) {
    this.options = options;
  }

  get version(): number {
    return this.currentVersion;
  }

  /** Nobody follows it. */
  get isIdle(): boolean {
    return this.followers.size === 0;
  }

  /** `change` leads here from the version published before; undefined where that is not to be told. */
  publish(version: number, content: Content, change: Change | undefined): void {
    assert(version > this.currentVersion, "a topic's version did not rise");
    this.published = { content, change };
    this.versionBefore = this.currentVersion;
    this.currentVersion = version;
    this.snapshot = undefined;
    this.delta = undefined;
    this.isUnspeakable = false;
    for (const follower of this.followers) follower.published(this);
  }

  messageFor(version: number): Uint8Array | undefined {
    const { published, options } = this;
    // Whoever has a later version has it from a member that is ahead of this one, and is not taken back.
    if (published === undefined || version >= this.currentVersion || this.isUnspeakable) return undefined;
    const { content, change } = published;
    try {
      if (change !== undefined && version > 0 && version === this.versionBefore) {
        this.delta ??= options.encoder.delta(change, this.currentVersion);
        return this.delta;
      }
      this.snapshot ??= options.encoder.snapshot(content, this.currentVersion);
      return this.snapshot;
    } catch (error) {
      this.isUnspeakable = true;
      options.onDefect(error);
      return undefined;
    }
  }

  join(follower: TopicFollower): void {
    this.followers.add(follower);
  }

  leave(follower: TopicFollower): void {
    this.followers.delete(follower);
  }
}
