import { X509Certificate } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import type { Coordination } from "../../coordination/port.ts";
import { formatListenAddress, type ListenAddress } from "../../core/base/listen-address.ts";
import type { Gatekeeper } from "../../products/floor/gatekeeper.ts";
import type { AuthOptions } from "./auth-desk.ts";
import { BufferPool } from "./buffer-pool.ts";
import type { DoorContext } from "./door-context.ts";
import type { ZookeeperDoorLog } from "./door-log.ts";
import { EnsembleDesk } from "./ensemble-desk.ts";
import { EventFrames } from "./event-frames.ts";
import { DoorStatistics } from "./four-letter-words/request-statistics.ts";
import type { Word } from "./four-letter-words/words.ts";
import { QuorumWatch } from "./quorum-watch.ts";
import { WordDesk, type WordSources } from "./word-desk.ts";
import { ZookeeperConnection } from "./zookeeper-connection.ts";
import { defaultZookeeperLimits, type ZookeeperLimits } from "./zookeeper-limits.ts";

export interface ZookeeperDoorOptions {
  /** Plain text; null: none. */
  readonly listen: ListenAddress | null;
  /** TLS; null: none. */
  readonly tlsListen: ListenAddress | null;
  readonly tls: ZookeeperTls | null;
  /** Words that are answered. */
  readonly words: ReadonlySet<Word>;
  /** Takes clients who prove nothing, in plain text and by TLS. */
  readonly mayBeAnonymous: { readonly plain: boolean; readonly tls: boolean };
  readonly limits?: Partial<ZookeeperLimits> | undefined;
}

/** PEM texts. */
export interface ZookeeperTls {
  readonly cert: string;
  readonly key: string;
  /** Of the authority that signs clients' certificates; with it, clients without one are refused. */
  readonly clientCa: string | undefined;
}

export interface ZookeeperDoorDependencies {
  readonly coordination: Coordination;
  readonly log: ZookeeperDoorLog;
  /** What four-letter words tell that the door does not know. */
  readonly sources: WordSources;
  readonly auth: AuthOptions;
  readonly gatekeeper: Pick<Gatekeeper, "admitWithoutToken">;
}

export interface ZookeeperDoor {
  /** Listens; resolves with the addresses as bound. */
  start(): Promise<{ readonly plain: ListenAddress | null; readonly tls: ListenAddress | null }>;
  /** New certificates for new connections. */
  setTls(tls: ZookeeperTls): void;
  /** Takes nothing new and ends all connections; sessions live on, and clients go on elsewhere. Idempotent. */
  stop(): Promise<void>;
  stats(): ZookeeperDoorStats;
}

/** What the door has done since it was made or since `srst`; the first two are of this moment. */
export interface ZookeeperDoorStats {
  readonly connections: number;
  readonly outstanding: number;
  readonly connectionsRejected: number;
  readonly received: number;
  readonly sent: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly authenticationFailures: number;
  readonly malformed: number;
  readonly defects: number;
}

/** Connections that wait to be accepted, where the system allows so many. */
const BACKLOG = 4_096;

/** The ZooKeeper front door: ZooKeeper's client protocol, for stock clients. */
export function createZookeeperDoor(
  options: ZookeeperDoorOptions,
  dependencies: ZookeeperDoorDependencies,
): ZookeeperDoor {
  return new Door(options, dependencies);
}

class Door implements ZookeeperDoor {
  private readonly options: ZookeeperDoorOptions;
  private readonly coordination: Coordination;
  private readonly log: ZookeeperDoorLog;
  private readonly gatekeeper: ZookeeperDoorDependencies["gatekeeper"];
  private readonly limits: ZookeeperLimits;
  private readonly context: DoorContext;
  private readonly connections = new Set<ZookeeperConnection>();
  private readonly byAddress = new Map<string, number>();
  private readonly statistics = new DoorStatistics();
  private readonly servers: Server[] = [];
  private readonly quorum: QuorumWatch;
  private stopped: Promise<void> | undefined;
  private tlsServer: ReturnType<typeof createTlsServer> | undefined;

  constructor(options: ZookeeperDoorOptions, dependencies: ZookeeperDoorDependencies) {
    const { coordination, log, sources, auth, gatekeeper } = dependencies;
    this.gatekeeper = gatekeeper;
    this.options = options;
    this.coordination = coordination;
    this.log = log;
    this.limits = { ...defaultZookeeperLimits, ...options.limits };
    this.quorum = new QuorumWatch(coordination, this.limits.quorumLostMs, () => this.onQuorum());
    const words = new WordDesk(options.words, sources, {
      coordination,
      statistics: this.statistics,
      connections: this.connections,
      hasLostQuorum: () => this.quorum.isLost,
    });
    this.context = {
      coordination,
      limits: this.limits,
      log,
      pool: new BufferPool(),
      eventFrames: new EventFrames(),
      ensemble: new EnsembleDesk(coordination, log),
      auth,
      now: () => performance.now(),
      zxid: () => coordination.zxid,
      hasLostQuorum: () => this.quorum.isLost,
      statistics: this.statistics,
      answerWord: (word, standing) => {
        if (standing.allowsWord(word)) return words.answer(word);
        return `${word} is not executed because its client has no right to it.\n`;
      },
    };
  }

  async start(): Promise<{ plain: ListenAddress | null; tls: ListenAddress | null }> {
    const { listen, tlsListen, tls } = this.options;
    const accept = (socket: Socket, isSecure: boolean): void => this.accept(socket, isSecure);
    const bound: { plain: ListenAddress | null; tls: ListenAddress | null } = { plain: null, tls: null };
    try {
      if (listen !== null) {
        const server = createServer({ noDelay: true, pauseOnConnect: false }, (socket) => accept(socket, false));
        bound.plain = await this.bind(server, listen);
      }
      if (tlsListen !== null && tls !== null) {
        this.tlsServer = createTlsServer(
          { ...secureContext(tls), handshakeTimeout: this.limits.handshakeTimeoutMs },
          (socket) => accept(socket, true),
        );
        this.tlsServer.on("tlsClientError", (error) =>
          this.log.debug({ error: error.message }, "TLS handshake failed"),
        );
        bound.tls = await this.bind(this.tlsServer, tlsListen);
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.quorum.start();
    return bound;
  }

  setTls(tls: ZookeeperTls): void {
    this.tlsServer?.setSecureContext(secureContext(tls));
  }

  stop(): Promise<void> {
    this.stopped ??= (async () => {
      this.quorum.stop();
      const closed = this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      for (const connection of [...this.connections]) connection.end("the member stops");
      await Promise.all(closed);
    })();
    return this.stopped;
  }

  stats(): ZookeeperDoorStats {
    const { outstanding, connectionsRejected, received, sent, receivedBytes, sentBytes } = this.statistics;
    const { authenticationFailures, malformed, defects } = this.statistics;
    const traffic = { outstanding, connectionsRejected, received, sent, receivedBytes, sentBytes };
    return { connections: this.connections.size, ...traffic, authenticationFailures, malformed, defects };
  }

  private bind(server: Server, { host, port }: ListenAddress): Promise<ListenAddress> {
    this.servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off("error", reject);
        server.on("error", (error) => this.log.error({ error: error.message }, "the ZooKeeper door cannot accept"));
        const address = server.address();
        const boundPort = typeof address === "object" && address !== null ? address.port : port;
        const bound = { host, port: boundPort };
        this.log.info({ address: formatListenAddress(bound) }, "ZooKeeper door open");
        resolve(bound);
      });
    });
  }

  private accept(socket: Socket, isSecure: boolean): void {
    const address = socket.remoteAddress ?? "";
    const ofAddress = this.byAddress.get(address) ?? 0;
    const { connectionsMax, connectionsPerAddressMax } = this.limits;
    const isFull = connectionsMax > 0 && this.connections.size >= connectionsMax;
    if (isFull || (connectionsPerAddressMax > 0 && ofAddress >= connectionsPerAddressMax)) {
      this.statistics.connectionsRejected++;
      this.log.debug({ client: address, connections: ofAddress }, "too many connections: one is refused");
      socket.destroy();
      return;
    }
    const admission = this.gatekeeper.admitWithoutToken({
      certificate: socket instanceof TLSSocket ? certificateOf(socket) : undefined,
      mayBeAnonymous: isSecure ? this.options.mayBeAnonymous.tls : this.options.mayBeAnonymous.plain,
    });
    if ("refusal" in admission) {
      this.statistics.connectionsRejected++;
      this.log.debug({ client: address }, "a client that proves nothing is refused");
      socket.destroy();
      return;
    }
    this.byAddress.set(address, ofAddress + 1);
    socket.once("close", () => this.leaveAddress(address));
    const connection = new ZookeeperConnection(socket, isSecure, admission.principal, this.context);
    this.connections.add(connection);
    socket.once("close", () => this.connections.delete(connection));
  }

  private leaveAddress(address: string): void {
    const left = (this.byAddress.get(address) ?? 1) - 1;
    if (left === 0) this.byAddress.delete(address);
    else this.byAddress.set(address, left);
  }

  /** Whoever writes looks for a quorum elsewhere; whoever only reads because there was none finds one here again. */
  private onQuorum(): void {
    const { isLost } = this.quorum;
    for (const connection of [...this.connections]) {
      if (connection.isOpen && connection.isReadOnly !== isLost) {
        connection.end(isLost ? "there is no quorum" : "there is a quorum again");
      }
    }
    this.log.info(
      { zxid: this.coordination.zxid },
      isLost ? "ZooKeeper clients may only read" : "ZooKeeper clients write",
    );
  }
}

/** Of a client whose certificate TLS has verified. */
function certificateOf(socket: TLSSocket): X509Certificate | undefined {
  const raw = socket.authorized ? socket.getPeerCertificate().raw : undefined;
  return raw === undefined ? undefined : new X509Certificate(raw);
}

function secureContext({ cert, key, clientCa }: ZookeeperTls) {
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return { cert, key, ...clients };
}
