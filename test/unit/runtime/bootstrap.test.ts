import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { EnsembleConfiguration } from "../../../src/core/zab/ensemble-configuration.ts";
import {
  bootstrapConfiguration,
  decideStart,
  EnsembleStart,
  type InitialMember,
  type SeenPeer,
  WAIT_NOTICE_MS,
} from "../../../src/runtime/bootstrap.ts";
import { encodePeerAbout, type PeerAbout } from "../../../src/runtime/peer-about.ts";
import type { PeerInfo } from "../../../src/transport/peer-transport.ts";
import "../../support/fixed-seed.ts";

const members = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    incarnation: fc.string({ minLength: 1, maxLength: 32 }),
    address: fc.string({ minLength: 1, maxLength: 30 }),
  }),
  { minLength: 1, maxLength: 7, selector: ({ id }) => id },
);

function member(id: number): InitialMember {
  return { id, incarnation: `incarnation-${id}`, address: `host-${id}:7402` };
}

function aboutOf(initialIds: readonly number[], changes: Partial<PeerAbout> = {}): PeerAbout {
  const addresses = { grpcAddress: "", httpAddress: "", zookeeperAddress: "" };
  const about = { ...addresses, version: "1", featureLevel: 1, answersMending: true, answersAsks: true };
  const sorted = [...initialIds].sort((a, b) => a - b);
  return { isEmpty: true, configuration: undefined, initialIds: sorted, ...about, ...changes };
}

function empty(of: InitialMember, initialIds: readonly number[]): SeenPeer {
  return { ...of, about: aboutOf(initialIds) };
}

function configured(of: InitialMember, configuration: EnsembleConfiguration): SeenPeer {
  return { ...of, about: aboutOf([], { isEmpty: false, configuration }) };
}

const three = [member(1), member(2), member(3)] as const;
const [one, two, third] = three;

describe("core.md 26: bootstrapping", () => {
  it("all members compute the same configuration, whatever the order they list and meet each other in", () => {
    const run = fc.tuple(members, fc.infiniteStream(fc.nat()));
    fc.assert(
      fc.property(run, ([all, chance]) => {
        const shuffled = <T>(list: readonly T[]): T[] =>
          list
            .map((value) => ({ value, at: chance.next().value as number }))
            .sort((a, b) => a.at - b.at)
            .map(({ value }) => value);
        const decisions = all.map((own) => {
          const ids = shuffled(all.map(({ id }) => id));
          const others = shuffled(all.filter(({ id }) => id !== own.id));
          return decideStart(
            own,
            ids,
            others.map((each) => empty(each, shuffled(ids))),
          );
        });
        for (const decision of decisions) expect(decision).toEqual(decisions[0]);
        const [first] = decisions;
        if (first?.kind !== "bootstrap") throw new Error("not decided");
        expect(first.configuration.ensembleId).toMatch(/^[0-9a-f]{32}$/);
        expect(first.configuration.members.map(({ id }) => id)).toEqual(all.map(({ id }) => id).sort((a, b) => a - b));
      }),
    );
  });

  it("gives another ensemble id when any id, address or incarnation is another", () => {
    const { ensembleId } = bootstrapConfiguration(three);
    for (const change of [{ id: 4 }, { incarnation: "wiped" }, { address: "elsewhere:1" }]) {
      expect(bootstrapConfiguration([one, two, { ...third, ...change }]).ensembleId).not.toBe(ensembleId);
    }
    // Fields do not run into each other.
    const shifted = { ...one, incarnation: `${one.incarnation}h`, address: one.address.slice(1) };
    expect(bootstrapConfiguration([shifted, two, third]).ensembleId).not.toBe(ensembleId);
  });

  it("keeps its id from version to version: members of two versions bootstrap together", () => {
    expect(bootstrapConfiguration(three).ensembleId).toBe("3a71b45cded19592b359512a7d607c74");
  });

  it("waits while an initial member is missing, and names it", () => {
    expect(decideStart(one, [1, 2, 3], [empty(two, [1, 2, 3])])).toEqual({ kind: "wait", waitsFor: "member 3" });
    expect(decideStart(one, [1, 2, 3], [])).toEqual({ kind: "wait", waitsFor: "member 2, member 3" });
  });

  it("waits for a member that has data and no configuration", () => {
    const odd = { ...two, about: aboutOf([1, 2], { isEmpty: false }) };
    const decision = decideStart(one, [1, 2], [odd]);
    expect(decision).toEqual({ kind: "wait", waitsFor: "member 2 (it has data, and no configuration)" });
  });

  it("waits while the members' lists differ, or two ensembles would come of it", () => {
    const decision = decideStart(one, [1, 2], [empty(two, [1, 2, 3])]);
    expect(decision).toEqual({ kind: "wait", waitsFor: "member 2 (its --ensemble lists 1, 2, 3, ours 1, 2)" });
  });

  it("never counts a peer outside the list", () => {
    const decision = decideStart(one, [1, 2], [empty(two, [1, 2]), empty(third, [1, 2])]);
    expect(decision).toEqual({ kind: "bootstrap", configuration: bootstrapConfiguration([one, two]) });
  });
});

describe("core.md 26: meeting an ensemble", () => {
  const configuration = bootstrapConfiguration(three);

  it("adopts a configuration that lists this id and incarnation, even while others are missing or empty", () => {
    expect(decideStart(one, [1, 2, 3], [configured(two, configuration)])).toEqual({ kind: "adopt", configuration });
    const peers = [empty(third, [1, 2, 3]), configured(two, configuration)];
    expect(decideStart(one, [1, 2, 3], peers)).toEqual({ kind: "adopt", configuration });
  });

  it("joins one that lists the id with another incarnation: the disk was wiped", () => {
    const wiped = { ...one, incarnation: "after the wipe" };
    expect(decideStart(wiped, [1, 2, 3], [configured(two, configuration)])).toEqual({ kind: "join", configuration });
  });

  it("joins one that does not know it", () => {
    expect(decideStart(member(4), [1, 2, 3], [configured(two, configuration)])).toEqual({
      kind: "join",
      configuration,
    });
  });

  it("adopts rather than joins, if one peer's configuration is behind another's", () => {
    const older = { ...configuration, members: configuration.members.slice(1) };
    const decision = decideStart(one, [1, 2, 3], [configured(two, older), configured(third, configuration)]);
    expect(decision).toEqual({ kind: "adopt", configuration });
  });

  it("waits between two ensembles", () => {
    const other = { ...configuration, ensembleId: "fedcba9876543210fedcba9876543210" };
    const decision = decideStart(one, [1, 2, 3], [configured(third, other), configured(two, configuration)]);
    expect(decision).toEqual({
      kind: "wait",
      waitsFor: "members 2 and 3 to belong to one ensemble: they belong to two",
    });
  });

  it("a member outside the initial list never bootstraps: it waits for an ensemble", () => {
    const peers = three.map((each) => empty(each, [1, 2, 3]));
    expect(decideStart(member(4), [1, 2, 3], peers)).toEqual({
      kind: "wait",
      waitsFor: "a member that belongs to an ensemble",
    });
  });
});

describe("EnsembleStart", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function start(own: InitialMember, initialIds: readonly number[]) {
    const notices: string[] = [];
    return {
      notices,
      start: new EnsembleStart({ own, initialIds, onNotice: (_level, text) => void notices.push(text) }),
    };
  }

  function info(of: SeenPeer): PeerInfo {
    const { id, incarnation, address, about } = of;
    return {
      id,
      incarnation,
      address,
      ensembleId: about.configuration?.ensembleId ?? "",
      about: encodePeerAbout(about),
    };
  }

  it("an ensemble of one bootstraps at once, listed or not", async () => {
    for (const ids of [[1], []]) {
      const rig = start(one, ids);
      expect(await rig.start.decided).toEqual({ kind: "bootstrap", configuration: bootstrapConfiguration([one]) });
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  it("says every 5 s whom it waits for, and nothing once it is decided", async () => {
    const rig = start(one, [1, 2, 3]);
    vi.advanceTimersByTime(WAIT_NOTICE_MS);
    rig.start.onUp(info(empty(two, [1, 2, 3])));
    vi.advanceTimersByTime(2 * WAIT_NOTICE_MS);
    expect(rig.notices).toEqual([
      "this member is empty and waits for member 2, member 3",
      "this member is empty and waits for member 3",
      "this member is empty and waits for member 3",
    ]);
    rig.start.onUp(info(empty(third, [1, 2, 3])));
    expect((await rig.start.decided).kind).toBe("bootstrap");
    vi.advanceTimersByTime(10 * WAIT_NOTICE_MS);
    expect(rig.notices.length).toBe(3);
  });

  it("forgets a peer whose link went down: all must be there at once", async () => {
    const rig = start(one, [1, 2, 3]);
    rig.start.onUp(info(empty(two, [1, 2, 3])));
    rig.start.onDown(2);
    rig.start.onUp(info(empty(third, [1, 2, 3])));
    vi.advanceTimersByTime(WAIT_NOTICE_MS);
    expect(rig.notices).toEqual(["this member is empty and waits for member 2"]);
    const wiped = { ...two, incarnation: "after the wipe" };
    rig.start.onUp(info(empty(wiped, [1, 2, 3])));
    const { configuration } = await rig.start.decided;
    expect(configuration).toEqual(bootstrapConfiguration([one, wiped, third]));
  });

  it("follows a peer that finds its ensemble while the link is up", async () => {
    const rig = start(one, [1, 2, 3]);
    rig.start.onUp(info(empty(two, [1, 2, 3])));
    const configuration = bootstrapConfiguration(three);
    rig.start.onIdentity(info(configured(two, configuration)));
    expect(await rig.start.decided).toEqual({ kind: "adopt", configuration });
  });

  it("names a peer whose description it cannot read, and does not count it", () => {
    const rig = start(one, [1, 2]);
    rig.start.onUp({ ...info(empty(two, [1, 2])), about: Uint8Array.of(9) });
    expect(rig.notices[0]).toContain("what member 2 says of itself cannot be read");
    vi.advanceTimersByTime(WAIT_NOTICE_MS);
    expect(rig.notices[1]).toContain("waits for member 2");
    rig.start.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
