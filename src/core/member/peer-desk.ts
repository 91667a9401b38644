import { ByteReader, FormatError } from "../base/bytes.ts";
import { COMMAND_BYTES_MAX } from "../base/limits.ts";
import { Command, type CommandType, commandType, decodeCommand } from "../tree/command.ts";
import { readerOf } from "../zab/peer-message.ts";
import type { MemberCore } from "./member-core.ts";
import {
  decodeBarrier,
  decodeChange,
  decodeDigest,
  decodeForward,
  decodeSessions,
  decodeVerdict,
  memberMessage,
  type SessionList,
} from "./member-message.ts";
import { decodeMendAsk, decodeMendTell } from "./mend-message.ts";
import type { Chunk } from "./submissions.ts";

/** Only a leader's own duties issue these. */
const duties: ReadonlySet<CommandType> = new Set([
  commandType.EXPIRE_SESSION,
  commandType.REAP,
  commandType.RAISE_FEATURE_LEVEL,
  commandType.RECONFIGURE,
]);

/** What members ask of each other for their clients: a follower of its leader, and the leader's answers. */
export class PeerDesk {
  private readonly core: MemberCore;
  private readonly command = new Command();
  private readonly reader = new ByteReader(new Uint8Array(0));

  constructor(core: MemberCore) {
    this.core = core;
  }

  /** A message of this floor. Throws FormatError on bytes no member sends. */
  receive(peer: number, frame: Uint8Array): void {
    const reader = readerOf(frame);
    switch (frame[0]) {
      case memberMessage.FORWARD:
        this.onForward(peer, decodeForward(reader));
        return;
      case memberMessage.TOUCH:
        this.onTouch(peer, decodeSessions(reader));
        return;
      case memberMessage.BARRIER:
        this.onBarrier(peer, decodeBarrier(reader).number);
        return;
      case memberMessage.TOUCHED: {
        const { number, sessionIds } = decodeSessions(reader);
        if (peer === this.core.zab.leaderId) this.core.touches.answered(number, sessionIds);
        return;
      }
      case memberMessage.BARRIER_AT: {
        const { number, zxid } = decodeBarrier(reader);
        if (peer === this.core.zab.leaderId) this.core.barriers.answered(number, zxid);
        return;
      }
      case memberMessage.CHANGE:
        if (this.core.zab.isSynced(peer)) this.core.changes.onChange(peer, decodeChange(reader));
        return;
      case memberMessage.CHANGED:
        if (peer === this.core.zab.leaderId || this.core.zab.leaderId === 0)
          this.core.changes.onChanged(decodeChange(reader));
        return;
      case memberMessage.DIGEST_ASK:
        if (peer === this.core.zab.leaderId) this.core.divergence.onAsk(peer, decodeDigest(reader).zxid);
        return;
      case memberMessage.DIGEST_TELL:
        this.core.divergence.onTell(peer, decodeDigest(reader));
        return;
      case memberMessage.VERDICT: {
        const { zxid, outcome } = decodeVerdict(reader);
        this.core.divergence.onVerdict(peer, zxid, outcome);
        return;
      }
      case memberMessage.MEND_ASK:
        this.core.effects.lend(peer, decodeMendAsk(reader), this.core.zab.replica.ends.starts());
        return;
      case memberMessage.MEND_TELL:
        // Asked for in an earlier run of this member.
        decodeMendTell(reader);
        return;
      default:
        throw new FormatError("not known to this program");
    }
  }

  private onForward(peer: number, chunk: Chunk): void {
    // What comes from one that has lost this leader since will come again, to whichever leader it finds.
    if (!this.core.zab.isLeading || !this.core.zab.isSynced(peer)) return;
    this.check(peer, chunk);
    this.core.proposals.add(chunk, peer);
    this.core.effects.requestTurnEnd();
  }

  /** Decodes every command strictly before anything is journalled (core.md 2); their clients were heard. */
  private check(peer: number, { commands, count }: Chunk): void {
    const { command } = this;
    let at = 0;
    for (let i = 0; i < count; i++) {
      const size = this.reader.reset(commands, at).u32();
      if (size > COMMAND_BYTES_MAX || at + 4 + size > commands.length) throw new FormatError("a command's length");
      decodeCommand(this.reader.reset(commands, at + 4, at + 4 + size), command);
      at += 4 + size;
      if (duties.has(command.type)) throw new FormatError(`a follower cannot issue a command of type ${command.type}`);
      if (command.sessionId === 0 && command.generation !== peer) throw new FormatError("a command of another member");
      if (command.sessionId !== 0) this.core.duties.sessions.touch(command.sessionId);
    }
    if (at !== commands.length) throw new FormatError("bytes behind the last command");
  }

  private onTouch(peer: number, { number, sessionIds }: SessionList): void {
    if (!this.core.zab.isLeading || !this.core.zab.isSynced(peer)) return;
    const refused = sessionIds.filter((id) => !this.core.duties.sessions.touch(id));
    this.core.keepAlives.addFor(peer, number, refused);
  }

  private onBarrier(peer: number, number: number): void {
    if (!this.core.zab.isLeading || !this.core.zab.isSynced(peer)) return;
    this.core.barriers.requestFor(peer, number);
    this.core.effects.requestTurnEnd();
  }
}
