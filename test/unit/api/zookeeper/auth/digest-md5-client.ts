import { createHash } from "node:crypto";

/** What a client of RFC 2831 knows and chooses; byte strings, one character each, but for name and password. */
export interface ClientChoice {
  readonly username: string;
  readonly password: string;
  readonly realm: string;
  readonly nonce: string;
  readonly cnonce: string;
  readonly digestUri: string;
  readonly count?: string;
  readonly authorizationId?: string;
  /** Undefined: the directive is left out, and all is hashed in UTF-8, as pure-sasl does. */
  readonly charset?: "utf-8";
}

function md5(...parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash("md5");
  for (const part of parts) hash.update(typeof part === "string" ? Buffer.from(part, "latin1") : part);
  return hash.digest();
}

/** A client of its own making: written from the RFC, sharing nothing with the server it tests. */
export class DigestMd5Client {
  private readonly choice: ClientChoice;

  constructor(choice: ClientChoice) {
    this.choice = choice;
  }

  /** The digest-response. */
  response(): Uint8Array {
    const { username, realm, nonce, cnonce, digestUri, authorizationId, charset } = this.choice;
    const quote = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`;
    const wire = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
    const directives = [
      ...(charset === undefined ? [] : [`charset=${charset}`]),
      `username=${quote(wire(username))}`,
      `realm=${quote(realm)}`,
      `nonce=${quote(nonce)}`,
      `nc=${this.count}`,
      `cnonce=${quote(cnonce)}`,
      `digest-uri=${quote(digestUri)}`,
      `response=${this.proof("AUTHENTICATE")}`,
      "qop=auth",
      ...(authorizationId === undefined ? [] : [`authzid=${quote(wire(authorizationId))}`]),
    ];
    return Buffer.from(directives.join(","), "latin1");
  }

  /** The response-value of the client (`AUTHENTICATE`) or of the server (nothing). */
  proof(method: "AUTHENTICATE" | ""): string {
    const { nonce, cnonce, digestUri, authorizationId } = this.choice;
    const authorized = authorizationId === undefined ? [] : [":", Buffer.from(authorizationId, "utf8")];
    const a1 = md5(this.secret(), `:${nonce}:${cnonce}`, ...authorized).toString("hex");
    const a2 = md5(`${method}:${digestUri}`).toString("hex");
    return md5(`${a1}:${nonce}:${this.count}:${cnonce}:auth:${a2}`).toString("hex");
  }

  private get count(): string {
    return this.choice.count ?? "00000001";
  }

  private secret(): Buffer {
    const { username, password, realm, charset } = this.choice;
    const fits = (text: string): boolean => [...text].every((character) => character.charCodeAt(0) < 256);
    const bytes = (text: string): Buffer => Buffer.from(text, charset !== undefined && fits(text) ? "latin1" : "utf8");
    return md5(bytes(username), `:${realm}:`, bytes(password));
  }
}
