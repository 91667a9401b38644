import { ByteReader } from "../base/bytes.ts";
import { errors, OK } from "../base/errors.ts";
import { allows, SUPER_SCHEME } from "./acl.ts";
import { OPEN_ACL } from "./acl-table.ts";
import { AnswerWriter } from "./answer-codec.ts";
import { type Command, decodeIdentities } from "./command.ts";
import { EventBuffer } from "./event-buffer.ts";
import { type EventType, eventType, type Identity } from "./operation.ts";
import { lastSlash } from "./path.ts";
import type { Session } from "./session-table.ts";
import { znodeKind } from "./snapshot-row.ts";
import { emptyStat, type Stat } from "./stat.ts";
import type { TreeState } from "./tree-state.ts";
import { ZnodeChanges } from "./znode-changes.ts";

/** What the operations of one command share: who asks, at which zxid, and where answers and events go. */
export class ApplyContext {
  readonly state: TreeState;
  readonly changes: ZnodeChanges;
  readonly events = new EventBuffer();
  readonly out = new AnswerWriter();
  zxid = 0;
  /** The issuer's session, if it has one. */
  session: Session | undefined;
  private command: Command | undefined;
  private identityList: readonly Identity[] | undefined;
  private readonly identityReader = new ByteReader(new Uint8Array(0));
  private readonly stat: Stat = emptyStat();

  constructor(state: TreeState) {
    this.state = state;
    this.changes = new ZnodeChanges(state);
  }

  begin(zxid: number, command: Command): void {
    this.zxid = zxid;
    this.command = command;
    this.identityList = undefined;
    this.session = undefined;
    this.events.clear();
    this.out.begin(zxid);
  }

  /** The issuer's identities; decoded only where an ACL has to be looked at. */
  identities(): readonly Identity[] {
    if (this.identityList === undefined) {
      const { bytes, identitiesStart, identitiesEnd } = this.command as Command;
      const reader = this.identityReader.reset(bytes, identitiesStart, identitiesEnd);
      this.identityList = reader.remaining === 0 ? [] : decodeIdentities(reader);
    }
    return this.identityList;
  }

  isSuper(): boolean {
    return this.identities().some(({ scheme }) => scheme === SUPER_SCHEME);
  }

  /** OK or NO_PERMISSION: the one place where a command's ACLs are checked (core.md 18). */
  permit(node: number, wanted: number): number {
    const { table, acls } = this.state;
    const acl = table.acl.get(node);
    if (acl === OPEN_ACL || allows(acls.entries(acl), wanted, this.identities())) return OK;
    return errors.NO_PERMISSION.code;
  }

  statOf(node: number): Stat {
    return readStat(this.state, node, this.stat);
  }

  /** A znode's own event and its parent's, for a path given as bytes. */
  childEvent(type: EventType, node: number, parent: number, path: Uint8Array, start: number, end: number): void {
    const { table } = this.state;
    this.events.add(type, path, start, end, table.acl.get(node));
    const slash = lastSlash(path, start, end);
    this.events.add(
      eventType.CHILDREN_CHANGED,
      path,
      start,
      slash === start ? start + 1 : slash,
      table.acl.get(parent),
    );
  }

  /** The same for a deletion whose path has to be put together from the table. */
  deletionEvents(node: number): void {
    this.nodeEvent(eventType.DELETED, node);
    this.nodeEvent(eventType.CHILDREN_CHANGED, this.state.table.parent.get(node));
  }

  private nodeEvent(type: EventType, node: number): void {
    const { table } = this.state;
    const size = table.pathSize(node);
    const { bytes, end } = this.events.reserve(size);
    table.writePath(node, bytes, end);
    this.events.push(type, size, table.acl.get(node));
  }
}

/** Fills `stat` with what a client sees of a znode. */
export function readStat(state: TreeState, node: number, stat: Stat): Stat {
  const { table, specials } = state;
  const children = table.childCount.get(node);
  stat.czxid = table.czxid.get(node);
  stat.mzxid = table.mzxid.get(node);
  stat.ctime = table.ctime.get(node);
  stat.mtime = table.mtime.get(node);
  stat.version = table.version.get(node);
  stat.cversion = (table.creations.get(node) * 2 - children) | 0;
  stat.aversion = table.aversion.get(node);
  const isEphemeral = table.kind.get(node) === znodeKind.EPHEMERAL;
  stat.ephemeralOwner = isEphemeral ? specials.owner.get(table.special.get(node)) : 0;
  stat.dataLength = table.dataLength.get(node);
  stat.numChildren = children;
  stat.pzxid = table.pzxid.get(node);
  return stat;
}
