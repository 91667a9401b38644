import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { certifiesMember } from "./member-certificate.ts";
import { TransportError } from "./transport-error.ts";

/** PEM files, by path. */
export interface TlsFiles {
  /** The members' own authority: whoever it signed a member certificate for is a member. */
  readonly ca: string;
  /** This member's certificate, its chain after it. */
  readonly cert: string;
  readonly key: string;
}

/** Which certificate it is, for people. */
export interface CertificateFacts {
  readonly serialNumber: string;
  readonly issuer: string;
  readonly validTo: string;
}

/** What one reading of the files gave. */
export interface TlsMaterial {
  readonly facts: CertificateFacts;
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
}

const readFailures: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
};

/** Reads and checks the files; throws TransportError ("certificates") naming the file or what is wrong. */
export function readTlsMaterial(files: TlsFiles, memberId: number): TlsMaterial {
  const read = (name: keyof TlsFiles): Buffer => {
    try {
      return readFileSync(files[name]);
    } catch (error) {
      const why = readFailures[(error as NodeJS.ErrnoException).code ?? ""] ?? (error as Error).message;
      throw new TransportError("certificates", `the ${name} file ${files[name]} cannot be read: ${why}`, error);
    }
  };
  const options = { ca: read("ca"), cert: read("cert"), key: read("key"), minVersion: "TLSv1.3" } as const;
  let certificate: X509Certificate;
  let context: SecureContext;
  try {
    certificate = new X509Certificate(options.cert);
    context = createSecureContext(options);
  } catch (error) {
    const text = `${files.cert}, ${files.key} and ${files.ca} do not make a usable certificate`;
    throw new TransportError("certificates", `${text}: ${(error as Error).message}`, error);
  }
  if (!certifiesMember(certificate, memberId)) {
    const text =
      `the certificate ${files.cert} is not member ${memberId}'s: ` +
      `it needs the alternative name URI:muster://member/${memberId} or DNS:member-${memberId}`;
    throw new TransportError("certificates", text);
  }
  const { serialNumber, issuer, validTo } = certificate;
  return { options, context, facts: { serialNumber, issuer, validTo } };
}
