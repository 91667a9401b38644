import { isIP } from "node:net";

/** An address the door will not listen on; the message says what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/**
 * Checks `host:port` (IPv6 in brackets) and returns it. Plain text stays on loopback unless `insecure` says otherwise
 * (ARCHITECTURE decision 15).
 */
export function checkListenAddress(listen: string, insecure: boolean): string {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:]+)):(?<port>\d{1,5})$/.exec(listen);
  const host = match?.groups?.["v6"] ?? match?.groups?.["host"];
  if (host === undefined || Number(match?.groups?.["port"]) > 65_535) {
    throw new ListenError(`"${listen}" is not host:port (IPv6 in brackets)`);
  }
  if (!insecure && !isLoopback(host)) {
    throw new ListenError(
      `the gRPC door speaks plain text and listens on loopback only; "${host}" can be reached by others. ` +
        "Listen on 127.0.0.1, or accept it with --insecure",
    );
  }
  return listen;
}

function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  return isIP(host) === 4 ? host.startsWith("127.") : host === "::1";
}
