import { createHash } from "node:crypto";
import { assert } from "../core/base/assert.ts";
import { ByteWriter, FormatError } from "../core/base/bytes.ts";
import type { EnsembleConfiguration } from "../core/zab/ensemble-configuration.ts";
import type { PeerInfo } from "../transport/peer-transport.ts";
import { decodePeerAbout, type PeerAbout } from "./peer-about.ts";

/** A member as it counts in a bootstrap. */
export interface InitialMember {
  readonly id: number;
  readonly incarnation: string;
  /** Where it says it wants to be dialled. */
  readonly address: string;
}

/** How an empty member begins. */
export interface StartDecision {
  /**
   * `bootstrap`: with all other initial members, each of which computes this same configuration. `adopt`: an ensemble
   * lists this member, which had not recorded it yet. `join`: an ensemble does not know this member, or not this
   * incarnation of it; it begins as a non-voter.
   */
  readonly kind: "bootstrap" | "adopt" | "join";
  readonly configuration: EnsembleConfiguration;
}

/** There is nothing to decide yet; `waitsFor` says why, for people. */
export interface StillWaiting {
  readonly kind: "wait";
  readonly waitsFor: string;
}

/** A peer with a live link. */
export interface SeenPeer extends InitialMember {
  readonly about: PeerAbout;
}

/**
 * The configuration of a new ensemble: a pure function of its members, in whatever order they are given. Its id is the
 * first 32 hex digits of a SHA-256, so two ensembles of other members, or of wiped ones, never share an id.
 */
export function bootstrapConfiguration(members: readonly InitialMember[]): EnsembleConfiguration {
  const sorted = [...members].sort((a, b) => a.id - b.id);
  const writer = new ByteWriter(256);
  writer.string("muster bootstrap 1");
  for (const { id, incarnation, address } of sorted) {
    writer.u32(id);
    writer.string(incarnation);
    writer.string(address);
  }
  return {
    ensembleId: createHash("sha256").update(writer.view()).digest("hex").slice(0, 32),
    members: sorted.map(({ id, incarnation, address }) => ({
      id,
      role: "voter",
      weight: 1,
      group: 0,
      incarnation,
      peerAddress: address,
    })),
  };
}

/**
 * Decides how an empty member begins, from the peers it has links to. A configuration that exists anywhere always wins:
 * only where none is to be seen, and every initial member is there and empty, is a new ensemble made (core.md 26).
 */
export function decideStart(
  own: InitialMember,
  initialIds: readonly number[],
  peers: readonly SeenPeer[],
): StartDecision | StillWaiting {
  const known = peers.filter(({ about }) => about.configuration !== undefined).sort((a, b) => a.id - b.id);
  const first = known[0]?.about.configuration;
  if (first !== undefined) {
    const stranger = known.find(({ about }) => about.configuration?.ensembleId !== first.ensembleId);
    if (stranger !== undefined) {
      return wait(`members ${known[0]?.id} and ${stranger.id} to belong to one ensemble: they belong to two`);
    }
    const listing = known.find(({ about }) => about.configuration !== undefined && lists(about.configuration, own));
    const configuration = listing?.about.configuration;
    return configuration === undefined ? { kind: "join", configuration: first } : { kind: "adopt", configuration };
  }
  if (!initialIds.includes(own.id)) return wait("a member that belongs to an ensemble");
  const initialPeers: SeenPeer[] = [];
  const missing: string[] = [];
  for (const id of initialIds) {
    if (id === own.id) continue;
    const peer = peers.find((seen) => seen.id === id);
    const obstacle = peer === undefined ? `member ${id}` : obstacleOf(peer, initialIds);
    if (obstacle !== undefined) missing.push(obstacle);
    else if (peer !== undefined) initialPeers.push(peer);
  }
  if (missing.length > 0) return wait(missing.join(", "));
  return { kind: "bootstrap", configuration: bootstrapConfiguration([own, ...initialPeers]) };
}

function wait(waitsFor: string): StillWaiting {
  return { kind: "wait", waitsFor };
}

function lists(configuration: EnsembleConfiguration, own: InitialMember): boolean {
  return configuration.members.some(({ id, incarnation }) => id === own.id && incarnation === own.incarnation);
}

function obstacleOf({ id, about }: SeenPeer, initialIds: readonly number[]): string | undefined {
  if (!about.isEmpty) return `member ${id} (it has data, and no configuration)`;
  const sorted = [...initialIds].sort((a, b) => a - b);
  if (about.initialIds.length === sorted.length && about.initialIds.every((other, i) => other === sorted[i])) {
    return undefined;
  }
  return `member ${id} (its --ensemble lists ${about.initialIds.join(", ") || "nobody"}, ours ${sorted.join(", ")})`;
}

/** Whoever waits says for whom this often, ms. */
export const WAIT_NOTICE_MS = 5_000;

export interface EnsembleStartOptions {
  readonly own: InitialMember;
  /** Of `--ensemble`, this member's own among them unless it is to join; none stands for this member alone. */
  readonly initialIds: readonly number[];
  onNotice(level: "info" | "warn", message: string, details: object): void;
}

/**
 * Follows the transport's links until it is clear how this empty member begins. Its owner passes on `onUp`, `onDown`
 * and `onIdentity` of the transport until then.
 */
export class EnsembleStart {
  /** Resolves once; never after {@link stop}. */
  readonly decided: Promise<StartDecision>;
  private readonly options: EnsembleStartOptions;
  private readonly initialIds: readonly number[];
  private readonly peers = new Map<number, SeenPeer>();
  private readonly timer: NodeJS.Timeout;
  private resolve: ((decision: StartDecision) => void) | undefined;
  private waitsFor = "";

  constructor(options: EnsembleStartOptions) {
    this.options = options;
    this.initialIds = options.initialIds.length === 0 ? [options.own.id] : options.initialIds;
    assert(new Set(this.initialIds).size === this.initialIds.length, "an initial member is listed twice");
    this.decided = new Promise((resolve) => {
      this.resolve = resolve;
    });
    this.timer = setInterval(() => this.tell(), WAIT_NOTICE_MS);
    this.decide();
  }

  onUp(peer: PeerInfo): void {
    this.take(peer);
  }

  onIdentity(peer: PeerInfo): void {
    this.take(peer);
  }

  onDown(peerId: number): void {
    if (this.peers.delete(peerId)) this.decide();
  }

  /** Gives up waiting. */
  stop(): void {
    clearInterval(this.timer);
    this.resolve = undefined;
  }

  private take(peer: PeerInfo): void {
    const { id, incarnation, address } = peer;
    this.peers.delete(id);
    try {
      this.peers.set(id, { id, incarnation, address, about: decodePeerAbout(peer.about) });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      const text = `what member ${id} says of itself cannot be read: ${error.message}`;
      this.options.onNotice("warn", text, { memberId: id });
    }
    this.decide();
  }

  private decide(): void {
    if (this.resolve === undefined) return;
    const decision = decideStart(this.options.own, this.initialIds, [...this.peers.values()]);
    if (decision.kind === "wait") {
      this.waitsFor = decision.waitsFor;
      return;
    }
    const { resolve } = this;
    this.stop();
    resolve(decision);
  }

  private tell(): void {
    const { waitsFor } = this;
    this.options.onNotice("info", `this member is empty and waits for ${waitsFor}`, { waitsFor });
  }
}
