import { BatchReader } from "../../src/core/tree/batch.ts";
import { configurationOfBatch } from "../../src/core/tree/batch-configuration.ts";
import { Command, commandType, decodeCommand } from "../../src/core/tree/command.ts";
import { decodeConfiguration } from "../../src/core/zab/ensemble-configuration.ts";
import type { Zab } from "../../src/core/zab/zab.ts";
import type { ClientBook } from "./client-book.ts";
import type { ZabChecker } from "./ensemble/zab-checker.ts";
import type { MemberChecker } from "./member-checker.ts";

export interface ObservedMember {
  readonly id: number;
  readonly zab: Zab;
  readonly checker: MemberChecker;
  readonly zabChecker: ZabChecker;
  readonly book: ClientBook;
  readonly taint: { readonly wasTainted: boolean };
  readonly raises: ((level: number) => void) | undefined;
  /** Virtual time. */
  readonly timeMs: number;
}

/**
 * Watches what zab does inside a member, for the checker: what it proposes, and when its leader is established or gives
 * up. Reaches into it, since a member shows none of that.
 */
export class ZabObserver {
  private readonly member: ObservedMember;
  private leadingSince = 0;
  private isEstablished = false;
  /** It has begun an epoch because the counter of the last one ended. */
  private isRollingOver = false;

  constructor(member: ObservedMember) {
    this.member = member;
    const { zab } = member;
    const effects = zab.effects as { -readonly [K in keyof Zab["effects"]]: Zab["effects"][K] };
    const { established, looking } = effects;
    effects.established = (epoch) => {
      this.established(epoch);
      established(epoch);
    };
    effects.looking = (why) => {
      member.zabChecker.deposed(member.id);
      if (zab.isChanging) member.book.count("reconfiguration during an election");
      this.isEstablished = false;
      this.isRollingOver = false;
      looking(why);
    };
    const nextZxid = zab.nextZxid.bind(zab);
    zab.nextZxid = (count) => {
      const wasEstablished = zab.isEstablished;
      const zxid = nextZxid(count);
      if (wasEstablished && !zab.isEstablished) this.isRollingOver = true;
      return zxid;
    };
    const propose = zab.propose.bind(zab);
    zab.propose = (body, ...more) => {
      this.proposes(body);
      propose(body, ...more);
    };
  }

  private established(epoch: number): void {
    const { zabChecker, id, timeMs, book } = this.member;
    zabChecker.established(id, epoch);
    // A new epoch under the same leader restarts no timer.
    if (!this.isEstablished) this.leadingSince = timeMs;
    else if (this.isRollingOver) book.count("rollover");
    this.isRollingOver = false;
    this.isEstablished = true;
  }

  private proposes(body: Uint8Array): void {
    const { zabChecker, id, zab, timeMs, book, checker } = this.member;
    const reader = new BatchReader();
    const { firstZxid, count, digestZxid: knownZxid } = reader.open(body);
    zabChecker.committed(id, zab.commitZxid);
    const brought = configurationOfBatch(body);
    const configuration = brought && decodeConfiguration(brought).members;
    const lastZxid = firstZxid + count - 1;
    const { wasTainted: isByTainted } = this.member.taint;
    zabChecker.proposed(id, { firstZxid, lastZxid, body, configuration, isByTainted, knownZxid }, zab.lastZxid);
    const command = new Command();
    for (let left = count; left > 0; left--) {
      decodeCommand(reader.next(), command);
      if (command.type === commandType.RAISE_FEATURE_LEVEL) this.member.raises?.(command.featureLevel);
      if (command.type !== commandType.EXPIRE_SESSION) continue;
      const session = checker.replay.model.sessions.get(command.target);
      // Moved since: it will be refused.
      if (session?.generation !== command.targetGeneration) continue;
      book.expires(command.target, session.timeoutMs, this.leadingSince, timeMs);
    }
  }
}
