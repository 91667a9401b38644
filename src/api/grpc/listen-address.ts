import { isLoopback, parseListenAddress } from "../../core/base/listen-address.ts";

/** An address the door will not listen on; the message says what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/**
 * Checks `host:port` (IPv6 in brackets) and returns it. Plain text stays on loopback unless `insecure` says otherwise
 * (ARCHITECTURE decision 15).
 */
export function checkListenAddress(listen: string, insecure: boolean): string {
  const address = parseListenAddress(listen);
  if (typeof address === "string") {
    throw new ListenError(`"${listen}" ${address}; write host:port, an IPv6 host in brackets`);
  }
  if (!insecure && !isLoopback(address.host)) {
    throw new ListenError(
      `the gRPC door speaks plain text and listens on loopback only; "${address.host}" can be reached by others. ` +
        "Listen on 127.0.0.1, or accept it with --insecure",
    );
  }
  return listen;
}
