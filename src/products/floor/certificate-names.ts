import type { X509Certificate } from "node:crypto";
import { alternativeNames } from "../../core/base/alternative-names.ts";

/** What a certificate can be listed by. */
export interface CertificateNames {
  /** As RFC 2253 writes it and ZooKeeper's x509 scheme compares it: `CN=ops,O=Example`. */
  readonly subject: string;
  /** `URI:spiffe://example/ops`, `DNS:ops.example`. */
  readonly alternatives: readonly string[];
}

export function certificateNames(certificate: X509Certificate): CertificateNames {
  // Node has a line for each part, the outermost first, its special characters escaped already.
  const subject = certificate.subject.split("\n").reverse().join(",");
  const alternatives = alternativeNames(certificate.subjectAltName ?? "").map(([type, value]) => `${type}:${value}`);
  return { subject, alternatives };
}
