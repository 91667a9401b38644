import { formatZxid } from "../../src/core/base/zxid.ts";
import type { Member } from "../../src/core/member/member.ts";
import { commandType } from "../../src/core/tree/command-type.ts";
import type { ClientBook } from "./client-book.ts";
import type { Machine } from "./machine.ts";
import type { MemberChecker } from "./member-checker.ts";
import { demand } from "./violation.ts";

export interface TaintedMember {
  readonly id: number;
  readonly member: Member;
  readonly book: ClientBook;
  readonly trace: ((text: () => string) => void) | undefined;
}

/**
 * A member whose tree is made wrong. What it reads may be wrong, until it has noticed a difference; then a quorum has
 * to condemn it, and another member's snapshot to take the tree's place.
 */
export class Taint {
  private readonly host: TaintedMember;
  private readonly machine: Machine;
  private readonly checker: MemberChecker;
  /** Where it was when it noticed. */
  private warnedZxid = 0;
  private isSpared = false;
  /** Since when its tree is right. */
  private rightZxid: number;

  /** A member starts: its snapshot and journal may have given back the right tree. */
  constructor(host: TaintedMember, machine: Machine, checker: MemberChecker) {
    this.host = host;
    this.machine = machine;
    this.checker = checker;
    const { tree } = host.member;
    machine.isTainted = (machine.isTainted || machine.isSuspect) && !checker.isRight(tree);
    this.rightZxid = machine.isTainted ? Number.POSITIVE_INFINITY : tree.zxid;
    // Nothing has been replayed: the tree is the snapshot's.
    if (!machine.isTainted && machine.snapshot.meta?.zxid === tree.zxid) machine.isSuspect = false;
    machine.isCondemned = false;
    checker.isTainted = machine.isTainted;
    checker.wasTainted = machine.isTainted;
    machine.wasTainted = machine.isTainted;
  }

  /** See {@link Machine.wasTainted}. */
  get wasTainted(): boolean {
    return this.machine.wasTainted;
  }

  /** Nothing that was planned befalls it. */
  spare(): void {
    this.isSpared = true;
  }

  /** Applies the next SET with a byte changed, if that is still survived then. */
  diverge(isSurvived: () => boolean): void {
    const { tree } = this.host.member;
    const apply = tree.apply.bind(tree);
    tree.apply = (zxid, command) => {
      const { dataStart, dataEnd } = command.leaf;
      if (command.type === commandType.SET && dataEnd > dataStart && tree.apply !== apply) {
        tree.apply = apply;
        if (this.isSpared || !isSurvived()) return apply(zxid, command);
        command.bytes = command.bytes.slice();
        command.bytes[dataStart] = (command.bytes[dataStart] as number) ^ 1;
        this.begin(zxid);
      }
      return apply(zxid, command);
    };
  }

  private begin(zxid: number): void {
    this.machine.isTainted = true;
    this.machine.isSuspect = true;
    this.rightZxid = Number.POSITIVE_INFINITY;
    this.checker.isTainted = true;
    this.checker.wasTainted = true;
    this.machine.wasTainted = true;
    this.host.trace?.(() => `applies ${formatZxid(zxid)} with a byte changed`);
    this.host.book.count("members diverged");
  }

  /** It has found a difference, or a quorum has condemned it. */
  noticed(kind: "diverged" | "condemned"): void {
    const { book, id, member } = this.host;
    book.count(kind === "diverged" ? "digest mismatch" : kind);
    this.checker.isWarned = true;
    this.warnedZxid = member.tree.zxid;
    if (kind === "condemned") this.machine.isCondemned = true;
    if (kind === "diverged" || this.wasTainted) return;
    // What it is condemned for may be what it said of a tree that a restart or a snapshot has taken away since.
    const isDue = (book.counts.get("members diverged") ?? 0) > 0;
    demand(isDue, "core.md 29: a quorum says who is wrong", () => `${id} is right`);
    book.count("condemned though right");
  }

  /** After each event. */
  settled(): void {
    const { checker } = this;
    const { tree } = this.host.member;
    // The command was refused, or its effect has been overwritten: one on probation may be found right for that.
    const isServing = !checker.isWarned || !this.host.member.isInDoubt;
    if (checker.isTainted && isServing && checker.isRight(tree)) this.untaint();
    // A quorum has found it right.
    if (!checker.isTainted && tree.zxid > this.warnedZxid) checker.isWarned = false;
  }

  /** A snapshot has taken the tree's place. */
  repaired(): void {
    this.untaint();
    this.machine.isCondemned = false;
    this.checker.wasTainted = false;
    this.machine.wasTainted = false;
  }

  /** Its own snapshot is now the tree as it was at this zxid. */
  saved(zxid: number): void {
    if (zxid >= this.rightZxid) this.machine.isSuspect = false;
  }

  /** The first zxid at which a snapshot of its own can be trusted. */
  get trustedZxid(): number {
    return this.machine.isSuspect && !this.machine.isTainted ? this.rightZxid : 0;
  }

  private untaint(): void {
    this.rightZxid = this.host.member.tree.zxid;
    this.machine.isTainted = false;
    this.checker.isTainted = false;
    this.checker.isWarned = false;
  }
}
