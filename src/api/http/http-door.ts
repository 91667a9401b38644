import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { formatListenAddress, isLoopback, type ListenAddress } from "../../core/base/listen-address.ts";
import type { HttpAppDependencies } from "./http-app.ts";

export interface HttpDoorOptions {
  readonly listen: ListenAddress;
  /** True: may listen beyond loopback although there is no TLS and no authentication. */
  readonly insecure: boolean;
  /** TLS for every connection; undefined: plain text. */
  readonly tls?: HttpDoorTls | undefined;
}

/** PEM texts. */
export interface HttpDoorTls {
  readonly cert: string;
  readonly key: string;
  /** Of the authority that signs clients' certificates; without it, none is asked for. */
  readonly clientCa: string | undefined;
}

export interface HttpDoor {
  /** Resolves with the address bound; rejects when it cannot be. */
  start(): Promise<ListenAddress>;
  /** New certificates for new connections, of a door with TLS. */
  setTls(tls: HttpDoorTls): void;
  /** Takes no more connections and ends those open, busy ones after {@link STOP_GRACE_MS}. Idempotent. */
  stop(): Promise<void>;
}

/** A client has this long to send its headers, ms. */
const HEADERS_TIMEOUT_MS = 10_000;
/** A client has this long to send a whole request, ms. */
const REQUEST_TIMEOUT_MS = 30_000;
/** An idle connection is kept this long, ms: longer than Prometheus's usual 15 s between scrapes. */
const KEEP_ALIVE_MS = 65_000;
const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_MAX = 64;
const CONNECTIONS_MAX = 1024;
/** Requests under way when the door stops have this long, ms. */
const STOP_GRACE_MS = 2_000;

/** The HTTP door: what monitors and orchestrators ask of a member. */
export function createHttpDoor(options: HttpDoorOptions, dependencies: HttpAppDependencies): HttpDoor {
  const { listen, insecure, tls } = options;
  if (tls === undefined && !insecure && !isLoopback(listen.host)) {
    throw new Error(`the HTTP door must not listen on ${formatListenAddress(listen)} without TLS or --insecure`);
  }
  const handle = answer(dependencies);
  const settings = { maxHeaderSize: HEADER_BYTES_MAX };
  const server =
    tls === undefined
      ? createServer(settings, handle)
      : createTlsServer({ ...settings, ...secureContext(tls), handshakeTimeout: HEADERS_TIMEOUT_MS }, handle);
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxHeadersCount = HEADERS_MAX;
  server.maxConnections = CONNECTIONS_MAX;
  return {
    start: () => startListening(server, listen),
    setTls: (changed) => {
      if ("setSecureContext" in server) server.setSecureContext(secureContext(changed));
    },
    stop: () => stopServing(server),
  };
}

/** A client may come without a certificate: it has a token, perhaps, and one that is not verified counts as none. */
function secureContext({ cert, key, clientCa }: HttpDoorTls) {
  return clientCa === undefined
    ? { cert, key }
    : { cert, key, ca: clientCa, requestCert: true, rejectUnauthorized: false };
}

/** Loads the application with the first request: a member that is to lead or follow has no time for that before. */
function answer(dependencies: HttpAppDependencies): RequestListener {
  let application: Promise<RequestListener> | undefined;
  return (request, response) => {
    application ??= import("./http-app.ts").then(({ createHttpApp }) => createHttpApp(dependencies));
    application.then(
      (handle) => handle(request, response),
      (error: Error) => {
        dependencies.log.error({ err: error }, "the HTTP door's application cannot be loaded");
        response.writeHead(500).end();
      },
    );
  };
}

function startListening(server: Server, listen: ListenAddress): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(listen.port, listen.host, () => {
      server.off("error", reject);
      resolve({ host: listen.host, port: (server.address() as AddressInfo).port });
    });
  });
}

function stopServing(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    const end = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS);
    server.close(() => {
      clearTimeout(end);
      resolve();
    });
  });
}
