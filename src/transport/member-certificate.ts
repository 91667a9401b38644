import type { X509Certificate } from "node:crypto";

/** One general name of a subjectAltName as Node prints it: a type, and a value that is quoted if it is unusual. */
const GENERAL_NAME = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

/**
 * True if the certificate is member `id`'s: a URI `muster://member/<id>` or a DNS name `member-<id>` among its
 * alternative names, or either as its subject's common name.
 */
export function certifiesMember(certificate: X509Certificate, id: number): boolean {
  const uri = `muster://member/${id}`;
  const host = `member-${id}`;
  for (const [type, value] of alternativeNames(certificate.subjectAltName ?? "")) {
    if ((type === "URI" && value === uri) || (type === "DNS" && value === host)) return true;
  }
  return certificate.subject.split("\n").some((line) => line === `CN=${uri}` || line === `CN=${host}`);
}

/** Unreadable from somewhere: only what came before counts. Never splits at a comma inside a quoted value. */
function alternativeNames(text: string): [string, string][] {
  const names: [string, string][] = [];
  GENERAL_NAME.lastIndex = 0;
  for (let match = GENERAL_NAME.exec(text); match !== null; match = GENERAL_NAME.exec(text)) {
    names.push([match[1] as string, match[2] as string]);
    if (GENERAL_NAME.lastIndex >= text.length) break;
  }
  return names;
}
