import { type Hasher, hashDomain } from "./digest.ts";
import { SpecialList } from "./special-table.ts";
import { Window, type WindowMemory } from "./window.ts";

/** One open session, as every member knows it. Its liveness (deadlines) is the leader's, not here. */
export class Session {
  /** zxid of its opening. */
  readonly id: number;
  /** SHA-256 of its secret. */
  readonly secretHash: Uint8Array;
  readonly timeoutMs: number;
  /** Raised by each move: commands of older generations are refused. */
  generation: number;
  readonly window: Window;
  /** Its ephemeral znodes, in creation order. */
  readonly ephemerals = new SpecialList();
  /** Bits of the snapshot's capture. */
  dirty = 0;
  /** What of the digest is this session, without its window: kept, so that a change hashes it once. */
  lane0 = 0;
  lane1 = 0;

  constructor(id: number, secretHash: Uint8Array, timeoutMs: number, generation: number, memory: WindowMemory) {
    this.id = id;
    this.secretHash = secretHash;
    this.timeoutMs = timeoutMs;
    this.generation = generation;
    this.window = new Window(id, memory);
  }

  /** The session without its window, whose answers are in the digest one by one. */
  hashInto(hasher: Hasher): void {
    hasher.begin(hashDomain.SESSION);
    hasher.number(this.id);
    hasher.number(this.timeoutMs);
    hasher.word(this.generation);
    hasher.number(this.window.floor);
    hasher.bytes(this.secretHash, 0, this.secretHash.length);
    hasher.end();
  }

  /** Hashes it and keeps what comes of it. */
  keepHash(hasher: Hasher): void {
    this.hashInto(hasher);
    this.lane0 = hasher.lane0;
    this.lane1 = hasher.lane1;
  }

  /** One lane over all of the session, its window's answers too: the checksum of its row in a snapshot. */
  rowChecksum(hasher: Hasher): number {
    this.hashInto(hasher);
    return (hasher.lane0 + this.window.checksum()) >>> 0;
  }
}

export class SessionTable {
  private readonly byId = new Map<number, Session>();

  get size(): number {
    return this.byId.size;
  }

  get(id: number): Session | undefined {
    return this.byId.get(id);
  }

  add(session: Session): void {
    this.byId.set(session.id, session);
  }

  delete(id: number): void {
    this.byId.delete(id);
  }

  all(): IterableIterator<Session> {
    return this.byId.values();
  }
}
