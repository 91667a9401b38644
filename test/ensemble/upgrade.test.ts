import { existsSync } from "node:fs";
import { join } from "node:path";
import { type AclEntry, connect, type MusterClient } from "@muster/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buildAtLevel } from "../../scripts/build-at-level.mjs";
import { FEATURE_LEVEL, featureLevelOf } from "../../src/core/tree/feature-level.ts";
import { MusterHome, outcomeOf } from "../integration/cli/muster-process.ts";
import { ServerGroup, type Using } from "../integration/cli/server-group.ts";

/** The newest that has no reconfigurations: an operation that tells old from new by its answer. */
const OLD_LEVEL = featureLevelOf.RECONFIGURE - 1;
const CLIENTS = 3;
const RAISED = `the ensemble is at feature level ${FEATURE_LEVEL}`;
const HELD = `the ensemble is at feature level ${OLD_LEVEL}; it rises once every member`;
const NEWER = `feature level ${FEATURE_LEVEL} is newer than this program's ${OLD_LEVEL}`;

let home: MusterHome;
let group: ServerGroup;
let old: Using;
beforeEach(async () => {
  home = new MusterHome();
  group = new ServerGroup(home);
  old = { program: await buildAtLevel(OLD_LEVEL, join(home.directory, "old-build")) };
});
afterEach(() => home.dispose());

/** Clients that write and read without pause, and what became of it. */
class Load {
  readonly failures: unknown[] = [];
  writes = 0;
  private readonly clients: MusterClient[];
  private readonly running: Promise<void>[];
  private isOver = false;

  private constructor(clients: MusterClient[]) {
    this.clients = clients;
    this.running = clients.map((client, at) => this.run(client, `/counter-${at}`));
  }

  static async start(endpoints: readonly string[]): Promise<Load> {
    const connecting = Array.from({ length: CLIENTS }, () => connect({ endpoints, connectTimeoutMs: 60_000 }));
    return new Load(await Promise.all(connecting));
  }

  /** Resolves once each client has done so many rounds more. */
  async progress(): Promise<void> {
    const enough = this.writes + 10 * CLIENTS;
    await group.until(() => this.writes >= enough || this.failures.length > 0, "the load goes on");
    expect(this.failures).toEqual([]);
  }

  /** Every call was answered, and every acknowledged write was made, once. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.running);
    await Promise.all(this.clients.map((client) => client.close()));
    expect(this.failures).toEqual([]);
  }

  private async run({ znodes }: MusterClient, path: string): Promise<void> {
    try {
      await znodes.create(path, "0");
      for (let count = 1; !this.isOver; count++) {
        expect((await znodes.set(path, `${count}`)).stat.version).toBe(count);
        const { data } = await znodes.get(path, { linearizable: count % 2 === 0 });
        expect(Buffer.from(data).toString()).toBe(`${count}`);
        this.writes++;
      }
    } catch (error) {
      this.failures.push(error);
    }
  }
}

async function replace(id: number, using: Using = {}): Promise<void> {
  await group.stop(id);
  await group.start(id, group.peers(), using);
  await group.until(async () => (await group.seen(id, id))?.role !== "looking", `member ${id} is led`);
}

/** Eight restarts under load, ms. */
const LONG_MS = 300_000;

describe("core.md 5: an upgrade, member by member", () => {
  test(
    "under load: the level rises only after the last; before, all can go back; after, none can",
    async () => {
      await group.found(3, old);
      const load = await Load.start([1, 2, 3].map((id) => group.member(id).grpc));
      await load.progress();

      // Two of three: what is new stays unused, and says so.
      for (const id of [1, 2]) {
        await replace(id);
        await load.progress();
      }
      expect(await group.refused(1, ["ensemble", "demote", "2"])).toContain(HELD);
      // Back again, with the data as it is.
      for (const id of [1, 2]) {
        await replace(id, old);
        await load.progress();
      }
      for (const id of [1, 2, 3]) expect(group.member(id).log).not.toContain(RAISED);

      for (const id of [1, 2, 3]) {
        await replace(id);
        await load.progress();
        if (id < 3) expect(group.member(id).log).not.toContain(RAISED);
      }
      await group.until(
        () => [1, 2, 3].every((id) => group.member(id).log.includes(RAISED)),
        "the level rises by itself",
      );
      await load.progress();
      expect(await group.succeed(["ensemble", "change", "2", "--weight", "2"])).toBe("changed member 2\n");
      await load.progress();
      await load.stop();

      // The old program refuses what it would not apply as the others do, names the level, and leaves the data alone.
      await group.stop(3);
      const { child, dataDir } = await group.launch(3, group.peers(), old);
      const { code, stderr } = await outcomeOf(child);
      expect(code).toBe(1);
      expect(stderr).toContain(
        `the data in ${dataDir} is of a newer version: ${NEWER}; start the version that ran there`,
      );
      expect(existsSync(join(dataDir, "damaged"))).toBe(false);
      await group.start(3, group.peers());
      await group.until(() => group.settled([1, 2, 3]), "all have the same");
      await group.stopAndVerify();
    },
    LONG_MS,
  );

  test("--feature-level-max holds the level down until lifted everywhere, and says when it is too late", async () => {
    const held: Using = { args: ["--feature-level-max", `${OLD_LEVEL}`] };
    await group.found(3, held);
    expect(await group.refused(1, ["ensemble", "demote", "2"])).toContain(HELD);
    await replace(1);
    await replace(2);
    expect(await group.refused(1, ["ensemble", "demote", "2"])).toContain(HELD);
    await replace(3, old);
    await replace(3);
    await group.until(
      () => [1, 2, 3].every((id) => group.member(id).log.includes(RAISED)),
      "the level rises by itself",
    );
    await replace(3, held);
    expect(group.member(3).log).toContain("--feature-level-max has no effect: the ensemble is above it already");

    // A program that does not know the level cannot join: it takes nothing that it could not apply, and says why.
    const late = await group.launch(4, group.peers().set(4, await group.freeAddress()), old);
    await group.until(() => late.log.includes(NEWER), "the old program names the level");
    await group.stop(4);
    await group.until(() => group.settled([1, 2, 3]), "all have the same");
  });

  test("what a level allows in an ACL is refused until every member knows it", async () => {
    const level = featureLevelOf.PROVED_ACL - 1;
    const before: Using = { program: await buildAtLevel(level, join(home.directory, "before")) };
    const acl: readonly AclEntry[] = [
      { permissions: 31, scheme: "world", id: "anyone" },
      { permissions: 1, scheme: "sasl", id: "bob" },
    ];
    await group.found(3, before);
    const endpoints = [1, 2, 3].map((id) => group.member(id).grpc);
    const client = await connect({ endpoints, connectTimeoutMs: 60_000 });
    try {
      for (const id of [1, 2, 3]) {
        await expect(client.znodes.create("/door", "", { acl })).rejects.toMatchObject({ reason: "INVALID_ACL" });
        await replace(id);
      }
      await group.until(
        () => [1, 2, 3].every((id) => group.member(id).log.includes(RAISED)),
        "the level rises by itself",
      );
      await client.znodes.create("/door", "", { acl });
      expect((await client.znodes.getAcl("/door")).acl).toEqual(acl);
    } finally {
      await client.close();
    }
    await group.until(() => group.settled([1, 2, 3]), "all have the same");
    await group.stopAndVerify();
  });
});
