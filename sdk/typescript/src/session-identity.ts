import type { SessionRequest } from "./gen/muster/coordination/v1/session.ts";
import type { WireOpened } from "./response-decoder.ts";
import type { Credential } from "./stat.ts";

/** What a client has to show to a member: which session, of which ensemble, with which history and identities. */
export class SessionIdentity {
  /** 0: there is no session. */
  id = 0;
  ensembleId = "";
  /** The highest zxid seen. */
  zxid = 0;
  #secret: Uint8Array = new Uint8Array(0);
  readonly #credentials: Credential[];

  constructor(credentials: readonly Credential[]) {
    this.#credentials = [...credentials];
  }

  see(zxid: number): void {
    if (zxid > this.zxid) this.zxid = zxid;
  }

  /** One more identity to prove on each new stream. */
  remember(credential: Credential): void {
    this.#credentials.push(credential);
  }

  /** Whether this is the session asked for, and not another one. */
  isResumedBy(opened: WireOpened): boolean {
    return this.id !== 0 && opened.resumed && opened.sessionId === this.id;
  }

  take(opened: WireOpened): void {
    // The message's memory is not kept alive by the secret: it is copied out.
    if (!opened.resumed) this.#secret = new Uint8Array(opened.secret);
    this.id = opened.sessionId;
    this.ensembleId = opened.ensembleId;
    this.see(opened.zxid);
  }

  forget(): void {
    this.id = 0;
    this.#secret = new Uint8Array(0);
  }

  /** What a stream begins with. */
  firstRequest(timeoutMs: number): SessionRequest {
    const common = { credentials: this.#credentials, ensembleId: this.ensembleId, minZxid: this.zxid };
    if (this.id === 0) return { request: { $case: "open", value: { ...common, timeoutMs } } };
    return { request: { $case: "resume", value: { ...common, sessionId: this.id, secret: this.#secret } } };
  }
}
