import { isLoopback, parseListenAddress } from "../../core/base/listen-address.ts";

/** An address the door will not listen on; the message says what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/**
 * Checks `host:port` (IPv6 in brackets) and returns it. Plain text stays on loopback unless `mayBeOpen` says otherwise:
 * there is TLS, or the risk was accepted (ARCHITECTURE decision 15).
 */
export function checkListenAddress(listen: string, mayBeOpen: boolean): string {
  const address = parseListenAddress(listen);
  if (typeof address === "string") {
    throw new ListenError(`"${listen}" ${address}; write host:port, an IPv6 host in brackets`);
  }
  if (!mayBeOpen && !isLoopback(address.host)) {
    throw new ListenError(
      `the gRPC door speaks plain text and listens on loopback only; "${address.host}" can be reached by others. ` +
        "Give --tls-cert and --tls-key, listen on 127.0.0.1, or accept it with --insecure",
    );
  }
  return listen;
}
