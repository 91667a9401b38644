/** Why two sides do not come to terms about TLS. */
export type TlsTrouble = "member speaks plain text" | "member may speak TLS" | "unknown authority" | "wrong name";

/** What the TLS library says, which has no codes that gRPC passes on. */
const signs: readonly (readonly [RegExp, TlsTrouble])[] = [
  [/wrong version number|packet length too long|http request/i, "member speaks plain text"],
  [/self[- ]signed certificate|unable to (get|verify)|issuer certificate/i, "unknown authority"],
  [/altnames|does not match certificate/i, "wrong name"],
];
/** How the end of a connection looks to a client that speaks plain text to a member that does not. */
const CUT = /ECONNRESET|EPIPE|socket hang up|Failed to connect|Protocol error/i;

const advice: Readonly<Record<TlsTrouble, string>> = {
  "member speaks plain text": "the member speaks plain text: leave tls out",
  "member may speak TLS": "if the member speaks TLS, give tls",
  "unknown authority":
    "the member's certificate is of an authority that is not trusted: give its certificate as tls.ca",
  "wrong name": "the member's certificate is for another name: say which as tls.serverName",
};

/** What of a failed connection's message is about TLS; undefined: nothing. */
export function tlsTroubleIn(message: string, usesTls: boolean): TlsTrouble | undefined {
  if (!usesTls) return CUT.test(message) ? "member may speak TLS" : undefined;
  return signs.find(([sign]) => sign.test(message))?.[1];
}

/** The message, and what to do where it is about TLS. */
export function withTlsAdvice(message: string, usesTls: boolean): string {
  const trouble = tlsTroubleIn(message, usesTls);
  // gRPC leaves room for a note that is not there.
  return trouble === undefined ? message : `${message.replace(/\. Resolution note: $/, "")}; ${advice[trouble]}`;
}
