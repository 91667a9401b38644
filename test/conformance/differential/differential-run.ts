import { type Baseline, Comparison, type Counts, type Difference } from "./compare.ts";
import { Correspondence } from "./correspondence.ts";
import type { Meaning } from "./encode-request.ts";
import type { ExpectedDifference } from "./expected-difference.ts";
import { CLEANER, OPEN, RESERVED } from "./pools.ts";
import { PREFIX_SIGN, type SharedZxid } from "./request.ts";
import { FUTURE_ZXID, Side } from "./side.ts";
import { type Answer, childrenOf, field, SimpleClient, statOf } from "./simple-client.ts";
import type { Outcome, Step } from "./step.ts";
import { deleteSubtree, lookAt } from "./subtree.ts";
import type { Peers } from "./target.ts";

const QUOTA = "/zookeeper/quota";

/** One sequence on both sides, in a part of the tree of its own. */
export class DifferentialRun {
  private readonly sides: readonly [Side, Side];
  private readonly clients: readonly [SimpleClient, SimpleClient];
  private readonly correspondence: Correspondence;
  private readonly comparison: Comparison;
  private readonly expected: readonly ExpectedDifference[];
  private readonly prefix: string;
  /** How often each expected difference was met, by name. */
  readonly met = new Map<string, number>();

  private constructor(prefix: string, clients: readonly [SimpleClient, SimpleClient], parts: Parts) {
    this.prefix = prefix;
    this.clients = clients;
    this.sides = parts.sides;
    this.correspondence = parts.correspondence;
    this.comparison = parts.comparison;
    this.expected = parts.expected;
  }

  /** `prefix` is a path of one name, which no other run has had. */
  static async start(
    peers: Peers,
    prefix: string,
    expected: readonly ExpectedDifference[],
  ): Promise<{ readonly run: DifferentialRun; readonly differences: readonly Difference[] }> {
    let correspondence: Correspondence | undefined;
    const meaning = (side: 0 | 1): Meaning => ({ prefix, zxid: (shared) => sharedZxid(correspondence, side, shared) });
    const meanings = [meaning(0), meaning(1)] as const;
    const targets = [peers.left, peers.right] as const;
    const open = async (side: 0 | 1): Promise<SimpleClient> => {
      const client = await SimpleClient.open(targets[side].addresses[0] as string, meanings[side]);
      await client.ask({ op: "auth", scheme: "digest", credential: CLEANER.credential });
      return client;
    };
    const clients = [await open(0), await open(1)] as const;
    await Promise.all(clients.map((client) => prepare(client)));
    const looks = await Promise.all(clients.map((client) => reservedOf(client)));
    const before = looks.map(({ zxid }) => zxid) as [bigint, bigint];
    correspondence = new Correspondence(before);
    const baselines = new Map(RESERVED.map((path, index) => [path, baselineOf(looks, index)]));
    // A path of no characters is the root, too.
    baselines.set("", baselines.get("/") as Baseline);
    const comparison = new Comparison(correspondence, baselines);
    const startSide = (side: 0 | 1): Promise<Side> => Side.start(targets[side], meanings[side], before[side]);
    const sides = [await startSide(0), await startSide(1)] as const;
    const run = new DifferentialRun(prefix, clients, { sides, correspondence, comparison, expected });
    return { run, differences: run.unexpected(run.compareReserved(looks)) };
  }

  /** Plays the step on both sides; what differs and was not expected to, and what the left side's clients saw. */
  async play(step: Step): Promise<Played> {
    const [left, right] = (await Promise.all(this.sides.map((side) => side.play(step)))) as [Outcome, Outcome];
    const rightSessions = this.sides[1].sessions;
    for (const [slot, session] of this.sides[0].sessions.entries()) {
      this.correspondence.addSession(session, rightSessions[slot] ?? 0n);
    }
    return { differences: this.unexpected(this.comparison.outcomes(step, left, right)), outcome: left, other: right };
  }

  /** Compares all that is left, ends the sessions and deletes everything. */
  async finish(): Promise<Difference[]> {
    const found: Difference[] = [];
    for (const root of [PREFIX_SIGN, `${QUOTA}${PREFIX_SIGN}`]) {
      const [left, right] = await Promise.all(this.clients.map((client) => lookAt(client, this.inRun(root))));
      const lefts = new Map((left ?? []).map((look) => [JSON.stringify(look.request), look]));
      for (const { request, answer } of right ?? []) {
        const other = lefts.get(JSON.stringify(request));
        lefts.delete(JSON.stringify(request));
        const leftValue =
          other === undefined ? "is not there" : { error: other.answer.error, value: other.answer.value };
        found.push(...this.comparison.values(request, leftValue, { error: answer.error, value: answer.value }));
      }
      for (const { request } of lefts.values())
        found.push(...this.comparison.values(request, "is there", "is not there"));
    }
    await this.clear();
    return this.unexpected(found);
  }

  /** Ends the sessions and deletes everything. */
  async clear(): Promise<void> {
    await Promise.all(
      this.clients.map(async (client, index) => {
        await this.sides[index]?.close();
        const name = this.prefix.slice(1);
        for (const folder of ["/", "/zookeeper", "/zookeeper/config", QUOTA]) {
          const names = childrenOf(await client.ask({ op: "getChildren", path: folder, watch: false }));
          const mine = names.filter((each) => each.startsWith(name));
          for (const each of mine) await deleteSubtree(client, folder === "/" ? `/${each}` : `${folder}/${each}`);
        }
        await client.close();
      }),
    );
  }

  private compareReserved(looks: readonly Reserved[]): Difference[] {
    const [left, right] = looks as [Reserved, Reserved];
    return RESERVED.flatMap((path, index) => {
      const request = { op: "getAcl", path } as const;
      return this.comparison.values(request, left.acls[index]!.value, right.acls[index]!.value);
    });
  }

  private unexpected(differences: readonly Difference[]): Difference[] {
    return differences.filter((difference) => {
      const cover = this.expected.find(({ covers }) => covers(difference));
      if (cover !== undefined) this.met.set(cover.name, (this.met.get(cover.name) ?? 0) + 1);
      return cover === undefined;
    });
  }

  private inRun(path: string): string {
    return path.replace(PREFIX_SIGN, this.prefix);
  }
}

interface Played {
  readonly differences: Difference[];
  /** What the left side's clients saw, and the right side's. */
  readonly outcome: Outcome;
  readonly other: Outcome;
}

interface Parts {
  readonly sides: readonly [Side, Side];
  readonly correspondence: Correspondence;
  readonly comparison: Comparison;
  readonly expected: readonly ExpectedDifference[];
}

function sharedZxid(correspondence: Correspondence | undefined, side: 0 | 1, shared: SharedZxid): bigint {
  if (shared === "zero") return 0n;
  if (shared === "future") return FUTURE_ZXID;
  return correspondence?.recent(shared.recent)[side] ?? 0n;
}

async function prepare(client: SimpleClient): Promise<void> {
  const { error } = await client.ask({ op: "create", path: PREFIX_SIGN, data: "", acl: OPEN, flags: 0 });
  if (error !== 0) throw new Error(`the run's own znode cannot be created: ${error}`);
}

interface Reserved {
  readonly zxid: bigint;
  readonly children: readonly (readonly string[])[];
  readonly counts: readonly Counts[];
  readonly acls: readonly Answer[];
}

/** What every ensemble has, before anything is asked. */
async function reservedOf(client: SimpleClient): Promise<Reserved> {
  const lists = await client.askAll(RESERVED.map((path) => ({ op: "getChildren2", path, watch: false }) as const));
  const numbers = await client.askAll(RESERVED.map((path) => ({ op: "getAllChildrenNumber", path }) as const));
  const acls = await client.askAll(RESERVED.map((path) => ({ op: "getAcl", path }) as const));
  const counts = lists.map((answer, index): Counts => {
    const { cversion = 0, version = 0, aversion = 0, numChildren = 0 } = statOf(answer) ?? {};
    const allChildren = Number(field(numbers[index]!.value, "count") ?? 0);
    return { cversion, version, aversion, numChildren, allChildren };
  });
  return { zxid: acls.at(-1)!.zxid, children: lists.map(childrenOf), counts, acls };
}

function baselineOf(looks: readonly Reserved[], index: number): Baseline {
  const [left, right] = looks as [Reserved, Reserved];
  return {
    children: [left.children[index]!, right.children[index]!],
    counts: [left.counts[index]!, right.counts[index]!],
  };
}
