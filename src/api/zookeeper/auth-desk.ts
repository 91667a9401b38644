import { randomBytes } from "node:crypto";
import type { Identity } from "../../core/tree/operation.ts";
import { authenticate } from "./auth/digest-identity.ts";
import { type SaslExchange, startDigestMd5 } from "./auth/sasl-digest-md5.ts";
import type { SaslUsers } from "./auth/sasl-users.ts";
import type { DoorStatistics } from "./four-letter-words/request-statistics.ts";
import type { JuteReader } from "./jute-reader.ts";
import { xid as specialXid } from "./op-code.ts";
import type { ReplyLine } from "./reply-line.ts";
import { zookeeperError } from "./zookeeper-error.ts";

/** Whom the door believes. */
export interface AuthOptions {
  /** `user:base64(sha1(user:password))` of whoever may do everything. */
  readonly superDigest: string | undefined;
  /** Who may authenticate by SASL, as of now; undefined: nobody. */
  readonly saslUsers: () => SaslUsers | undefined;
}

/** What the desk needs of its connection. */
export interface AuthContext {
  readonly address: string;
  readonly options: AuthOptions;
  readonly line: ReplyLine;
  readonly statistics: DoorStatistics;
  readonly zxid: () => number;
  readonly identities: () => readonly Identity[];
  readonly setIdentities: (identities: readonly Identity[]) => void;
  /** Ends the connection, behind what has been written to it. */
  readonly end: (why: string) => void;
}

/** Identities of one connection at most: each goes with every command, into the journal. */
const IDENTITIES_MAX = 64;
/** The length of a buffer that is null. */
const NULL_BUFFER = -1;

/**
 * The two ways to prove who one is, at any time of a connection. Both are answered at once, outside of the line of
 * requests, as in ZooKeeper: what is asked behind them is asked as whom they have proved.
 */
export class AuthDesk {
  private readonly context: AuthContext;
  private exchange: SaslExchange | undefined;

  constructor(context: AuthContext) {
    this.context = context;
  }

  onAuth(reader: JuteReader): void {
    const { line, zxid, address, options } = this.context;
    reader.i32();
    const scheme = reader.optionalString();
    const proved = authenticate(scheme, reader.buffer(), { address, superDigest: options.superDigest });
    if (proved === "failed" || !this.add(proved.identities)) {
      line.outOfLine(specialXid.AUTH, zxid(), zookeeperError.AUTH_FAILED);
      this.fail("an auth packet that proves nothing");
      return;
    }
    line.outOfLine(specialXid.AUTH, zxid(), zookeeperError.OK);
  }

  onSasl(reader: JuteReader, xid: number): void {
    const { line, zxid, options } = this.context;
    const token = reader.buffer();
    const users = options.saslUsers();
    if (this.exchange === undefined && users !== undefined) this.exchange = startDigestMd5(users, randomBytes);
    const step = this.exchange?.step(token) ?? { failed: "SASL, which is off; --zookeeper-sasl-users turns it on" };
    if ("failed" in step || (step.done && !this.add([step.identity]))) {
      // ZooKeeper sends the token it has not got, too, although there is an error.
      line.outOfLine(xid, zxid(), zookeeperError.AUTH_FAILED, (writer) => writer.i32(NULL_BUFFER));
      this.fail("failed" in step ? step.failed : "as many identities as a connection may have");
      return;
    }
    line.outOfLine(xid, zxid(), zookeeperError.OK, (writer) => writer.buffer(step.token));
  }

  /** False when there would be too many. */
  private add(identities: readonly Identity[]): boolean {
    const known = this.context.identities();
    const fresh = identities.filter(({ scheme, id }) => !known.some((one) => one.scheme === scheme && one.id === id));
    if (known.length + fresh.length > IDENTITIES_MAX) return false;
    if (fresh.length > 0) this.context.setIdentities([...known, ...fresh]);
    return true;
  }

  private fail(why: string): void {
    this.context.statistics.authenticationFailures++;
    this.context.end(why);
  }
}
