/** Another member there is a link to, as somebody who may have what is missing. */
export interface Source {
  readonly id: number;
  /** Its program knows the question. */
  readonly canAnswer: boolean;
  /** It says that it leads, and a quorum has its history. */
  leads: boolean;
  /** It has been asked for this, by its key, and has not given it. */
  lacks: number | undefined;
  /** That is because it did not answer in time. */
  isSilent: boolean;
  /** The missing span of which it was asked for the batch before, too. */
  joinedAt: number;
}

/** Whom a member that mends its journal can ask, and what they said. */
export class MendSources {
  private readonly sources = new Map<number, Source>();
  /** Those that said what cannot be true: they are not asked any more. */
  private readonly refused = new Set<number>();
  /** Who gave something last is asked first: it reads on where it is. */
  private preferred = 0;

  up(id: number, canAnswer: boolean): void {
    this.sources.set(id, { id, canAnswer, leads: false, lacks: undefined, isSilent: false, joinedAt: 0 });
  }

  down(id: number): void {
    this.sources.delete(id);
  }

  at(id: number): Source | undefined {
    return this.sources.get(id);
  }

  prefer(id: number): void {
    this.preferred = id;
  }

  refuse(id: number): void {
    this.refused.add(id);
  }

  /** Somebody who has not been asked for this yet. */
  next(key: number): Source | undefined {
    const able = this.able.filter(({ lacks }) => lacks !== key);
    return able.find(({ id }) => id === this.preferred) ?? able[0];
  }

  /** All are asked again. */
  askAgain(): void {
    for (const source of this.sources.values()) source.lacks = undefined;
  }

  /** Who leads, and has given nothing: by then it has been asked, or cannot be. */
  leaderWithout(key: number): number | undefined {
    const leader = [...this.sources.values()].find(({ leads }) => leads);
    if (leader === undefined) return undefined;
    const isAble = leader.canAnswer && !this.refused.has(leader.id);
    return !isAble || (leader.lacks === key && !leader.isSilent) ? leader.id : undefined;
  }

  get linked(): readonly number[] {
    return [...this.sources.keys()];
  }

  /** Those who were asked and do not have it, those who did not answer, and those who cannot be asked. */
  answers(key: number): { readonly lacking: number[]; readonly silent: number[]; readonly unable: number[] } {
    const asked = this.able.filter(({ lacks }) => lacks === key);
    const able = new Set(this.able.map(({ id }) => id));
    return {
      lacking: asked.filter(({ isSilent }) => !isSilent).map(({ id }) => id),
      silent: asked.filter(({ isSilent }) => isSilent).map(({ id }) => id),
      unable: this.linked.filter((id) => !able.has(id)),
    };
  }

  private get able(): Source[] {
    return [...this.sources.values()].filter(({ id, canAnswer }) => canAnswer && !this.refused.has(id));
  }
}
