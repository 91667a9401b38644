import { FEATURE_LEVEL } from "../../../src/core/tree/feature-level.ts";
import type { ConfiguredMember } from "../../../src/core/zab/ensemble-configuration.ts";
import type { ClientBook } from "../client-book.ts";
import type { Machine } from "../machine.ts";
import { demand } from "../violation.ts";
import { isMajority } from "./voting.ts";
import type { ZabChecker } from "./zab-checker.ts";

/** Who is of the ensemble, and in which state the machines of its members are. */
export class Roll {
  private readonly bootstrap: readonly ConfiguredMember[];
  private readonly machines: ReadonlyMap<number, Machine>;
  private readonly book: ClientBook;
  private readonly checker: () => ZabChecker;

  constructor(
    bootstrap: readonly ConfiguredMember[],
    machines: ReadonlyMap<number, Machine>,
    book: ClientBook,
    checker: () => ZabChecker,
  ) {
    this.bootstrap = bootstrap;
    this.machines = machines;
    this.book = book;
    this.checker = checker;
  }

  /** By the latest committed configuration. */
  get configured(): readonly ConfiguredMember[] {
    return this.book.configuration?.members ?? this.bootstrap;
  }

  /** The latest configuration has it as it is now, or does not have it at all. */
  isSettled(id: number): boolean {
    const known = this.configured.find((member) => member.id === id);
    return known === undefined || this.isRight(known);
  }

  isVoter(id: number): boolean {
    return this.configured.some((known) => known.id === id && known.role === "voter" && this.isKnown(known));
  }

  isQuorum(ids: readonly number[]): boolean {
    const configurations = [...this.checker().configurations].map((each) => each ?? this.bootstrap);
    return configurations.every((configured) => {
      const counted = configured.filter((known) => ids.includes(known.id) && this.isKnown(known));
      return isMajority(configured, new Set(counted.map(({ id }) => id)));
    });
  }

  get isWhole(): boolean {
    return this.configured.every((known) => this.isKnown(known));
  }

  /** It can be counted on: it is right, and nothing it was before can be held against it or others. */
  private isKnown(member: ConfiguredMember): boolean {
    const { isCondemned, wasTainted } = this.machine(member.id);
    return this.isRight(member) && !isCondemned && !wasTainted;
  }

  /** It has the disk the ensemble knows, can read it, and has the same tree as all. */
  private isRight({ id, incarnation }: ConfiguredMember): boolean {
    const machine = this.machine(id);
    const { isDamaged, isTainted, isRotten } = machine;
    return machine.incarnation === incarnation && !isDamaged && !isTainted && !isRotten;
  }

  /** Every member of the configuration runs a program that knows the level. */
  requireLevel(level: number): void {
    for (const { id } of this.configured) {
      const offered = this.machine(id).featureLevel ?? FEATURE_LEVEL;
      demand(offered >= level, "core.md 5: the level rises when all know it", () => `to ${level}, ${id} at ${offered}`);
    }
  }

  private machine(id: number): Machine {
    return this.machines.get(id) as Machine;
  }
}
