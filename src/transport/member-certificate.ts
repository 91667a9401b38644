import type { X509Certificate } from "node:crypto";
import { alternativeNames } from "../core/base/alternative-names.ts";

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
