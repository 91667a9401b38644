import { once } from "node:events";
import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { formatListenAddress, isLoopback, parseListenAddress } from "../core/base/listen-address.ts";
import type { SocketSet } from "./socket-set.ts";
import type { TlsMaterial } from "./tls-material.ts";
import { describeSocketError, TransportError } from "./transport-error.ts";
import { KEEP_ALIVE_MS } from "./transport-limits.ts";

export interface PeerListenerOptions {
  /** `host:port`; port 0 lets the system choose. */
  readonly listen: string;
  /** Plain text beyond loopback, knowingly. */
  readonly insecure: boolean;
  readonly tls: TlsMaterial | undefined;
  readonly handshakeMs: number;
  /** Where its connections are counted, from before a TLS handshake on. */
  readonly sockets: SocketSet;
  onSocket(socket: Socket): void;
  /** A connection that did not become a TLS one. */
  onTlsFailure(remote: string, why: string): void;
}

/** Takes connections in, plain or with mutual TLS. */
export class PeerListener {
  readonly address: string;
  private readonly server: Server;
  private readonly tlsServer: TlsServer | undefined;

  private constructor(server: Server, tlsServer: TlsServer | undefined, address: string) {
    this.server = server;
    this.tlsServer = tlsServer;
    this.address = address;
  }

  /** Throws TransportError: the address is none, is taken, or would be plain text within others' reach. */
  static async start(options: PeerListenerOptions): Promise<PeerListener> {
    const address = parseListenAddress(options.listen);
    if (typeof address === "string") {
      throw new TransportError("listen", `the peer address "${options.listen}" ${address}`);
    }
    if (options.tls === undefined && !options.insecure && !isLoopback(address.host)) {
      const text =
        `links between members at ${options.listen} would be plain text that others can reach and forge; ` +
        "give the members certificates, listen on 127.0.0.1, or accept it with --insecure";
      throw new TransportError("insecure", text);
    }
    const tlsServer = options.tls === undefined ? undefined : createMutualServer(options.tls, options);
    const server = tlsServer ?? createPlainServer(socketOptions, (socket) => options.onSocket(socket));
    server.on("connection", (socket: Socket) => options.sockets.add(socket));
    server.listen(address.port, address.host);
    try {
      await once(server, "listening");
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      const why = taken ? "another program listens there already" : describeSocketError(error);
      throw new TransportError("listen", `cannot listen for other members on ${options.listen}: ${why}`, error);
    }
    const { port } = server.address() as AddressInfo;
    return new PeerListener(server, tlsServer, formatListenAddress({ host: address.host, port }));
  }

  /** Connections taken in from now on use these. */
  setTls(material: TlsMaterial): void {
    this.tlsServer?.setSecureContext(material.options);
  }

  /** Takes no more connections; those there are stay. */
  close(): void {
    this.server.close();
  }
}

const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS } as const;

function createMutualServer(tls: TlsMaterial, options: PeerListenerOptions): TlsServer {
  const server = createTlsServer(
    {
      ...tls.options,
      ...socketOptions,
      requestCert: true,
      // Checked with the HELLO instead, where the other side can be told what is wrong with its certificate.
      rejectUnauthorized: false,
      handshakeTimeout: options.handshakeMs,
    },
    (socket) => options.onSocket(socket),
  );
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    // A probe, or a member that thought better of it: see the other ways a connection ends before it says a word.
    if (error.code === "ECONNRESET") return;
    options.onTlsFailure(socket.remoteAddress ?? "unknown", describeSocketError(error));
  });
  return server;
}
