import type { TlsFiles } from "./tls-material.ts";

export interface TcpTransportOptions {
  /** This member's, 1 to 2^32 - 1. */
  readonly id: number;
  readonly incarnation: string;
  /** "" while the member belongs to no ensemble. */
  readonly ensembleId: string;
  readonly about: Uint8Array;
  /** `host:port` to listen on; port 0 lets the system choose. */
  readonly listen: string;
  /** Where others are told to dial this member. Default: where it listens. */
  readonly advertise?: string;
  /** Mutual TLS. Without it, only a loopback address is listened on, unless `insecure`. */
  readonly tls?: TlsFiles;
  readonly insecure?: boolean;
  /** To connect, and again to shake hands, ms. Default 2,000. */
  readonly handshakeMs?: number;
  /** What may wait for one peer before its link is dropped, bytes. Default 32 MiB. */
  readonly queueBytesMax?: number;
  /** All bulk sending together. Default 128 MiB/s. */
  readonly bulkBytesPerSecond?: number;
  /** A bulk connection without movement is given up after this, ms. Default 30,000. */
  readonly bulkIdleMs?: number;
}
