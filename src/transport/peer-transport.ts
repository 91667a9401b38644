import type { CertificateFacts } from "./tls-material.ts";

/** Where a member is dialled. */
export interface PeerAddress {
  readonly id: number;
  /** `host:port`, an IPv6 host in brackets; a name is resolved again at each dial. */
  readonly address: string;
}

/** What a peer said of itself in the handshake, checked as far as a transport can. */
export interface PeerInfo {
  readonly id: number;
  /** Random, made with the peer's data directory (core.md 26). */
  readonly incarnation: string;
  /** 32 hex digits, or "" while the peer belongs to no ensemble. */
  readonly ensembleId: string;
  /** Where the peer wants to be dialled: `host:port`. */
  readonly address: string;
  /** Opaque here; at most `ABOUT_BYTES_MAX`. */
  readonly about: Uint8Array;
}

/** What a transport reports. None of these may throw. */
export interface PeerTransportEvents {
  /** A new link. There is one per peer at a time: an older one was reported down before. */
  onUp(peer: PeerInfo): void;
  /** The link is gone; what was queued on it is lost. `why` is for people. */
  onDown(peerId: number, why: string): void;
  /** One frame, whole and in order. The view is valid until return. */
  onFrame(peerId: number, frame: Uint8Array): void;
  /** An aside, whole, and in order with the frames. The view is valid until return. */
  onAside?(peerId: number, aside: Uint8Array): void;
  /** Bytes of any kind came, before they are looked at: a sign of life. At most once per read of the socket. */
  onHeard(peerId: number): void;
  /** A peer opened a bulk connection. The stream must be accepted or refused, at once or later. */
  onBulk(peerId: number, header: Uint8Array, stream: BulkReceiver): void;
  /** The peer of a live link called `setIdentity`: its ensemble or `about` is another now. */
  onIdentity?(peer: PeerInfo): void;
  /** For the log. A refusal or an unreachable peer is told once per change, not once per attempt. */
  onNotice(level: "info" | "warn", message: string, details: object): void;
}

/** Links from this member to the others: one for messages per peer, and bulk connections of their own. */
export interface PeerTransport {
  /** Where it listens: `host:port` as bound. */
  readonly address: string;
  /** Whom to keep dialling. Others may dial us too (a joining member) and are reported alike; links there are stay. */
  setPeers(peers: readonly PeerAddress[]): void;
  /**
   * Queues one frame of at most `FRAME_BYTES_MAX`, not copied: the caller never changes it. Frames to one peer arrive
   * in this order. To a peer without a link it is dropped. Beyond the queue's bound the link is dropped instead.
   */
  send(peerId: number, frame: Uint8Array): void;
  /**
   * Queues one aside: a message beside the core's frames, that may be lost and never costs the link. Not copied. Only
   * for a peer that is known to take them: an older program drops its link.
   *
   * @returns false where it is dropped at once: there is no link, or `ASIDE_BYTES_MAX` of them wait for the peer, or
   *   too much of everything does
   */
  sendAside(peerId: number, aside: Uint8Array): boolean;
  /** Writes now what would be written at the end of this turn of the loop. Never needed, only sooner. */
  flush(): void;
  /** Bytes queued for the peer and not yet taken by the system; 0 without a link. */
  queuedBytes(peerId: number): number;
  /**
   * Drops the link, if any: nothing more comes from it. `onDown` follows at the end of the turn, as after a `send`
   * beyond the bound, never from inside the call. A peer of `setPeers` is dialled again.
   */
  disconnect(peerId: number, why: string): void;
  /**
   * Opens a connection of its own to the peer and resolves once the peer accepted it. Rejects with `TransportError`:
   * unreachable, refused, no address known. `header` is opaque, at most `BULK_HEADER_BYTES_MAX`.
   */
  openBulk(peerId: number, header: Uint8Array): Promise<BulkSender>;
  /** What is announced from the next handshake on, and at once to the peers of live links. */
  setIdentity(identity: { readonly ensembleId: string; readonly about: Uint8Array }): void;
  /**
   * Reads the certificate files again; new connections use them. If they are unusable it throws TransportError and
   * keeps the old ones.
   *
   * @returns this member's own; undefined where the links are plain
   */
  reloadCertificates(): CertificateFacts | undefined;
  /** Drops all links (each reported down), aborts bulk connections, stops listening. */
  stop(): Promise<void>;
}

/** The sending end of a bulk connection. After a failure every call rejects with the same `TransportError`. */
export interface BulkSender {
  readonly peerId: number;
  /**
   * Sends one chunk of at most `BULK_CHUNK_BYTES_MAX`; resolves when the next one may come: the rate limit allows it
   * and the peer keeps up. The chunk is not copied and must not change any more.
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Resolves when the receiver has taken every chunk out of its stream. */
  end(): Promise<void>;
  /** Gives up; the receiver's iteration throws with this reason. Without effect once ended. */
  abort(why: string): void;
}

/**
 * The receiving end: accept it, then `for await` its chunks, each the caller's own to keep. The iteration ends
 * normally only when the sender ended and every chunk came; leaving the loop early tells the sender. It throws
 * `TransportError` on a lost connection, an abort, a damaged frame or silence for the idle time-out.
 */
export interface BulkReceiver extends AsyncIterable<Uint8Array> {
  readonly peerId: number;
  /** Lets the sender begin. */
  accept(): void;
  /** Ends it before it began; `openBulk` rejects with this reason. */
  refuse(reason: string): void;
}
