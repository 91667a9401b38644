import { encodeUtf8 } from "../base/bytes.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import { AclTable } from "./acl-table.ts";
import { FEATURE_LEVEL } from "./batch.ts";
import { Capture } from "./capture.ts";
import { Digest, Hasher, hashDomain } from "./digest.ts";
import { NodeHasher } from "./node-hash.ts";
import { NodeTable } from "./node-table.ts";
import { QuotaIndex } from "./quota-index.ts";
import { type Session, SessionTable } from "./session-table.ts";
import { SpecialList, SpecialTable } from "./special-table.ts";
import { type WindowMemory, windowMemory } from "./window.ts";

/**
 * The whole replicated state, and the few rules every change of it keeps: what changes is captured and taken out of the
 * digest before, and put into the digest after. Operations stand beside it (`znode-changes.ts`, `apply-*.ts`).
 */
export class TreeState {
  readonly table: NodeTable;
  readonly specials = new SpecialTable();
  readonly acls = new AclTable();
  readonly sessions = new SessionTable();
  readonly quotas = new QuotaIndex();
  readonly digest = new Digest();
  readonly nodeHasher: NodeHasher;
  readonly capture: Capture;
  readonly windows: WindowMemory;
  /** Container and TTL znodes, for the leader's reaper. */
  readonly containers = new SpecialList();
  readonly ttls = new SpecialList();
  readonly hasher = new Hasher();

  /** Replicated configuration, changed by commands only. */
  limits: Limits = defaultLimits;
  featureLevel = FEATURE_LEVEL;
  /** Last applied. */
  zxid = 0;
  /** Leader time of the last applied batch, ms. */
  time = 0;
  nextSerial = 1;
  /** Ephemeral znodes of all sessions. */
  ephemeralCount = 0;
  /** Bytes of all data. */
  dataBytes = 0;

  constructor(hashSeed: number) {
    this.table = new NodeTable(hashSeed);
    this.nodeHasher = new NodeHasher(this);
    this.capture = new Capture(this);
    this.windows = windowMemory(this.digest);
    this.addConfigurationToDigest();
  }

  /** Before any change of a znode that exists. */
  beginNodeChange(node: number): void {
    this.capture.touchNode(node);
    this.digest.subtract(this.nodeHasher.hash(node));
  }

  /** After it, or after a znode has come. */
  endNodeChange(node: number): void {
    this.digest.add(this.nodeHasher.hash(node));
  }

  beginSessionChange(session: Session): void {
    this.capture.touchSession(session);
    session.hashInto(this.hasher);
    this.digest.subtract(this.hasher);
  }

  endSessionChange(session: Session): void {
    session.hashInto(this.hasher);
    this.digest.add(this.hasher);
  }

  changeConfiguration(change: () => void): void {
    this.hashConfiguration();
    this.digest.subtract(this.hasher);
    change();
    this.addConfigurationToDigest();
  }

  private addConfigurationToDigest(): void {
    this.hashConfiguration();
    this.digest.add(this.hasher);
  }

  private hashConfiguration(): void {
    const text = encodeUtf8(JSON.stringify(this.limits));
    this.hasher.begin(hashDomain.CONFIGURATION);
    this.hasher.word(this.featureLevel);
    this.hasher.bytes(text, 0, text.length);
    this.hasher.end();
  }
}
