import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TlsFiles } from "../../../src/transport/tls-material.ts";

const OPENSSL = "openssl";

export function hasOpenssl(): boolean {
  try {
    execFileSync(OPENSSL, ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The options of one test certificate; by default what a member's should be. */
export interface CertificateOptions {
  /** The subject's common name. Default: none that means anything. */
  readonly commonName?: string;
  /** OpenSSL's subjectAltName; "" for none. Default `URI:muster://member/<id>`. */
  readonly names?: string;
  /** In days; below 0 for one that has expired. */
  readonly days?: number;
}

/** A folder of certificates, made with the openssl command. */
export class CertificateFolder implements Disposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), "muster-tls-"));

  /** Makes an authority of this name. */
  authority(name: string): void {
    const key = this.file(`${name}.key`);
    this.newKey(key);
    this.openssl(
      "req",
      "-x509",
      "-new",
      "-key",
      key,
      "-days",
      "30",
      "-subj",
      `/CN=${name}`,
      "-out",
      this.file(`${name}.pem`),
    );
  }

  /** Makes, or makes again in the same files, a member's certificate signed by the authority. */
  member(id: number, authority: string, options: CertificateOptions = {}): TlsFiles {
    const { commonName = "somebody", names = `URI:muster://member/${id}`, days = 30 } = options;
    const folder = this.file(`member-${id}`);
    mkdirSync(folder, { recursive: true });
    const files = {
      ca: this.file(`${authority}.pem`),
      cert: path.join(folder, "cert.pem"),
      key: path.join(folder, "key.pem"),
    };
    const request = path.join(folder, "request.pem");
    const extensions = path.join(folder, "extensions");
    this.newKey(files.key);
    this.openssl(
      "req",
      "-new",
      "-key",
      files.key,
      "-subj",
      `/CN=${commonName.replaceAll("/", "\\/")}`,
      "-out",
      request,
    );
    writeFileSync(extensions, names === "" ? "basicConstraints=CA:FALSE\n" : `subjectAltName=${names}\n`);
    const signer = ["-CA", files.ca, "-CAkey", this.file(`${authority}.key`), "-CAcreateserial"];
    this.openssl(
      "x509",
      "-req",
      "-in",
      request,
      ...signer,
      "-days",
      `${days}`,
      "-extfile",
      extensions,
      "-out",
      files.cert,
    );
    return files;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  private newKey(file: string): void {
    this.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", file);
  }

  private openssl(...args: string[]): void {
    execFileSync(OPENSSL, args, { stdio: "ignore" });
  }
}
