import type { ConfiguredMember } from "../zab/ensemble-configuration.ts";
import type { EpochStart } from "../zab/epoch-ends.ts";
import type { ZabEffects, ZabOptions } from "../zab/zab-contract.ts";
import type { DiskFigures } from "./disk-health.ts";
import type { MendAsk } from "./mend-message.ts";

/** The part of zab's effects that reaches the world. */
type OuterZabEffects = Pick<
  ZabEffects,
  | "append"
  | "hasRoom"
  | "send"
  | "disconnect"
  | "readHistory"
  | "sendSnapshot"
  | "stopSending"
  | "configurationChanged"
  | "mended"
  | "now"
>;

/**
 * What the member asks of the world. Every method returns at once; completions come back as events. The body of a
 * record is copied before `append` returns; a frame given to `send` is never changed afterwards.
 */
export interface MemberEffects extends OuterZabEffects {
  /**
   * Answers a member that mends its journal: with what this member's journal has of that, durable, committed or not.
   *
   * @param starts of all epochs that this member knows of
   */
  lend(peer: number, ask: MendAsk, starts: readonly EpochStart[]): void;
  /** Asks for the event `endTurn`, once everything that has arrived has been handed in. */
  requestTurnEnd(): void;
  /** Asks for the event `applyMore` soon, after other work had its turn. */
  requestApply(): void;
  /** A transition worth one line in the log. */
  transition(event: MemberTransition): void;
  /** Leader commit latency of one batch, ms: from its closing to its commit. */
  committed(latencyMs: number, commands: number): void;
  /** Wall clock, ms since 1970. Only a new leader's clock looks at it. */
  wallClock(): number;
}

export type MemberTransition =
  | {
      readonly kind: "role";
      readonly role: MemberRoleName;
      readonly epoch: number;
      readonly zxid: number;
      /** 0: none. */
      readonly leaderId: number;
      /** Of the end of a role; empty otherwise. */
      readonly why: string;
    }
  | { readonly kind: "configuration"; readonly zxid: number; readonly members: readonly ConfiguredMember[] }
  /** This tree differs from a leader's at that zxid: a quorum has to say who is right. Nothing is applied meanwhile. */
  | { readonly kind: "diverged"; readonly zxid: number }
  /** A quorum has another tree at that zxid: this member serves no more until it has a snapshot. */
  | { readonly kind: "condemned"; readonly zxid: number }
  /** Nobody remembers who was right at that zxid: this member applies further, and serves once it is proven right. */
  | { readonly kind: "on-probation"; readonly zxid: number }
  /** This leader hands over for its disk: of so many fsyncs in the last seconds, so many were slow (core.md 22). */
  | ({ readonly kind: "slow-disk"; readonly zxid: number; readonly isFull: boolean } & DiskFigures)
  /**
   * Every member offered a higher level (core.md 5): from now on none can go back to a program that does not know it.
   */
  | { readonly kind: "feature-level"; readonly level: number; readonly zxid: number }
  | { readonly kind: "sessions-expired"; readonly count: number; readonly zxid: number };

export type MemberRoleName = "starting" | "looking" | "leader" | "follower" | "observer" | "stopped";

export interface MemberOptions extends ZabOptions {
  /** Requests in flight on the whole member, bytes; above it OVERLOADED. */
  readonly outstandingBytesMax: number;
  /** How long a read waits for its min_zxid or barrier, ms; then NOT_CAUGHT_UP. */
  readonly barrierWaitMs: number;
  /** Recent events kept for watches that resume, bytes. */
  readonly historyBytesMax: number;
  /** Numbers of requests without a session begin here: random, so that two runs of a member do not share any. */
  readonly firstUnaryNumber: number;
}

/** Why writes that make the tree grow are refused, set by the runtime. */
export interface Pressure {
  /** The journal cannot claim space. */
  disk: boolean;
  /** Memory is above its high-water mark. */
  memory: boolean;
}
