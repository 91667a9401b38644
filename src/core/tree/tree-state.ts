import { encodeUtf8 } from "../base/bytes.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import { AclTable } from "./acl-table.ts";
import { limitsText } from "./apply-limits.ts";
import { Capture } from "./capture.ts";
import { Digest, Hasher, hashDomain } from "./digest.ts";
import { FIRST_FEATURE_LEVEL } from "./feature-level.ts";
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

  /** What the ensemble agreed on besides the tree, changed by commands only, through {@link changeConfiguration}. */
  limits: Limits = defaultLimits;
  featureLevel = FIRST_FEATURE_LEVEL;
  /** Who the members are, as bytes the tree does not look into; replaced as a whole. Empty: none was ever set. */
  configuration: Uint8Array = new Uint8Array(0);
  /** zxid of the command that set the configuration; 0: none did. */
  configurationZxid = 0;
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
    this.digest.subtractLanes(session.lane0, session.lane1);
  }

  endSessionChange(session: Session): void {
    session.keepHash(this.hasher);
    this.digest.add(this.hasher);
  }

  changeConfiguration(change: () => void): void {
    this.hashLimits();
    this.digest.subtract(this.hasher);
    if (this.configurationZxid !== 0) {
      this.hashEnsemble();
      this.digest.subtract(this.hasher);
    }
    change();
    this.addConfigurationToDigest();
  }

  /** Until a configuration is set there is none in the digest: at feature level 1 there never is (FORMAT.md). */
  private addConfigurationToDigest(): void {
    this.hashLimits();
    this.digest.add(this.hasher);
    if (this.configurationZxid === 0) return;
    this.hashEnsemble();
    this.digest.add(this.hasher);
  }

  private hashLimits(): void {
    const text = encodeUtf8(limitsText(this.limits, this.featureLevel));
    this.hasher.begin(hashDomain.CONFIGURATION);
    this.hasher.word(this.featureLevel);
    this.hasher.bytes(text, 0, text.length);
    this.hasher.end();
  }

  private hashEnsemble(): void {
    this.hasher.begin(hashDomain.ENSEMBLE);
    this.hasher.number(this.configurationZxid);
    this.hasher.bytes(this.configuration, 0, this.configuration.length);
    this.hasher.end();
  }
}
