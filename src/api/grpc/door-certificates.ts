import { experimental, type ServerCredentials } from "@grpc/grpc-js";
import type { DoorTls } from "./grpc-options.ts";

type IdentityListener = Parameters<experimental.CertificateProvider["addIdentityCertificateListener"]>[0];
type AuthorityListener = Parameters<experimental.CertificateProvider["addCaCertificateListener"]>[0];

/**
 * The door's certificates as grpc-js takes those that change while it serves. A client may come without one of its own:
 * it has a token, perhaps; one that no authority of ours signed counts as none.
 */
export class DoorCertificates implements experimental.CertificateProvider {
  readonly credentials: ServerCredentials;
  private tls: DoorTls;
  private readonly identityListeners = new Set<IdentityListener>();
  private readonly authorityListeners = new Set<AuthorityListener>();

  constructor(tls: DoorTls) {
    this.tls = tls;
    // The first argument is the door's own certificate, whatever the declaration calls it.
    const authority = tls.clientCa === undefined ? null : this;
    this.credentials = experimental.createCertificateProviderServerCredentials(this, authority, false);
  }

  set(tls: DoorTls): void {
    this.tls = tls;
    for (const listener of this.authorityListeners) this.tellAuthority(listener);
    for (const listener of this.identityListeners) this.tellIdentity(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.identityListeners.add(listener);
    this.tellSoon(() => this.tellIdentity(listener));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.identityListeners.delete(listener);
  }

  addCaCertificateListener(listener: AuthorityListener): void {
    this.authorityListeners.add(listener);
    this.tellSoon(() => this.tellAuthority(listener));
  }

  removeCaCertificateListener(listener: AuthorityListener): void {
    this.authorityListeners.delete(listener);
  }

  /** grpc-js listens before it is ready to hear: what it is told at once is lost. */
  private tellSoon(tell: () => void): void {
    queueMicrotask(tell);
  }

  private tellIdentity(listener: IdentityListener): void {
    listener({ certificate: Buffer.from(this.tls.cert), privateKey: Buffer.from(this.tls.key) });
  }

  private tellAuthority(listener: AuthorityListener): void {
    listener({ caCertificate: Buffer.from(this.tls.clientCa ?? "") });
  }
}
