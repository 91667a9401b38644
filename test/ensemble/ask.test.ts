import { expect, onTestFinished, test } from "vitest";
import { AskDesk } from "../../src/coordination/ask-desk.ts";
import { ASK_MS } from "../../src/coordination/ask-limits.ts";
import type { AskOutcome } from "../../src/coordination/port.ts";
import { EnsembleLinks, type LinkEvents } from "../../src/runtime/ensemble-links.ts";
import { EnsembleRig } from "./ensemble-rig.ts";

/** A slow machine is not a failure, as long as the bound is what ended it. */
const MARGIN_MS = 5_000;
const ASKER = 9;

/** In this process: a member that wants to join, with links to all of the ensemble, and asks them. */
class Asker {
  private readonly links: EnsembleLinks;
  private readonly desk: AskDesk;

  private constructor(links: EnsembleLinks, memberIds: readonly number[]) {
    this.links = links;
    const onNotice = () => expect.unreachable();
    this.desk = new AskDesk({ memberId: ASKER, memberIds: () => memberIds, links, onNotice });
    this.desk.answer("whatever", (question) => question.answer(new Uint8Array(0)));
  }

  static async of({ members }: EnsembleRig): Promise<Asker> {
    const ignore = () => undefined;
    const events: LinkEvents = {
      linkUp: ignore,
      linkDown: ignore,
      received: ignore,
      heard: ignore,
      bulkArrived: ignore,
      onNotice: ignore,
    };
    const links = await EnsembleLinks.open(
      { id: ASKER, incarnation: "9".repeat(32), configuration: undefined },
      {
        listen: "127.0.0.1:0",
        members: members.map(({ id, peerListen }) => ({ id, address: peerListen })),
        version: "0",
      },
      events,
    );
    onTestFinished(() => links.stop());
    return new Asker(
      links,
      members.map(({ id }) => id),
    );
  }

  /** Resolves once all these say that they can be asked. */
  async linked(...ids: number[]): Promise<void> {
    const isLinked = (id: number) => this.links.peers.get(id)?.said?.answersAsks === true;
    while (!ids.every(isLinked)) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async ask(): Promise<{ told: string[]; ms: number }> {
    const begin = performance.now();
    const { answers, missing, partial } = await new Promise<AskOutcome>((resolve) => {
      this.desk.ask("all", "whatever", new Uint8Array(0), resolve);
    });
    expect(partial).toBe(missing.length > 0);
    const told = [
      ...answers.map(({ memberId, reason }) => `${memberId}: ${reason ?? "answered"}`),
      ...missing.map(({ memberId, reason }) => `${memberId} missing: ${reason}`),
    ];
    return { told, ms: performance.now() - begin };
  }
}

test("products.md 2: ask with one member dead answers within the bound and says which", async () => {
  const rig = await EnsembleRig.start();
  const asker = await Asker.of(rig);
  await asker.linked(1, 2, 3);
  // Members that nobody has taught the topic say so: an answer, and not a lost one.
  const alive = ["1: UNSUPPORTED", "2: UNSUPPORTED"];
  expect((await asker.ask()).told).toEqual([...alive, "3: UNSUPPORTED", "9: answered"]);

  rig.member(3).pause();
  const late = await asker.ask();
  expect(late.told).toEqual([...alive, "9: answered", "3 missing: DEADLINE_EXCEEDED"]);
  expect(late.ms).toBeLessThan(ASK_MS + MARGIN_MS);

  await rig.member(3).kill();
  // Its connections end with it: from then on nobody waits for it.
  const gone = [...alive, "9: answered", "3 missing: MEMBER_NOT_CONNECTED"];
  await expect.poll(async () => (await asker.ask()).told, { timeout: MARGIN_MS }).toEqual(gone);

  await rig.member(3).start();
  await asker.linked(3);
  expect((await asker.ask()).told).toEqual([...alive, "3: UNSUPPORTED", "9: answered"]);
});
